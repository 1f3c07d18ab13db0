#!/usr/bin/env bash
# Puts events that failed, or never arrived, back to the functions that they were for.
#
#   scripts/replay.sh [--dry-run] [--stack NAME]
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

install_tools
exec "$tools/bin/python" "$root/scripts/replay.py" "$@"
