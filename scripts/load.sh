#!/usr/bin/env bash
# Sees what the release binaries make of much at once and of a long life: bursts, large fleets, ten thousand invocations. Needs the
# functions built: scripts/test.sh builds them.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

need cargo "install Rust from https://rustup.rs"
[ -d target/lambda ] || fail "target/lambda does not exist: build the functions first, as scripts/test.sh and scripts/demo.sh do"
# A million calls are too many to hold against the roles, and none of them is of a new kind.
unset DOZE_CALLS
cargo run --quiet --locked -p faults --bin load -- target/lambda
