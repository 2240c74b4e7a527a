#!/bin/sh
# Dockerfile と compose.yml を本当に組み立て、立ち上げ、中のワーカーから SSH でスクリプトを動かす。
# Docker の動かない機械では、同じことをする道具を CONTAINER_CHECK に渡す。
set -eu
cd "$(dirname "$0")/.."
url=http://localhost:8000
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
environment=$(mktemp)
trap 'rm -f "$environment"' EXIT
admin_password=$(random)
cat >"$environment" <<END
TSUBAME_DB_PASSWORD=$(random)
TSUBAME_ADMIN_USERNAME=admin
TSUBAME_ADMIN_PASSWORD=$admin_password
END
journey=".venv/bin/python tools/container-journey.py $url admin $admin_password"

if docker info >/dev/null 2>&1; then
  compose() { docker compose --env-file "$environment" -p tsubame-check "$@"; }
  trap 'compose down --volumes --remove-orphans; rm -f "$environment"' EXIT
  compose up --build --wait --wait-timeout 300 --scale worker=3
  $journey
elif [ -n "${CONTAINER_CHECK:-}" ]; then
  # 道具の選び(状態の置き場など)を足せるように、語に割る
  # shellcheck disable=SC2086
  $CONTAINER_CHECK -e "$environment" -u "$url/healthz" -r "$journey" .
else
  echo "tsubame: no Docker engine answers here: start one, or name a stand-in in CONTAINER_CHECK." >&2
  exit 1
fi
