#!/bin/sh
# 使っている部品の一覧(CycloneDX の JSON)を build/sbom/ に書く。外へは何も問い合わせない。
set -eu
cd "$(dirname "$0")/.."
out=build/sbom
mkdir -p "$out"
# 動かすのに要る物だけ(試験と検査の道具は配らない)
PYTHONWARNINGS=ignore .venv/bin/cyclonedx-py requirements backend/constraints-runtime.txt --pyproject backend/pyproject.toml \
  --output-reproducible --output-format JSON --output-file "$out/python.cdx.json"
tools/npm.sh sbom --loglevel=error --sbom-format cyclonedx --package-lock-only --omit dev --omit optional >"$out/npm.cdx.json"
echo "tsubame: $out/python.cdx.json $out/npm.cdx.json"
