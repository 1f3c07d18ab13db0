#!/usr/bin/env bash
# What a release is made of; the release workflow runs these, and so can you:
#   release.sh check TAG            whether TAG is the version that the manifest, the template and the changelog name
#   release.sh notes TAG            what the changelog says about it
#   release.sh build [ARCHITECTURE] target/release-ARCHITECTURE: a zip and an SBOM for each function, a template that names the
#                                   zips, and the checksums of all that; arm64 or x86_64, or else this machine's
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

# The changelog's section about a version, without its heading.
section() {
  awk -v heading="[$1]" '/^## / { inside = $2 == heading; next } inside && !/^\[[^]]*\]: /' CHANGELOG.md
}

check() {
  local version=${1#v} manifest template api
  [[ $1 =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "'$1' is no tag of a release: v1.2.3"
  manifest=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
  [ "$manifest" = "$version" ] || fail "the tag is $1, and Cargo.toml has the version $manifest"
  template=$(sed -n 's/^ *SemanticVersion: //p' infra/template.yaml)
  [ "${template:-$version}" = "$version" ] || fail "the tag is $1, and infra/template.yaml has the version $template"
  api=$(sed -n '/^info:/,/^[a-z]/s/^  version: //p' infra/openapi.yaml)
  [ "$api" = "$version" ] || fail "the tag is $1, and infra/openapi.yaml has the version $api"
  grep -qE "^## \[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
    fail "CHANGELOG.md has no heading '## [$version] - YYYY-MM-DD'"
  [ -n "$(section "$version" | tr -d '[:space:]')" ] || fail "CHANGELOG.md says nothing about $version"
  printf 'ok   %s is what the manifest, the template, the API description and the changelog say\n' "$1"
}

# The template as a release has it: the code and the texts beside it, and no other architecture than that of the code.
write_template() {
  local architecture=$1 folder=$2 template=$2/template-$1.yaml files file
  sed -E \
    -e "s#^( *CodeUri: )\.\./target/lambda/([a-z-]+)\$#\1\2-$architecture.zip#" \
    -e "s#^( *(LicenseUrl|ReadmeUrl): )\.\./#\1#" \
    -e "/^  Architecture:\$/,/^  [A-Z]/ {
          s/^( *Default: ).*/\1$architecture/
          s/^( *AllowedValues: ).*/\1[$architecture]/
        }" infra/template.yaml >"$template"
  cp LICENSE README.md "$folder"
  ! grep -n '\.\./' "$template" || fail "the template names files that a release does not have"
  files=$(sed -nE 's/^ *(CodeUri|LicenseUrl|ReadmeUrl): //p' "$template")
  for file in $files; do
    [ -f "$folder/$file" ] || fail "the template names $file, and the release does not have it"
  done
  [ "$(grep -cE "^ *(Default: $architecture|AllowedValues: \[$architecture\])\$" "$template")" = 2 ] ||
    fail "the template's parameter Architecture does not look as before"
  AWS_DEFAULT_REGION=eu-west-1 sam validate --lint --template "$template"
}

# One SBOM a function, without what only tests use. The tool writes beside the manifests, so it gets a copy of them.
write_sboms() {
  local architecture=$1 target=$2 folder=$3 copy=$4/sources tool archive function
  tool=$("$root/scripts/install_cargo_tool.sh" cargo-cyclonedx) || exit
  mkdir "$copy"
  cp -R Cargo.toml Cargo.lock rust-toolchain.toml crates "$copy"
  "$tool" cyclonedx --quiet --manifest-path "$copy/Cargo.toml" --describe binaries --target "$target" \
    --format json --spec-version 1.5
  for archive in "$folder"/*.zip; do
    function=$(basename "$archive" "-$architecture.zip")
    # Where the sources lay is nobody's business.
    sed "s#path+file://$copy/#path+file:///doze/#g" "$copy/crates/$function/${function}_bin.cdx.json" \
      >"${archive%.zip}.cdx.json"
  done
}

build() {
  local architecture=${1:-$(this_architecture)} target folder work functions function
  case $architecture in
    arm64 | x86_64) ;;
    *) fail "Lambda has no architecture '$architecture'" ;;
  esac
  folder=$root/target/release-$architecture
  tools=$(venv tools) || exit
  export PATH=$tools/bin:$PATH
  target=$(static_target "$architecture") || exit
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # The folder's name is known now.
  trap "rm -rf '$work'" EXIT
  rm -rf "$folder"
  mkdir -p "$folder"

  say "Building the functions for $architecture"
  cargo_lambda_build "$target" --lambda-dir "$work/binaries"
  python3 scripts/check_binaries.py "$work/binaries" --static
  # Packs what was just built.
  cargo_lambda_build "$target" --lambda-dir "$work/zips" --output-format zip
  # What the template names: the workspace has tools besides.
  functions=$(sed -nE 's#^ *CodeUri: \.\./target/lambda/##p' infra/template.yaml)
  for function in $functions; do
    cp "$work/zips/$function/bootstrap.zip" "$folder/$function-$architecture.zip" ||
      fail "the template names $function, and the workspace has no such function"
  done

  say "Template and SBOMs"
  write_template "$architecture" "$folder"
  write_sboms "$architecture" "$target" "$folder" "$work"
  (cd "$folder" && sha256sum -- * >"$work/sums")
  mv "$work/sums" "$folder/SHA256SUMS-$architecture"
  cat "$folder/SHA256SUMS-$architecture"
  say "A release for $architecture is in $folder"
}

case ${1:-} in
  check) check "${2:-}" ;;
  notes) check "${2:-}" >&2 && section "${2#v}" ;;
  build) build "${2:-}" ;;
  *) fail "check TAG, notes TAG, or build [ARCHITECTURE]" ;;
esac
