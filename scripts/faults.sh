#!/usr/bin/env bash
# faults.sh [NUMBER...]: does to the release binaries what AWS and the world can do, and writes docs/faults.md if all of it holds.
# Needs the functions built: scripts/test.sh builds them.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

need cargo "install Rust from https://rustup.rs"
[ -d target/lambda ] || fail "target/lambda does not exist: build the functions first, as scripts/test.sh and scripts/demo.sh do"
cargo build --quiet --locked -p faults --bins
cargo run --quiet --locked -p faults -- target/lambda docs/faults.md "$@"
