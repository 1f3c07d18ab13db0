//! What the documents show is what the code takes.

use std::{fs, path::Path};

use idleness::Policies;

#[test]
fn every_policy_in_the_documents_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut read = 0;
    for file in ["docs/policies.md", "crates/idleness/src/policies.rs"] {
        let text = fs::read_to_string(root.join(file)).expect("is there");
        let text = text.lines().map(|line| line.trim_start().trim_start_matches("///")).collect::<Vec<_>>().join("\n");
        for block in text.split("```json").skip(1) {
            let json = block.split("```").next().expect("a block has an end");
            if let Err(error) = Policies::parse(json) {
                panic!("{file}: {error}: {json}");
            }
            read += 1;
        }
    }
    assert_eq!(read, 2);
}
