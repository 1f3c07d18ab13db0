//! Inputs that once broke something do so no more.

use std::{fs, path::Path};

use doze_fuzz::TARGETS;

#[test]
fn every_fixture_holds() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for folder in fs::read_dir(fixtures).expect("fixtures/ is there") {
        let folder = folder.expect("is readable").path();
        let named = TARGETS.iter().find(|(name, _)| folder.ends_with(name));
        let (_, run) = named.unwrap_or_else(|| panic!("{} belongs to no target", folder.display()));
        for file in fs::read_dir(&folder).expect("fixtures/ holds a folder a target") {
            let file = file.expect("is readable").path();
            let data = fs::read(&file).expect("is readable");
            std::panic::catch_unwind(|| run(&data)).unwrap_or_else(|_| panic!("{} breaks it", file.display()));
        }
    }
}
