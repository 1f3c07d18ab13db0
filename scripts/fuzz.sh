#!/usr/bin/env bash
# Looks for input that breaks something: fuzz.sh [TARGET [SECONDS]], or every target in turn; 60 seconds each unless told
# otherwise. Ends with 0 if nothing was found. What it learns is kept in the cache folder, and used by the next run.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

targets=(answer event http measurements schedule settings token)
target=${1:-all}
seconds=${2:-60}
[ $# -le 2 ] || fail "usage: fuzz.sh [TARGET [SECONDS]]"
[[ " all ${targets[*]} " == *" $target "* ]] || fail "no such target: '$target'; there are: all ${targets[*]}"
[[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || fail "no number of seconds: '$seconds'"
[ "$target" = all ] || targets=("$target")
need cargo "install Rust from https://rustup.rs"
need python3 "install Python 3.10 or newer"
need c++ "libFuzzer is compiled from C++ (Debian: install g++)"

# What `cargo fuzz build --sanitizer none` passes to the compiler. Said here, since that tool is one more to install, and
# everything else it does is for nightly compilers. No sanitizer, since the product has no unsafe code.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
# Named although it is this machine's, or build scripts and macros would be instrumented, too.
host=$(rustc -vV | sed -n 's/^host: //p')
built=$CARGO_TARGET_DIR/fuzz
bins=()
for name in "${targets[@]}"; do bins+=(--bin "$name"); done
say "Building"
cargo build --release --locked --manifest-path fuzz/Cargo.toml --features libfuzzer --target-dir "$built" --target "$host" "${bins[@]}"

for name in "${targets[@]}"; do
  kept=$cache/fuzz/$name
  say "$name, for $seconds seconds"
  mkdir -p "$kept/corpus" "$kept/found"
  python3 scripts/fuzz_corpus.py "$name" "$kept/seeds"
  # The functions' log goes to standard output, which is nobody's here.
  "$built/$host/release/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -close_fd_mask=1 \
    -print_final_stats=1 -artifact_prefix="$kept/found/" "$kept/corpus" "$kept/seeds" >"$kept/log" 2>&1 ||
    fail "$name found something: see $kept/log; what did it is in $kept/found, and belongs into fuzz/fixtures/$name"
  grep -E 'DONE|number_of_executed_units' "$kept/log"
done
