#!/bin/sh
# pyproject.toml の範囲から版とハッシュを固定する。置き場の住所は書かない(どの鏡からでも入れられる)。
set -eu
cd "$(dirname "$0")/../backend"
lock() {
  ../.venv/bin/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
    --python-version 3.11 --quiet "$@"
}
lock pyproject.toml --group dev -o constraints.txt
# 動かすのに要る物だけの版も、試験した版と同じにそろえる
lock pyproject.toml -c constraints.txt -o constraints-runtime.txt
lock --group build -c constraints.txt -o constraints-build.txt
