#!/usr/bin/env bash
# Makes a link to an instance's page, with its buttons, or to the list of all instances. Whoever has the link may use it, so
# it expires. It is signed here, with a key that your own credentials must let you read.
#
#   scripts/link.sh i-0123456789abcdef0 [--read-only] [--hours N] [--stack NAME]   see, start, keep awake one instance
#   scripts/link.sh --fleet [--hours N] [--stack NAME]                             see all instances
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

install_tools
exec "$tools/bin/python" "$root/scripts/link.py" "$@"
