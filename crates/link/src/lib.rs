//! How functions are linked, and the benchmark's floors: for their build scripts.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "so cargo talks with a build script")]

use std::env;

/// Where what is called is told to lie.
const LAYOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/layout.ld");

/// Tells cargo how the binary of this package is linked.
pub fn tell_cargo() {
    println!("cargo::rerun-if-changed={LAYOUT}");
    let [libc, linker] = ["CARGO_CFG_TARGET_ENV", "RUSTC_LINKER"].map(|name| env::var(name).unwrap_or_default());
    for argument in arguments(&libc, &linker) {
        println!("cargo::rustc-link-arg={argument}");
    }
}

/// What a linker is told besides what rustc tells it.
#[must_use]
pub fn arguments(libc: &str, linker: &str) -> &'static [&'static str] {
    // cargo-lambda brings Zig, for which it means nothing what rustc says about binaries that can be loaded at any address; and what Zig
    // understands, undoes for others what rustc has said. The layout names Zig's libraries, too.
    if libc == "musl" && linker.contains("zigcc") { &["-pie", "-T", LAYOUT] } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zig_is_told_where_things_lie() {
        let zig = "/home/me/.cache/cargo-zigbuild/0.23.0/wrappers/1/zigcc-x86_64-unknown-linux-musl-e859.sh";
        assert_eq!(arguments("musl", zig), ["-pie", "-T", LAYOUT]);
        assert!(std::path::Path::new(LAYOUT).is_file());
    }

    #[test]
    fn other_linkers_do_as_rustc_says() {
        assert!(arguments("musl", "").is_empty());
        assert!(arguments("musl", "rust-lld").is_empty());
        assert!(arguments("gnu", "zigcc-x86_64-unknown-linux-gnu.2.34-e859.sh").is_empty());
    }
}
