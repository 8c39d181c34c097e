# Everything a checkout needs. `make demo` and `make test` each work first and alone on a fresh machine
# with Python 3.11 and a Java 17 runtime.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
VENV := .venv
UV := $(VENV)/bin/uv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo up down test chromium unit stack-test verify bench lint format clean

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Install Python packages from uv.lock and jars from stack/jars.lock
	@$(BIN)/tidelake jars

$(STAMP): pyproject.toml uv.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "error: Python 3.11 is needed; found: $(PYTHON). Install it, or set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) sync --frozen --inexact --quiet
	@touch $@

demo: install ## Start everything, follow sales to the answer, check them; DEMO_EXIT=1 exits at the end
	@exec $(BIN)/tidelake demo

up: install ## Start every server in the foreground
	@exec $(BIN)/tidelake up

down: ## Stop every server
	@$(BIN)/tidelake down

test: install chromium verify ## Every check and every test, on the real servers
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder --durations 60 --durations-min 3

chromium:
	@command -v chromium >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && { apt-get install -y -qq chromium || { apt-get update -qq && apt-get install -y -qq chromium; }; } \
	       >/dev/null 2>&1; } \
	  || echo "no Chromium: the tests of the page in a browser will be skipped; install Debian's package chromium"

unit: $(STAMP) ## The tests that need no running stack
	$(BIN)/pytest -m "not stack and not servers" -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder

stack-test: install ## The tests on the running stack alone
	$(BIN)/pytest -m stack

verify: $(STAMP) ## Style, types, layers, and generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m runtime.settings_page --check
	$(BIN)/python -m serving.http.reference_file --check

bench: install ## Measure, as ratios taken side by side
	$(BIN)/python -m bench

format: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Stop the stack and remove what it wrote and the environment
	-@$(BIN)/tidelake down
	rm -rf $(VENV) $${TIDELAKE_HOME:-.tidelake}
