# つばめ CI。`make help` が一覧を出す。要るのは make と Python 3.11 以上だけ(Node も入れる)。
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
PYTHON_DIRS := . ../tools $(addprefix ../,$(wildcard bench))
AZURITE := backend/tests/azurite
SOAK_SECONDS ?= 1800
SEED ?= 7
LOCKS_RUN := backend/constraints-runtime.txt backend/constraints-build.txt
FRONTEND := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' \
  -not -path '*/tests/*' -not -name '*.test.ts' 2>/dev/null | tr ' ' '?')

.PHONY: help up demo dev gen check check-python check-frontend check-shell check-generated audit sbom test test-frontend test-backend test-containers bench soak lock clean

help: ## この一覧 / this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

up: .venv/.run frontend/dist/.built ## 起動する / install what is missing and start on http://localhost:8000
	@exec .venv/bin/tsubame up

demo: .venv/.run frontend/dist/.built ## 練習用サーバと見本つきで起動する / start with a practice server and sample jobs
	@exec .venv/bin/tsubame demo

dev: .venv/.dev frontend/node_modules/.installed ## 直しながら動かす / reload on change: API 8000, screens 5173
	@exec tools/dev.sh

gen: .venv/.dev frontend/node_modules/.installed ## OpenAPI・通信・.env.example を作り直す / regenerate what is generated
	@tools/generate.sh

check: check-python check-frontend check-shell check-generated audit ## 動かさずに分かる検査すべて / every check that runs no product code

check-python: .venv/.dev
	cd backend && ../.venv/bin/ruff check --quiet --config pyproject.toml $(PYTHON_DIRS)
	cd backend && ../.venv/bin/ruff format --quiet --check --config pyproject.toml $(PYTHON_DIRS)
	cd backend && ../.venv/bin/mypy
	cd backend && ../.venv/bin/lint-imports

check-frontend: frontend/node_modules/.installed
	tools/npm.sh run --silent lint
	tools/npm.sh run --silent typecheck

check-shell: .venv/.dev
	tools/check-shell.sh

check-generated: .venv/.dev frontend/node_modules/.installed
	tools/generate.sh --check

audit: .venv/.dev frontend/node_modules/.installed ## 部品の知られた弱点を調べる / known vulnerabilities, where an advisory database can be had
	@$(PY) tools/audit.py

sbom: .venv/.dev frontend/node_modules/.installed ## 部品の一覧を書く / write the bill of materials (CycloneDX) to build/sbom
	@tools/sbom.sh

test: .venv/.dev frontend/dist/.built ## すべての試験 / every test, against real PostgreSQL, OpenSSH and Chromium
	@tools/test-programs.sh
	@$(MAKE) test-frontend
	@$(MAKE) test-backend

test-frontend: frontend/node_modules/.installed ## 画面の部品の試験だけ / only the front end's unit tests
	@tools/npm.sh run --silent test

test-backend: .venv/.dev frontend/dist/.built $(AZURITE)/node_modules/.installed ## サーバ側の試験だけ / only pytest; ARGS="-k name" narrows it
	@cd backend && exec ../.venv/bin/pytest -q $(ARGS)

test-containers: .venv/.dev ## Docker の像を組み立てて立ち上げる / build the images and bring compose up healthy
	@tools/containers.sh

bench: .venv/.dev frontend/dist/.built ## 速さを測る / measure; results in bench/README.md
	@exec $(PY) bench/run.py $(ARGS)

soak: .venv/.dev ## 長く壊し続ける / long fault run and 500 at once; SOAK_SECONDS=1800 SEED=7
	@cd backend && FAULT_SECONDS=$(SOAK_SECONDS) FAULT_SEED=$(SEED) FAULT_CONCURRENT=500 FAULT_QUEUED=5000 \
	  exec ../.venv/bin/pytest -q -rP tests/faults/test_many_workers.py tests/faults/test_scale.py $(ARGS)

lock: .venv/.dev ## 版を固定し直す / pin again after changing pyproject.toml
	@tools/lock.sh

clean: ## 作った物を消す(データは消さない)/ remove what was built; never your data
	rm -rf .venv frontend/node_modules frontend/dist $(AZURITE)/node_modules backend/.mypy_cache backend/.ruff_cache backend/.pytest_cache \
	  backend/.hypothesis backend/.import_linter_cache

# 印のファイルが新しければ何もしない。だから二度目の make up は数秒で始まる
.venv/.run: $(LOCKS_RUN) backend/pyproject.toml tools/venv.sh
	@tools/venv.sh run
	@touch $@

.venv/.dev: backend/constraints.txt backend/pyproject.toml tools/venv.sh
	@tools/venv.sh dev
	@touch $@ .venv/.run

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json | .venv/.run
	@echo 'tsubame: installing the packages of the screens'
	@tools/npm.sh ci --loglevel=error --no-audit --no-fund
	@touch $@

# 重い(245 MB)ので、画面の部品とは別に、試験をするときだけ入れる
$(AZURITE)/node_modules/.installed: $(AZURITE)/package.json $(AZURITE)/package-lock.json | .venv/.run
	@echo 'tsubame: installing Azurite, which the tests talk to'
	@NPM_PROJECT=$(AZURITE) tools/npm.sh ci --loglevel=error --no-audit --no-fund
	@touch $@

frontend/dist/.built: $(FRONTEND) | frontend/node_modules/.installed
	@echo 'tsubame: building the screens'
	@tools/npm.sh run --silent build -- --logLevel warn
	@touch $@
