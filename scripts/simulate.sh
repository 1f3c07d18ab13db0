#!/usr/bin/env bash
# simulate.sh [COUNT [SEED]]: plays so many random histories of an account (100,000) from that seed on (0), and prints the smallest one
# that breaks a rule, if one does. Needs cargo alone.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

need cargo "install Rust from https://rustup.rs"
# Without the SDK: the simulator is AWS, as far as the product can tell.
exec cargo run --quiet --locked --release --manifest-path "$root/Cargo.toml" --package simulator -- "${1:-100000}" "${2:-0}"
