# Two commands on a fresh machine: `make demo` and `make test`. Each sets up .venv by itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VENV_MF4 := .venv-mf4
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_MF4 := $(VENV_MF4)/.ready
CUTS ?= 50
MINUTES ?= 10

.PHONY: demo test vcan powercut soak mf4 quick lint bench clean

demo: $(READY)
	$(BIN)/edge-agent demo

test: $(READY_DEV)
	$(BIN)/pytest

# On real SocketCAN: the running kernel's, or user-mode-linux.
vcan: $(READY_DEV)
	tests/vcan/with_socketcan $(BIN)/pytest -m vcan tests/vcan

# The power of a virtual machine that spools under load is cut CUTS times, and everything is counted.
powercut: $(READY_DEV)
	$(BIN)/python -m tests.powercut --cuts $(CUTS)

# The uplink under load, through every fault a hub can have, for MINUTES; below 5 each fault once, in a hurry.
soak: $(READY_DEV)
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

# MF4 logs need asammdf, which would weigh on every process that imports python-can: an environment of its own.
mf4: $(READY_MF4)
	$(VENV_MF4)/bin/pytest tests/mf4

quick: $(READY_DEV)
	$(BIN)/pytest -m "not slow"

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY_DEV)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) $(VENV_MF4) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment is brought up to date when what it depends on changes.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is needed: apt-get install python3-venv"; exit 1; }
	@echo "setting up $(VENV), once: about half a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY_DEV): $(READY) modules/cabin/pyproject.toml
	@echo "adding the tools of developers, once: about half a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --editable 'modules/cabin[dev]'
	@touch $@

$(READY_MF4): pyproject.toml
	@test -x $(VENV_MF4)/bin/python || $(PYTHON) -m venv $(VENV_MF4)
	@echo "setting up $(VENV_MF4), once: about a minute"
	@$(VENV_MF4)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mf4]'
	@touch $@
