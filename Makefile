# Two commands on a fresh machine: `make demo` and `make test`. Each sets up .venv by itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VENV_MF4 := .venv-mf4
VENV_SUPPLY := .venv-supply
VENV_CLOUD := .venv-cloud
VENV_LOCKED := .venv-locked
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_MF4 := $(VENV_MF4)/.ready
READY_SUPPLY := $(VENV_SUPPLY)/.ready
READY_CLOUD := $(VENV_CLOUD)/.ready
NODE := tests/cloud/edge_cloud/node
READY_NODE := $(NODE)/node_modules/.package-lock.json
# Tests wait for more than half of their time: four at once keep two cores busy.
WORKERS ?= 4
IN_WORKERS = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
CUTS ?= 50
MINUTES ?= 10
ARCH ?= amd64

.PHONY: demo test vcan powercut soak mf4 cloud cloud-demo image-arm64 image-amd64 image-cabin lock sbom audit quick lint bench clean

demo: $(READY)
	$(BIN)/edge-agent demo

# By file, as the tests of a file share an address or a database; what is timed comes last, alone.
test: $(READY_DEV)
	$(BIN)/pytest -m "not timed" $(IN_WORKERS)
	$(BIN)/pytest -m timed

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
	$(VENV_MF4)/bin/pytest tests/mf4 tests/cabin/trips/test_recorded_drives.py

# The cloud half has an environment of its own: Spark alone is half a gigabyte. Java, Node and mono are used where they are.
cloud: $(READY_CLOUD) $(READY_NODE)
	$(VENV_CLOUD)/bin/pytest tests/cloud/edge_cloud --numprocesses 3 --dist loadfile

# The demo's drive, on through files and tables to a page: everything it makes stays in demo-cloud.
cloud-demo: $(READY_CLOUD)
	rm -rf demo-cloud
	$(VENV_CLOUD)/bin/edge-agent demo --folder demo-cloud
	$(VENV_CLOUD)/bin/edge-cloud ingest demo-cloud/hub --lake demo-cloud/lake
	$(VENV_CLOUD)/bin/edge-cloud gold --lake demo-cloud/lake
	$(VENV_CLOUD)/bin/edge-cloud trips --lake demo-cloud/lake
	$(VENV_CLOUD)/bin/edge-cloud page --lake demo-cloud/lake --out demo-cloud/page.html
	$(VENV_CLOUD)/bin/edge-cloud check --lake demo-cloud/lake

# An image, built and run, of another CPU under emulation; as root on Debian. docs/image.md says what it takes.
image-arm64:
	$(PYTHON) -m tests.image --platform arm64v8

image-amd64:
	$(PYTHON) -m tests.image --platform amd64

# The head unit's, for ARCH: amd64, or arm64 under emulation.
image-cabin:
	$(PYTHON) -m tests.image --module cabin --platform $(ARCH:arm64=arm64v8)

# Versions stay as they are locked while pyproject.toml takes them; UPGRADE=--upgrade has the newest.
lock: $(READY_SUPPLY)
	tests/image/lock $(VENV_SUPPLY)/bin/uv $(UPGRADE)

# What the images install, as bills of materials in CycloneDX, judged by its schema: dist/edge-agent.cdx.json and
# dist/edge-agent-cabin.cdx.json
sbom: $(READY_SUPPLY)
	@mkdir -p dist
	$(call bill,.,edge-agent)
	$(call bill,modules/cabin,edge-agent-cabin)

define bill
$(VENV_SUPPLY)/bin/uv venv --quiet --clear --python $(PYTHON) $(VENV_LOCKED)
$(VENV_SUPPLY)/bin/uv pip sync --quiet --python $(VENV_LOCKED) --require-hashes $(1)/requirements.lock
$(VENV_SUPPLY)/bin/cyclonedx-py environment --spec-version 1.6 --output-reproducible --validate --mc-type application \
	--pyproject $(1)/pyproject.toml --output-file dist/$(2).cdx.json $(VENV_LOCKED)
endef

# Asks for known vulnerabilities of what is locked; exit 1 with any, or where no advisory service is reached.
audit: $(READY_SUPPLY)
	$(VENV_SUPPLY)/bin/python -m tests.image.audit $(AUDIT)

quick: $(READY_DEV)
	$(BIN)/pytest -m "not slow and not timed" $(IN_WORKERS)

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY_DEV)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) $(VENV_MF4) $(VENV_SUPPLY) $(VENV_CLOUD) $(VENV_LOCKED) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment is brought up to date when what it depends on changes.
$(READY): pyproject.toml modules/cabin/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is needed: apt-get install python3-venv"; exit 1; }
	@echo "setting up $(VENV), once: about half a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]' --editable modules/cabin
	@touch $@

$(READY_DEV): $(READY) modules/cabin/pyproject.toml cloud/calendar_bridge/pyproject.toml
	@echo "adding the tools of developers, once: about half a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --editable 'modules/cabin[dev]' \
		--editable 'cloud/calendar_bridge[dev]'
	@touch $@

$(READY_MF4): pyproject.toml
	@test -x $(VENV_MF4)/bin/python || $(PYTHON) -m venv $(VENV_MF4)
	@echo "setting up $(VENV_MF4), once: about a minute"
	@$(VENV_MF4)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mf4]'
	@touch $@

$(READY_CLOUD): pyproject.toml cloud/pyproject.toml
	@test -x $(VENV_CLOUD)/bin/python || $(PYTHON) -m venv $(VENV_CLOUD)
	@echo "setting up $(VENV_CLOUD), once: about two minutes"
	@$(VENV_CLOUD)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --editable 'cloud[dev]'
	@touch $@

# Microsoft's compiler of KQL, for tests alone; without npm those skip by name.
$(READY_NODE): $(NODE)/package-lock.json
	@if command -v npm > /dev/null; then cd $(NODE) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch -c node_modules/.package-lock.json; fi

$(READY_SUPPLY):
	@test -x $(VENV_SUPPLY)/bin/python || $(PYTHON) -m venv $(VENV_SUPPLY)
	@echo "setting up $(VENV_SUPPLY), once: about 20 seconds"
	@$(VENV_SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' 'pip-audit>=2.9' 'cyclonedx-bom>=7'
	@touch $@
