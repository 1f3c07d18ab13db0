#!/usr/bin/env bash
# record-layout.sh: writes crates/link/layout.ld anew, by which the linker puts side by side what functions call. The kernel maps a binary
# in pieces of 64 KB, and what a start calls was spread over most of them. Names change by what is compiled: after an update of Rust or of
# dependencies, functions are as right as before, and take more memory, as scripts/bench.sh shows. It takes five minutes.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

need valgrind "it sees what functions call (Debian: install valgrind)"
install_tools
target=$(static_target "$(this_architecture)") || exit
work=$(mktemp -d)
# shellcheck disable=SC2064 # The folder's name is known now.
trap "rm -rf '$work'" EXIT

# What is called is known by its name, which a release has stripped off. Only the crates of the workspace are compiled for that, and kept
# for the path of their compiler.
rustc=$cache/with-symbols/rustc
mkdir -p "${rustc%/*}"
cat >"$rustc" <<'END'
#!/usr/bin/env bash
arguments=("${@:2}")
exec "$1" "${arguments[@]/#strip=*/strip=none}"
END
chmod +x "$rustc"
say "Building the functions with their symbols"
(cd "$root" && RUSTC_WORKSPACE_WRAPPER=$rustc cargo_lambda_build "$target" --lambda-dir "$work/functions")
say "Watching what they call"
cargo build --release --quiet --locked --manifest-path "$root/Cargo.toml" --package bench --examples
"$CARGO_TARGET_DIR/release/examples/bench" layout --functions "$work/functions" --out "$work/lives" >"$work/layout.ld"
mv "$work/layout.ld" "$root/crates/link/layout.ld"
say "crates/link/layout.ld has $(grep -c '(\.text' "$root/crates/link/layout.ld") beginnings of names"
