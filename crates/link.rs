//! The build script of what is linked statically: it shall be loaded at any address.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "so cargo talks with a build script")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../link.rs");
    // What rustc says to a linker about this, says nothing to Zig, which cargo-lambda brings; and what Zig understands, undoes for others
    // what rustc has said.
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("RUSTC_LINKER", "zigcc") {
        println!("cargo::rustc-link-arg=-pie");
    }
}

/// Whether a variable that cargo gives to build scripts has that in it.
fn is(variable: &str, part: &str) -> bool {
    env::var(variable).is_ok_and(|value| value.contains(part))
}
