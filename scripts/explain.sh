#!/usr/bin/env bash
# Why would Doze stop or keep an instance? Prints every gate in order, with its numbers.
#
#   scripts/explain.sh i-0123456789abcdef0 [--stack NAME]   right now, as the deployed scheduler sees it
#   scripts/explain.sh --line FILE                          a past decision, from its line in the scheduler's log
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

case ${1:-} in
  --line)
    [ $# -eq 2 ] || fail "--line takes the name of one file"
    need cargo "install Rust from https://rustup.rs"
    cargo run --quiet --manifest-path "$root/Cargo.toml" --package idleness --example decide_again --locked -- "$2"
    ;;
  *)
    install_tools
    exec "$tools/bin/python" "$root/scripts/explain.py" "$@"
    ;;
esac
