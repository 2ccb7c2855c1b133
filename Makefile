# make demo      everything set up, the service started, a stream of pictures filed, a page to look at
# make test      linters, types and the test suite          make test-all   with the slow tests
# make bench     speed and memory                           make bench-quality   how well pictures are grouped
# make bench-naming   are categories called what they are
# make test-web  the page in a real browser                make screenshots   pictures of every page
# make web       the web page: its types from the interface, checked and built
# make serve     the service in the foreground              make clean      remove what was made here
# make up        two services and a worker in containers, on PostgreSQL and Qdrant           make down   stop them
#
# IMAGES=folder  pictures for the demo instead of handwritten digits
# KEEP=1         leaves the demo's service running until Ctrl-C: its page shows the result in the browser
# ENCODER=name   encoder for demo and serve                 ARGS="…"        more arguments for demo and serve
# PYTHON=…       Python 3.11 or newer that makes the virtual environment

PYTHON ?= python3
IMAGES ?=
ENCODER ?=
KEEP ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := requirements.lock
# many tests wait for processes that they kill: one beside the other takes half as long
WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal
NEEDS := pyproject.toml $(LOCK)
ENCODER_OPTION := $(if $(ENCODER),--encoder "$(ENCODER)")

# encoders that run on torch: the extra is tried for them, and its absence is the program's to explain
NO_TORCH := $(or $(filter classic onnx:% vectors:%,$(ENCODER)),$(if $(IMAGES)$(ENCODER),,digits))

.DEFAULT_GOAL := help
.PHONY: help demo serve up down test test-all lint lock clean bench bench-quality bench-naming try-clip web test-web screenshots

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

demo: $(VENV)/.base $(if $(NO_TORCH),,try-clip)
	@$(BIN)/categoriser demo $(if $(IMAGES),"$(IMAGES)") $(ENCODER_OPTION) $(if $(KEEP),--keep) $(ARGS)

serve: $(VENV)/.base $(if $(filter classic onnx:% vectors:%,$(ENCODER)),,try-clip)
	@$(BIN)/categoriser serve $(ENCODER_OPTION) $(ARGS)

up:
	@scripts/make-secrets.sh
	docker compose up --build --detach --wait $(ARGS)
	docker compose ps

down:
	docker compose down $(ARGS)

test: lint
	$(BIN)/pytest $(WORKERS) -m "not slow and not web"

test-all: lint
	$(BIN)/pytest $(WORKERS) -m "not web" --hypothesis-profile=thorough

test-web: $(VENV)/.dev web
	$(BIN)/pytest -m web

screenshots: $(VENV)/.dev
	$(BIN)/python -m tests.web.screenshots $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.dev
	@test -f benchmarks/__main__.py || { echo "There are no benchmarks here yet."; exit 1; }
	$(BIN)/python -m benchmarks $(ARGS)

bench-quality: $(VENV)/.bench
	$(BIN)/python -m benchmarks.quality $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m benchmarks.quality.encoders)

bench-naming: $(VENV)/.dev
	$(BIN)/python -m benchmarks.naming $(ARGS)

web: $(VENV)/.base
	cd web && npm ci --no-audit --no-fund
	$(BIN)/python -m categoriser.api.description web/src/api/openapi.json
	cd web && npm run types && npm run check && npm run build

# the exact versions of the whole tree, from an environment that holds nothing else
lock:
	rm -rf build/lock && mkdir -p build && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check ".[clip,server,dev,bench,bulk]"
	@{ echo "# Made by \`make lock\`: the versions that the tests ran with."; \
	build/lock/bin/python -m pip freeze --disable-pip-version-check --exclude categoriser --exclude pip --exclude setuptools \
	| sed -E 's/^([^=@ ]+)==([^+]+)\+.*$$/\1==\2/; / @ /d'; } > $(LOCK)
	rm -rf build/lock

clean:
	rm -rf $(VENV) build dist demo web/dist web/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

try-clip: $(VENV)/.base
	@test -e $(VENV)/.clip -a ! $(LOCK) -nt $(VENV)/.clip -a ! pyproject.toml -nt $(VENV)/.clip || { \
	echo "Installing what the encoders with weights need (torch; some minutes, once) …"; \
	$(PIP) -c $(LOCK) -e ".[clip]" && touch $(VENV)/.clip \
	|| echo "It could not be installed; going on without."; }

$(VENV)/.base: $(NEEDS) | $(VENV)/bin/python
	@echo "Setting up (about a minute, once) …"
	@$(PIP) -c $(LOCK) -e .
	@touch $@

$(VENV)/.dev: $(NEEDS) | $(VENV)/bin/python
	@echo "Setting up with everything the tests need (some minutes, once) …"
	@$(PIP) -c $(LOCK) -e ".[clip,server,dev]"
	@touch $(VENV)/.base $(VENV)/.clip $@

$(VENV)/.bench: $(NEEDS) | $(VENV)/bin/python
	@echo "Setting up with the methods to compare with (a minute, once) …"
	@$(PIP) -c $(LOCK) -e ".[bench]" || { \
	echo "The other methods could not all be installed; those missing are skipped."; $(PIP) -c $(LOCK) -e ".[evaluate]"; }
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or newer is needed and $(PYTHON) is not: name one, as in make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	echo "The virtual environment could not be made; on Debian and Ubuntu: apt install python3-venv"; \
	rm -rf $(VENV); exit 1; }
