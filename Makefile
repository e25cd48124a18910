.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := $(or $(shell command -v npm 2>/dev/null),$(BIN)/npm)
CODE := features models response store serve pipelines tests
DEMO := VIGIE_HOME=var/demo $(BIN)/vigie
DEMO_ELECTION := XVG-2024-PRES-1

# Where it is set, every process compiles pandas, SciPy and MLflow again, for seconds each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo rehearse nowcast-trial test test-slow check format lint types imports bench lock web clean

help: ## print these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.installed web ## install everything into .venv and serve/web/node_modules

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	touch $@

web: serve/web/node_modules/.installed ## install the page's libraries from npm

serve/web/node_modules/.installed: serve/web/package.json serve/web/package-lock.json | $(VENV)/.installed
	cd serve/web && PATH="$(CURDIR)/$(BIN):$$PATH" $(abspath $(NPM)) ci --no-audit --no-fund --loglevel=error
	touch $@

demo: install ## synthetic country, trained, forecast and served at http://127.0.0.1:8000
	$(DEMO) sample var/demo/country --seed 7 --units 300 --years 8
	$(DEMO) run pipelines/configs/synthetic.toml --election $(DEMO_ELECTION)
	@echo; echo "Open http://127.0.0.1:8000 and sign in with this token:"
	@$(DEMO) token create --label demo
	@echo
	$(DEMO) serve

rehearse: install ## a whole two-round election on the synthetic country, in simulated time
	rm -rf var/rehearsal
	$(BIN)/vigie rehearse --config synthetic --folder var/rehearsal

nowcast-trial: install ## nowcasts against bulletins on simulated rounds (docs/results.md); an hour
	$(BIN)/python -m pipelines.synthetic.trial

test: install ## run the tests (README's test command)
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow"

test-slow: install ## the long checks
	$(BIN)/pytest -q -m slow

check: install format lint types imports test ## what CI runs: format, lint, types, imports, tests

format: $(VENV)/.installed
	$(BIN)/ruff format --check $(CODE)

lint: $(VENV)/.installed
	$(BIN)/ruff check $(CODE)

types: $(VENV)/.installed
	$(BIN)/mypy

imports: $(VENV)/.installed
	$(BIN)/lint-imports

bench: install ## measure speed and memory, as ratios in one run (needs wrk)
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_serve.py
	$(BIN)/python tests/bench_response.py

lock: $(BIN)/uv ## resolve requirements.lock again
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --extra dev \
	  --python-version 3.11 -o requirements.lock pyproject.toml

clean: ## remove everything that commands can make again
	rm -rf $(VENV) var serve/web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
