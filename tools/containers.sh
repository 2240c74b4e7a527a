#!/bin/sh
# Dockerfile と compose.yml を本当に組み立て、立ち上げ、つながることを確かめる。
# Docker の動かない機械では、同じことをする道具を CONTAINER_CHECK に渡す。
set -eu
cd "$(dirname "$0")/.."
url=http://localhost:8000/healthz
environment=$(mktemp)
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "TSUBAME_DB_PASSWORD=$password" >"$environment"

if docker info >/dev/null 2>&1; then
  compose() { docker compose --env-file "$environment" -p tsubame-check "$@"; }
  trap 'compose down --volumes --remove-orphans; rm -f "$environment"' EXIT
  compose up --build --wait --wait-timeout 300 --scale worker=3
  python3 -c "import urllib.request as u; print(u.urlopen('$url', timeout=10).status)"
elif [ -n "${CONTAINER_CHECK:-}" ]; then
  trap 'rm -f "$environment"' EXIT
  "$CONTAINER_CHECK" -e "$environment" -u "$url" ${CONTAINER_COMMAND:+-r "$CONTAINER_COMMAND"} .
else
  rm -f "$environment"
  echo "tsubame: no Docker engine answers here: start one, or name a stand-in in CONTAINER_CHECK." >&2
  exit 1
fi
