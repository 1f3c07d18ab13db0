#!/usr/bin/env bash
# Prints the path of a Chromium: the machine's own, or one that is put into the cache folder, out of the packages of Debian
# and its like. That needs no root, and nothing is installed: the packages are unpacked where nobody else looks. Beside it
# stands `with-libraries`, which runs any command with what came along.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

folder=$cache/browser

# Whether a command is a browser that runs: Ubuntu's `chromium-browser` may be no more than advice to install a snap.
runs() {
  timeout 30 "$1" --version 2>/dev/null | grep -qiE '^(chromium|google chrome)[^0-9]* [0-9]+\.'
}

of_the_machine() {
  local name path
  for name in chromium google-chrome google-chrome-stable chromium-browser; do
    path=$(command -v "$name") && runs "$path" && printf '%s\n' "$path" && return
  done
  return 1
}

# apt with folders of its own. Of the machine's settings it keeps the sources and how they are reached, but no hooks: some
# images have one that empties the machine's own cache.
private_apt() {
  mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
  if [ ! -e "$folder/apt/conf" ]; then
    {
      apt-config dump | grep '^Acquire::' || true
      printf '%s "%s";\n' Dir::Etc::main /dev/null Dir::Etc::parts /dev/null Dir::State::lists "$folder/apt/lists" \
        Dir::Cache "$folder/apt" Dir::Log /dev/null Debug::NoLocking true APT::Sandbox::User "$(id -un)"
    } >"$folder/apt/conf"
  fi
  APT_CONFIG=$folder/apt/conf "$@"
}

download() {
  # A source of somebody else's that does not answer is no reason to stop.
  private_apt apt-get --quiet=2 update >&2 || true
  # What the machine has already is not fetched again. libatomic1 is what the browser's driver needs besides.
  local packages=(chromium fonts-dejavu-core libatomic1)
  private_apt apt-get --quiet=2 --yes --download-only --no-install-recommends install "${packages[@]}" >&2 ||
    fail "apt could not download Debian's chromium; install Chromium or Google Chrome"
}

unpack() {
  local package
  mkdir -p "$folder/root"
  for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/root" || fail "$package cannot be unpacked"
  done
  [ -x "$folder/root/usr/lib/chromium/chromium" ] ||
    fail "the package chromium of this machine's sources holds no browser; install Chromium or Google Chrome"
}

# Commands that look for libraries and fonts here before they look in the machine.
write_commands() {
  local libraries
  libraries=$(find "$folder/root" -path '*-linux-gnu*' \( -name '*.so' -o -name '*.so.*' \) -printf '%h\n' | sort -u | paste -sd:)
  cat >"$folder/fonts.conf" <<END
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>$folder/root/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>$folder/fonts</cachedir>
  <match>
    <edit name="family" mode="append_last"><string>DejaVu Sans</string></edit>
  </match>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
END
  cat >"$folder/with-libraries" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$libraries' FONTCONFIG_FILE='$folder/fonts.conf'
exec "\$@"
END
  cat >"$folder/chromium" <<END
#!/bin/sh
exec '$folder/with-libraries' '$folder/root/usr/lib/chromium/chromium' "\$@"
END
  chmod +x "$folder/with-libraries" "$folder/chromium"
}

if of_the_machine; then
  exit
fi
if ! runs "$folder/chromium"; then
  for name in apt-get apt-config dpkg-deb; do
    need "$name" "without Debian's tools, install Chromium or Google Chrome"
  done
  say "Putting a browser into $folder" >&2
  rm -rf "$folder"
  download
  unpack
  write_commands
  # The packages have served.
  rm -rf "$folder/apt"
  runs "$folder/chromium" || fail "the browser in $folder does not run: $("$folder/chromium" --version 2>&1 | tail -1)"
fi
printf '%s\n' "$folder/chromium"
