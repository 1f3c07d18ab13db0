# Sourced by the other scripts: where things are, and how what is missing gets installed. Nothing outside the checkout and
# the cache folder is touched.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DOZE_CACHE:-$HOME/.cache/doze}
# Dependencies are compiled once a machine, not once a checkout: the EC2 SDK alone takes ten minutes.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# Cargo tells by a file's age whether it has been compiled, and does not tell one checkout's from another's: where another checkout has
# built into the cache since, that may be newer than all files of this one, and would be taken for theirs.
builder=$CARGO_TARGET_DIR/checkout
if [ "$(cat "$builder" 2>/dev/null)" != "$root" ]; then
  mkdir -p "$CARGO_TARGET_DIR"
  find "$root/crates" "$root/events" "$root/fuzz" "$root/infra" -type f -exec touch {} +
  printf '%s\n' "$root" >"$builder"
fi
export SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1

# What comes next, and how long the script has been at work: a slow gate is to be seen.
say() { printf '\n== %s (after %d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "'$1' is not installed: $2"
}

# venv NAME: makes sure of the private Python environment that requirements-NAME.txt describes, and prints its folder. The
# folder stays the same when the list changes: the linker lives there, and cargo compiles everything anew for another one.
venv() {
  local list=$root/scripts/requirements-$1.txt folder=$cache/$1 wanted
  wanted=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest())' "$list")
  if [ "$(cat "$folder/complete" 2>/dev/null)" != "$wanted" ]; then
    say "Installing the $1 into $folder" >&2
    rm -rf "$folder"
    python3 -m venv "$folder" || fail "python3 cannot make a virtual environment (Debian: install python3-venv)"
    # The list is complete, so nothing is left to resolve.
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$list" >&2 ||
      fail "pip could not install the $1"
    printf '%s\n' "$wanted" >"$folder/complete"
  fi
  printf '%s\n' "$folder"
}

install_tools() {
  need cargo "install Rust from https://rustup.rs"
  need python3 "install Python 3.10 or newer"
  tools=$(venv tools) || exit
  emulator=$(venv emulator) || exit
  export emulator PATH=$tools/bin:$PATH
}

# Makes sure of a browser, and of what drives it and sends odd requests.
install_browser() {
  pages=$(venv pages) || exit
  browser=$("$root/scripts/install_browser.sh") || exit
  export browser
  local driver=("$pages"/lib/python3*/site-packages/playwright/driver/node)
  if ! "${driver[0]}" --version >/dev/null 2>&1; then
    # It misses a library that comes with compilers.
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$cache/browser/with-libraries" "${driver[0]}" >"$pages/node"
    chmod +x "$pages/node"
    "$pages/node" --version >/dev/null || fail "the browser's driver does not run (Debian: install libatomic1)"
    export PLAYWRIGHT_NODEJS_PATH=$pages/node
  fi
}

# Makes sure of what judges the template, the workflows and the permissions: Python's tools, and those of a Node of their own.
install_judges() {
  judges=$(venv judges) || exit
  node_tools=$cache/node
  local lists=("$root/scripts/package.json" "$root/scripts/package-lock.json")
  if ! cat "${lists[@]}" | cmp --silent - "$node_tools/complete"; then
    say "Installing Node's tools into $node_tools" >&2
    rm -rf "$node_tools"
    mkdir -p "$node_tools"
    cp "${lists[@]}" "$node_tools"
    "$judges/bin/npm" ci --prefix "$node_tools" --cache "$cache/npm" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
      fail "npm could not install Node's tools"
    cat "${lists[@]}" >"$node_tools/complete"
  fi
  export judges node_tools
}

# This machine's architecture as Lambda names it.
this_architecture() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) fail "Lambda has no architecture $(uname -m)" ;;
  esac
}

# functions_target ARCHITECTURE: prints the target that functions are built for. It is musl's: with its libc inside, a binary is not linked
# at each start. `hello` is ready in a third of the CPU time then, and takes half of the memory; `home` in less than half, and three quarters.
# Where musl's standard library is not to be had, it is the glibc of Amazon Linux 2023, which works as well.
functions_target() (
  # The checkout says which toolchain.
  cd "$root" || exit
  machine=${1/arm64/aarch64}
  target=$machine-unknown-linux-musl
  library=$(rustc --print sysroot)/lib/rustlib/$target
  [ -d "$library" ] || timeout 300 rustup --quiet target add "$target" >&2 || true
  if [ ! -d "$library" ]; then
    printf 'The standard library for %s is not to be had: the functions are built for glibc, and take longer to start\n' "$target" >&2
    target=$machine-unknown-linux-gnu.2.34
  fi
  printf '%s\n' "$target"
)

# static_target ARCHITECTURE: the same, for what makes no sense with glibc.
static_target() {
  local target
  target=$(functions_target "$1") || exit
  [[ $target == *-musl ]] || fail "this needs musl's standard library, which rustup fetches"
  printf '%s\n' "$target"
}

# cargo_lambda_build TARGET [OPTION]...: builds all functions; the options are those of `cargo lambda build`. `hello` is then built once
# more by itself: beside the others it has all that these need of its crates, HTTP/2 above all, which is a fifth of it.
cargo_lambda_build() {
  local build=(cargo lambda build --release --locked --target "$1" "${@:2}")
  "${build[@]}" && "${build[@]}" --package hello
}

# Builds all functions for this machine's architecture, where the template looks for them.
build_functions() {
  local architecture target glibc
  architecture=$(this_architecture) || exit
  target=$(functions_target "$architecture") || exit
  if [[ $target != *-musl ]]; then
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc="no glibc"
    # They run here, too.
    printf '%s\n' "glibc 2.34" "$glibc" | sort --version-sort --check=quiet ||
      fail "without musl's standard library, the functions need glibc 2.34 or newer, and this machine has '$glibc'"
  fi
  say "Building the functions (the first build compiles the EC2 SDK: about 15 minutes and 8 GB of memory)"
  (cd "$root" && cargo_lambda_build "$target" --lambda-dir "$root/target/lambda")
}
