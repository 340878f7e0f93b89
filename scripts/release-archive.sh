#!/usr/bin/env bash
# Makes the release archive of this platform: the program without debugging symbols, completions, man pages, guide, licence, with a
# checksum beside it. Usage: scripts/release-archive.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-target/archives}"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)"
triple="$(rustc -vV | sed -n 's/^host: //p')"
name="minvar-$version-$triple"
cargo build --release --bin minvar
built="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/minvar"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions" "$work/$name/man" "$out"
cp "$built" "$work/$name/minvar"
strip "$work/$name/minvar"
for shell in bash zsh fish; do "$work/$name/minvar" completions "$shell" > "$work/$name/completions/minvar.$shell"; done
"$work/$name/minvar" man "$work/$name/man" > /dev/null
cp README.md CHANGELOG.md LICENSE "$work/$name/"
cp -r docs "$work/$name/"
mkdir "$work/$name/data" && cp data/README.md "$work/$name/data/"
# The same bytes from the same program: fixed order, owner and time.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='UTC 2020-01-01' -C "$work" -cf - "$name" | gzip -9n > "$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
ls -l "$out/$name.tar.gz" "$out/$name.tar.gz.sha256"
