#!/usr/bin/env bash
# Judges the labelled traces of crates/traces by every preset, and prints false stops and recall. Needs cargo alone.
# Takes the options of the program: `scripts/bench-traces.sh --help` lists them.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

need cargo "install Rust from https://rustup.rs"
exec cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --package traces -- "$@"
