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
export DOZE_CALLS=$CARGO_TARGET_DIR/calls
rm -rf "$DOZE_CALLS"

say "Format"
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

say "Imports point one way"
python3 scripts/check_structure.py

say "Template"
cfn-lint --template infra/template.yaml infra/examples/*.yaml
AWS_DEFAULT_REGION=eu-west-1 sam validate --lint --template infra/template.yaml
"$tools/bin/python" scripts/check_template.py

say "Templates, before other judges"
guard=$(scripts/install_cargo_tool.sh cfn-guard)
tools=$tools guard=$guard "$judges/bin/python" scripts/judge_template.py

say "Roles, by an evaluator of their policies"
"$tools/bin/python" scripts/check_permissions.py

say "Workflows, licenses and sources"
scripts/check_supply_chain.sh

say "Lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

say "Tests"
cargo test --workspace --locked

say "Input that once broke something"
fuzz=(--manifest-path fuzz/Cargo.toml --target-dir "$CARGO_TARGET_DIR/fuzz" --locked --all-targets)
cargo clippy "${fuzz[@]}" -- -D warnings
cargo test "${fuzz[@]}"

build_functions

say "Release binaries"
python3 scripts/check_binaries.py target/lambda

say "Faults, done to the release binaries"
scripts/faults.sh
git diff --exit-code -- docs/faults.md || { echo "docs/faults.md was not up to date" >&2; exit 1; }

say "The scripted account, held against an emulated one"
"$emulator/bin/python" scripts/check_scripted.py

say "The main job, in an emulated account"
"$emulator/bin/python" scripts/demo.py

say "Every gate, in an emulated account"
"$emulator/bin/python" scripts/check_decisions.py

say "Bad input, in an emulated account"
"$emulator/bin/python" scripts/check_refusals.py

say "Ways to the scheduler, and events that get lost, in an emulated account"
"$emulator/bin/python" scripts/check_delivery.py

say "Every parameter, and the end, in an emulated account"
"$emulator/bin/python" scripts/check_deploy.py

say "The HTTP API, held to its description, in an emulated account"
"$pages/bin/python" scripts/check_api.py

say "The pages, in a browser"
"$pages/bin/python" scripts/check_pages.py

say "Every call that was made, held against the roles"
"$tools/bin/python" scripts/check_calls.py

say "Other runtimes: Lambda's own emulator, and cargo lambda"
"$tools/bin/python" scripts/check_runtimes.py

if [ "${1:-}" = --long ]; then
  say "A hundred thousand histories"
  scripts/simulate.sh 100000

  say "Load"
  scripts/load.sh

  say "Input that nobody thought of"
  scripts/fuzz.sh
fi

say "All gates hold"
