# 画面を組み立てる。出来上がりだけを次へ渡すので、像に Node は残らない
FROM node:24-slim AS screens
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

# 固定した版をハッシュで確かめて入れる
FROM python:3.13-slim AS packages
COPY backend/constraints-runtime.txt /
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /app/.venv && \
    /app/.venv/bin/pip install --disable-pip-version-check --require-hashes -r /constraints-runtime.txt

FROM python:3.13-slim
# 置き場の並びは checkout と同じ。画面の場所を、どこでも同じ相対で探せるように
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tsubame && \
    install -d -o tsubame -g tsubame -m 700 /data
COPY --from=packages /app/.venv /app/.venv
COPY backend/src /app/backend/src
COPY --from=screens /app/frontend/dist /app/frontend/dist
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app/backend/src PYTHONUNBUFFERED=1 \
    TSUBAME_HOST=0.0.0.0 TSUBAME_DATA_DIR=/data TSUBAME_LOG_FORMAT=json
# 起動を速くするため、先にバイトコードにする(実行する利用者は /app に書けない)
RUN python -m compileall -q /app/backend/src
USER tsubame
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('TSUBAME_PORT', '8000') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "tsubame"]
CMD ["up"]
