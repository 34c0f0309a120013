# Everything that is typed. Needs Python 3.11+ and make; `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# The first Python that runs and is new enough; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.14 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
LOCAL := $(BIN)/python -m polepool_local
MIGRATIONS = chassis/migrations/*.sql services/*/migrations/*.sql

.PHONY: help install packages install-local python demo up status logs stop reset topics test resilience bench bench-matching locks \
	check check-lint check-format check-types check-imports check-sql check-files

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

python:
	@test -n "$(PYTHON)" || { echo "Polepool needs Python 3.11 or newer (python3, python3.11 to python3.14); none was found." >&2; exit 1; }

install: python ## Make .venv with everything, for checks and tests too
	@$(PYTHON) deploy/local/install.py dev

packages: python
	@$(PYTHON) deploy/local/install.py dev packages

install-local: python
	@$(PYTHON) deploy/local/install.py local

demo: install-local ## Start everything and play the loop; ONCE=1 ends after it, COMPOSE=1 plays it on docker compose
	@$(BIN)/python -m polepool_local.demo $(if $(ONCE),--once) $(if $(COMPOSE),--compose)

up: install-local ## Start everything in the background
	@$(LOCAL) up --detach

status: install-local ## Show every process
	@$(LOCAL) status

logs: install-local ## Print the logs; NAME=kafka prints one, FOLLOW=1 goes on
	@$(LOCAL) logs $(NAME) $(if $(FOLLOW),--follow)

stop: install-local ## Stop everything that was started here
	@$(LOCAL) stop

reset: install-local ## Stop everything and forget all state
	@$(LOCAL) reset

topics: install-local ## Make a broker's topics as topics.yaml says; KAFKA=host:port, DRY=1 only tells
	@$(BIN)/python -m chassis.topics apply $(if $(DRY),--dry-run) --bootstrap-servers "$(or $(KAFKA),$(shell $(LOCAL) address kafka))"

check: packages check-lint check-format check-types check-imports check-sql check-files ## Lint, formats, types, imports, SQL, Dockerfile, compose file

check-lint:
	$(BIN)/ruff check .

check-format:
	$(BIN)/ruff format --check .

check-types:
	$(BIN)/mypy

check-imports:
	$(BIN)/lint-imports

check-sql:
	$(BIN)/squawk $(MIGRATIONS)

check-files:
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

test: install ## Every test, on real PostgreSQL and Kafka; ARGS="tests/pooling -x" chooses
	$(BIN)/pytest -n 2 $(ARGS)

resilience: install ## Attack the running system for hours and write docs/reliability.md; ARGS="kills --count 50" chooses
	$(BIN)/python -m tests.resilience $(or $(ARGS),everything)

bench: install ## Measure the pipeline beside its peers, on this machine
	$(BIN)/python -m benchmarks.pipeline $(ARGS)

bench-matching: install .venv/peers/.installed ## Measure the matching engine beside its peers; ARGS="--quick" is for CI
	$(BIN)/python -m benchmarks.matching $(ARGS)

.venv/peers/.installed: locks/peers.txt | install
	$(PYTHON) -m venv --clear .venv/peers
	.venv/peers/bin/pip install --disable-pip-version-check --require-hashes -r locks/peers.txt
	@touch $@

locks: install ## Resolve every lock anew (needs uv)
	@command -v uv >/dev/null || { echo "Resolving needs uv: pip install uv" >&2; exit 1; }
	locks/make
	$(BIN)/python -m polepool_local.jars
