# Two commands matter: `make demo` tries the product, `make test` runs everything CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for browsers, databases and clocks: twice as many workers as cores keep the cores busy. In the order of the
# folders the long ones, of browsers and killed processes, come first. What fails is run once more, alone: clicks in real
# browsers and calls with deadlines can be late on a machine that does four things at once. What fails then has failed.
WORKERS = $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
# What is installed: the product alone, or with everything that the checks need.
APP := $(VENV)/.app
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: docs load demo test lint types pytest format crash fuzz bench pictures stranger lock clean

demo: $(APP)
	@$(BIN)/tines-sync demo $(ARGS)

test: lint types pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/vulture

types: $(STAMP)
	$(BIN)/mypy

pytest: $(STAMP)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cache-clear \
		--cov --cov-report= --cov-fail-under=0 $(ARGS) \
	|| $(BIN)/pytest --last-failed --last-failed-no-failures none --no-cov $(ARGS)
	$(BIN)/coverage report

bench: $(STAMP)
	$(BIN)/python -m tests.bench --json bench.json $(ARGS)

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# At least a hundred kills of the real process on each database, and figures; takes about half an hour.
# ARGS="--only takeover" measures how long the work of a killed process lies idle; ARGS=--skew runs with wrong clocks.
crash: $(STAMP)
	$(BIN)/python -m tests.crash $(ARGS)

# The pictures of the README, drawn by a real browser.
pictures: $(STAMP)
	$(BIN)/python -m tests.browser.pictures

# From a fresh clone of what is committed to the first result, timed in a real browser.
stranger: $(STAMP)
	$(BIN)/python -m tests.browser.stranger

# The reference of the configuration, from the settings' own models.
docs: $(STAMP)
	$(BIN)/python -m bot.settings.reference > docs/configuration.md

# What strangers can do to the public port, and whether Slack is answered meanwhile; takes some minutes.
load: $(STAMP)
	$(BIN)/python -m tests.load

# A machine with Python, venv and make is enough: everything else comes into .venv.
$(APP): pyproject.toml constraints.txt
	@echo "Making a Python environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@echo "Downloading and installing the libraries (27 MB; a minute on a slow machine, and only this once) …"
	@$(PIP) --editable .
	@touch $(APP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev]'
	touch $(APP) $(STAMP)

# Renews the exact versions from what pyproject.toml allows now.
lock:
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	( echo '# Exact versions that the tests ran with. Renew with: make lock'; \
	  $(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude wheel --exclude tines-sync ) > constraints.txt
	rm -rf $(VENV)-lock

# What people click at the same time, and what comes in Slack's name, at random: FUZZ is how many examples each
FUZZ ?= 300

fuzz: $(STAMP)
	FUZZ=$(FUZZ) $(BIN)/pytest tests/unit/requests/test_requests_machine.py tests/fuzz

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
