# Two commands need nothing but make and Python 3.11 or newer: `make train`, `make test`.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed

SUITES := .venv-suites
SITE := build/site

# Each takes a core and a gigabyte; a worker that has nothing left takes from the others.
TEST_WORKERS := 2
PYTEST := $(VENV)/bin/python -m pytest --numprocesses $(TEST_WORKERS) --dist worksteal

.PHONY: train test test-slow test-suites trackers site lint format clean

train: $(INSTALLED)
	$(VENV)/bin/python -m tfadv.train --gin_file=gin/mbn_alp.gin

test: $(INSTALLED)
	$(PYTEST) -m "not slow"

test-slow: $(INSTALLED)
	$(PYTEST)

test-suites: $(SUITES)/.installed
	$(SUITES)/bin/python -m pytest tests/commands/test_adapters.py \
		tests/interop/test_converted.py tests/interop/test_hub_folder.py \
		tests/interop/test_torch_networks.py

# MLflow, Weights & Biases, Optuna and notebooks, which make test skips where they are missing.
trackers: $(VENV)/.trackers

site: $(VENV)/.docs
	$(VENV)/bin/python -m sphinx --fail-on-warning --keep-going --quiet \
		-c docs -d build/site_doctrees . $(SITE)
	@echo "$(SITE)/index.html"

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) $(SUITES) *.egg-info build dist

$(INSTALLED): requirements.lock setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement requirements.lock
	$(VENV)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.trackers: $(INSTALLED) requirements-trackers.txt
	$(VENV)/bin/python -m pip install --quiet --requirement requirements-trackers.txt \
		--constraint requirements.lock
	@touch $@

$(VENV)/.docs: $(INSTALLED) requirements-docs.txt
	$(VENV)/bin/python -m pip install --quiet --requirement requirements-docs.txt
	@touch $@

$(SUITES)/.installed: requirements.lock requirements-suites.txt setup.py
	$(PYTHON) -m venv $(SUITES)
	$(SUITES)/bin/python -m pip install --quiet --requirement requirements.lock
	$(SUITES)/bin/python -m pip install --quiet --requirement requirements-suites.txt
	$(SUITES)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@
