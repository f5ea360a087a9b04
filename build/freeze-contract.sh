#!/bin/bash
# Freezes the driver contract: packs Datum.Providers.Abstractions as it is now, keeps the package under build/contract and writes its SHA-256
# into the test that guards it. Done once for each major.minor; what is frozen is never rebuilt.
#
#   build/freeze-contract.sh           refuses when that version is frozen already
#   build/freeze-contract.sh --again   replaces it; only while no driver outside of this repository was built from it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PROJECT=src/Core/Datum.Providers.Abstractions
TEST=tests/Datum.Providers.Packages.Tests/FrozenContractTests.cs
LIMIT=$((200 * 1024))

version=$(dotnet msbuild "$PROJECT" -getProperty:PackageVersion)
file=Datum.Providers.Abstractions.$version.nupkg
if [ -e "build/contract/$file" ] && [ "${1:-}" != --again ]; then
  echo "build/contract/$file is frozen. A change that it forbids needs a new major; see docs/driver-contract.md, Versions." >&2
  exit 1
fi
if [ -n "$(git status --porcelain -- "$PROJECT" build/DriverPack.targets build/Package.props)" ]; then
  echo "The contract has changes that aren't committed: the package names the commit that it was made from. Commit them first." >&2
  exit 1
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Without validation: it would compare with the very package that is being replaced.
dotnet pack "$PROJECT" -c Release -o "$out" --nologo -v q -p:EnablePackageValidation=false
size=$(stat -c %s "$out/$file")
if [ "$size" -gt "$LIMIT" ]; then
  echo "$file has $size bytes, more than $LIMIT." >&2
  exit 1
fi
mkdir -p build/contract
cp "$out/$file" "build/contract/$file"
digest=$(sha256sum "build/contract/$file" | cut -d ' ' -f 1)
sed -i -E "s/(\[\"$version\"\] = \")[0-9a-f]*(\")/\1$digest\2/" "$TEST"
grep -q "$digest" "$TEST" || { echo "$TEST has no line for $version: add [\"$version\"] = \"$digest\"." >&2; exit 1; }
echo "frozen: build/contract/$file, $size bytes, SHA-256 $digest. Commit it together with $TEST."
