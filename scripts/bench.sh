#!/usr/bin/env bash
# bench.sh [quick] [--only PART]...: measures starts, further invocations, sweeps, instructions and sizes of the release binaries,
# beside the least that a function in Rust does, and beside what people use today. Prints a page, which is also in
# target/bench/report.md, and every round in target/bench/report.json. The parts are cold, warm, sweep, instructions and sizes.
# Nothing fails by a figure. The whole takes about ten minutes, quick three, after everything is built; the first time, the SDK is
# compiled twice: for the functions, and for the same code on its defaults.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

options=()
if [ "${1:-}" = quick ]; then
  options+=(--quick)
  shift
fi

install_tools
python=$(venv bench)/bin/python || exit
build_functions >&2
say "Building the benchmark" >&2
# By itself: with the rest of the workspace, the floor would be built with what only the functions need of its crates.
cargo build --release --quiet --locked --manifest-path "$root/Cargo.toml" --package bench --examples
# The floors once more, as the functions are built.
target=$(static_target "$(this_architecture)") || exit
(
  cd "$root"
  cargo lambda build --quiet --release --locked --target "$target" --lambda-dir "$root/target/bench/floors" --package bench \
    --example floor-hello --example floor-scheduler >&2
)
cargo build --release --quiet --locked --manifest-path "$root/crates/bench/defaults/Cargo.toml" --target-dir "$CARGO_TARGET_DIR/defaults"
mkdir -p "$root/target/bench"
say "Measuring" >&2
# Not `cargo run`, whose own process would be in the way of an interrupt.
exec "$CARGO_TARGET_DIR/release/examples/bench" measure --functions "$root/target/lambda" --floors "$root/target/bench/floors" \
  --defaults "$CARGO_TARGET_DIR/defaults/release/scheduler-on-defaults" --python "$python" \
  --scripts "$root/scripts/bench" --out "$root/target/bench" "${options[@]}" "$@"
