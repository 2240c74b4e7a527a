#!/bin/sh
# 手で書かない物を作る: OpenAPI → 画面の通信、設定の説明 → .env.example。
# --check は作り直して比べるだけで、違えば元に戻して失敗する。
set -eu
cd "$(dirname "$0")/.."
generated="backend/openapi.json frontend/src/api/generated .env.example"

generate() {
  # 途中で失敗しても、前の物を半端に上書きしない
  .venv/bin/tsubame openapi >backend/openapi.json.new
  mv backend/openapi.json.new backend/openapi.json
  .venv/bin/tsubame settings --env-example >.env.example.new
  mv .env.example.new .env.example
  tools/npm.sh run --silent gen
}

if [ "${1:-}" != --check ]; then
  generate
  exit 0
fi
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
for path in $generated; do
  mkdir -p "$before/$(dirname "$path")"
  cp -R "$path" "$before/$path"
done
generate >/dev/null
status=0
for path in $generated; do
  diff -r -q "$before/$path" "$path" || status=1
  rm -rf "$path"
  cp -R "$before/$path" "$path"
done
[ $status = 0 ] || { echo "tsubame: the generated files are old: run make gen and commit the result." >&2; exit 1; }
