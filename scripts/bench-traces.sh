#!/usr/bin/env bash
# Judges the labelled traces of crates/traces by every preset, and prints false stops and recall. Needs cargo alone.
# Takes the options of the program: `scripts/bench-traces.sh --help` lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo run --quiet --locked --package traces -- "$@"
