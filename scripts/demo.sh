#!/usr/bin/env bash
# Does Doze's main job for real on this machine, without an AWS account: builds, deploys to an emulator, lets an alarm
# fire, and shows the idle instance stop while the others run on. Installs what is missing into a private environment.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

install_tools
build_functions
say "Running Doze against the emulator"
exec "$emulator/bin/python" "$root/scripts/demo.py"
