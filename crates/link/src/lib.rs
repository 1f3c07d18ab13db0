//! How functions are linked, and the benchmark's floors: for their build scripts.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "so cargo talks with a build script")]

use std::{env, path::Path};

/// Where what is called is told to lie, beside each package.
const LAYOUT: &str = "link/layout.ld";

/// Tells cargo how the binary of this package is linked.
pub fn tell_cargo() {
    let [libc, linker, target, package] =
        ["CARGO_CFG_TARGET_ENV", "RUSTC_LINKER", "TARGET", "CARGO_MANIFEST_DIR"].map(of_cargo);
    // Cargo tells a script the linker, and does not ask it again when that is another one: this is where cargo-lambda says it.
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    println!("cargo::rerun-if-changed=../{LAYOUT}");
    for argument in arguments(&libc, &linker, &Path::new(&package).with_file_name(LAYOUT)) {
        println!("cargo::rustc-link-arg={argument}");
    }
}

fn of_cargo(variable: &str) -> String {
    env::var(variable).unwrap_or_default()
}

/// What a linker is told besides what rustc tells it.
fn arguments(libc: &str, linker: &str, layout: &Path) -> Vec<String> {
    // cargo-lambda brings Zig, for which it means nothing what rustc says about binaries that can be loaded at any address; and what Zig
    // understands, undoes for others what rustc has said. The layout names Zig's libraries, too.
    if libc == "musl" && linker.contains("zigcc") {
        vec!["-pie".to_owned(), "-T".to_owned(), layout.display().to_string()]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zig_is_told_where_things_lie() {
        let zig = "/home/me/.cache/cargo-zigbuild/0.23.0/wrappers/1/zigcc-x86_64-unknown-linux-musl-e859.sh";
        let layout = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(LAYOUT);
        assert!(layout.is_file());
        assert_eq!(arguments("musl", zig, &layout), ["-pie", "-T", &layout.display().to_string()]);
    }

    #[test]
    fn other_linkers_do_as_rustc_says() {
        let told = |libc, linker| arguments(libc, linker, Path::new(LAYOUT));
        assert!(told("musl", "").is_empty());
        assert!(told("musl", "rust-lld").is_empty());
        assert!(told("gnu", "zigcc-x86_64-unknown-linux-gnu.2.34-e859.sh").is_empty());
    }
}
