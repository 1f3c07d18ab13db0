#!/usr/bin/env bash
# Changes the key that signs links. Those signed before stay good until they expire, or until the next change: run it twice
# to revoke all links.
#
#   scripts/rotate-link-key.sh [--stack NAME]
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

install_tools
exec "$tools/bin/python" "$root/scripts/rotate_link_key.py" "$@"
