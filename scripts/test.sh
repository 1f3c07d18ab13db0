#!/usr/bin/env bash
# Runs every gate that CI runs, the cheapest first. Ends with 0 only if all of them hold. With --long it also plays a hundred thousand
# histories, bears load, and fuzzes each target for a minute.
set -euo pipefail
case ${1:-} in
  "" | --long) ;;
  *) printf 'usage: test.sh [--long]\n' >&2 && exit 2 ;;
esac
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

install_tools
install_browser
install_judges
export tools pages judges
export DOZE_CALLS=$CARGO_TARGET_DIR/calls
rm -rf "$DOZE_CALLS"

say "Format"
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check
cargo fmt --manifest-path crates/bench/defaults/Cargo.toml --check

say "Imports point one way"
python3 scripts/check_structure.py

# Several at once, here and below, since they wait as often as they work. Each line is a title, a tab, and a command.
say "Lints, documentation, and judges of what is no Rust"
python3 scripts/at_once.py 2 <<'JOBS'
Lints and documentation	cargo clippy --workspace --all-targets --locked -- -D warnings && RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
Templates, before other judges	guard=$(scripts/install_cargo_tool.sh cfn-guard) && guard=$guard "$judges/bin/python" scripts/judge_template.py
Template	cfn-lint --template infra/template.yaml infra/examples/*.yaml && AWS_DEFAULT_REGION=eu-west-1 sam validate --lint --template infra/template.yaml && "$tools/bin/python" scripts/check_template.py
Roles, by an evaluator of their policies	"$tools/bin/python" scripts/check_permissions.py
Workflows, licenses and sources	scripts/check_supply_chain.sh
JOBS

say "Compiling the tests"
# Before the functions: two compilations of the EC2 SDK at once would take 16 GB of memory.
cargo test --workspace --locked --no-run

say "Tests, and the functions meanwhile"
# Many tests wait for a time-out.
python3 scripts/at_once.py 2 <<'JOBS'
The functions	source scripts/environment.sh && build_functions
Tests	RUST_TEST_THREADS=8 cargo test --workspace --locked
Input that once broke something	fuzz=(--manifest-path fuzz/Cargo.toml --target-dir "$CARGO_TARGET_DIR/fuzz" --locked --all-targets) && cargo clippy "${fuzz[@]}" -- -D warnings && cargo test "${fuzz[@]}"
JOBS

say "Release binaries"
python3 scripts/check_binaries.py target/lambda

say "The release binaries: faults, and emulated accounts"
python3 scripts/at_once.py 3 <<'JOBS'
The pages, in a browser	"$pages/bin/python" scripts/check_pages.py
Faults	scripts/faults.sh && { git diff --exit-code -- docs/faults.md || { echo "docs/faults.md was not up to date" >&2; exit 1; }; }
Every parameter, and the end	"$emulator/bin/python" scripts/check_deploy.py
The HTTP API, held to its description	"$pages/bin/python" scripts/check_api.py
Other runtimes: Lambda's own emulator, and cargo lambda	"$tools/bin/python" scripts/check_runtimes.py
Ways to the scheduler, and events that get lost	"$emulator/bin/python" scripts/check_delivery.py
Every gate	"$emulator/bin/python" scripts/check_decisions.py
The main job	"$emulator/bin/python" scripts/demo.py
Bad input	"$emulator/bin/python" scripts/check_refusals.py
The scripted account, held against an emulated one	"$emulator/bin/python" scripts/check_scripted.py
JOBS

say "Every call that was made, held against the roles"
"$tools/bin/python" scripts/check_calls.py

if [ "${1:-}" = --long ]; then
  say "A hundred thousand histories"
  scripts/simulate.sh 100000

  say "Load"
  scripts/load.sh

  say "Input that nobody thought of"
  scripts/fuzz.sh
fi

say "All gates hold"
