#!/usr/bin/env bash
# install_cargo_tool.sh NAME: prints the path of a tool that cargo builds. What is missing in the cache folder, or has another version
# than the one below, is built: two minutes or more on one core, and 1 GB of memory. No bot raises these versions.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

name=${1:-}
case $name in
  # Without its own TLS: the machine's git fetches the advisories.
  cargo-deny) version=0.20.2 options=(--no-default-features) ;;
  cargo-cyclonedx) version=0.5.9 options=() ;;
  cfn-guard) version=3.2.1 options=() ;;
  *) fail "no such tool: '$name'" ;;
esac

has_version() {
  [ "$("$cache/bin/$name" "$@" --version 2>/dev/null | awk '{ print $NF }')" = "$version" ]
}

# The subcommand's name comes first where the tool takes itself for a part of cargo.
if ! has_version && ! has_version "${name#cargo-}"; then
  need cargo "install Rust from https://rustup.rs"
  say "Building $name $version into $cache/bin" >&2
  # In a target folder of its own, which cargo removes: nothing of it serves again. Not optimized: beside the lints that takes two and a
  # half minutes instead of five, and judges as fast.
  (cd "$root" && env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --quiet --root "$cache" --force --locked \
    --version "=$version" "${options[@]}" "$name") >&2 || fail "$name $version cannot be built"
fi
printf '%s\n' "$cache/bin/$name"
