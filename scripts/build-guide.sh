#!/usr/bin/env bash
# Builds the site of the guide from docs/ with mdBook (cargo install mdbook). Usage: scripts/build-guide.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
out="$(realpath -m "${1:-target/guide}")"
if ! command -v mdbook > /dev/null; then
  echo "mdbook is missing: cargo install mdbook" >&2
  exit 1
fi
# Links that leave docs/ have no page of the site: they lead to the repository, whose address is in Cargo.toml.
repository="$(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -r docs "$work/docs"
find "$work/docs" -name '*.md' -exec sed -i \
  -e 's#!\[\([^]]*\)\](\.\./\(results[^)]*\.svg\))#![\1](img/\2)#g' \
  -e "s#](\.\./\([^)]*\))#]($repository/blob/main/\1)#g" {} +
# Figures come along.
grep -rho 'img/results[^)]*\.svg' "$work/docs" | sort -u | while read -r figure; do
  mkdir -p "$work/docs/$(dirname "$figure")"
  cp "${figure#img/}" "$work/docs/$figure"
done
mdbook build "$work/docs" --dest-dir "$out"
echo "$out/index.html"
