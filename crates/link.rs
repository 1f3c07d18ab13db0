//! The build script of each function: links it such that it can be loaded at any address.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "so cargo talks with a build script")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../link.rs");
    // A position-independent executable is rustc's default for this libc, too, but its flag for that says nothing to the linker that
    // cargo-lambda brings.
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        println!("cargo::rustc-link-arg-bins=-pie");
    }
}
