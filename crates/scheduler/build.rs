//! The build script: how the binary is linked.

fn main() {
    link::tell_cargo();
}
