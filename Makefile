# make demo    a circuit of 100 million synapses: built, run for one biological second, plotted
# make test    style, types and all tests
# make docs    the site, in build/site/index.html
# They make their own environment; nothing is needed but Python 3.11 or newer, and make.

PYTHON ?= python3
VENV ?= .venv
# Optional extras to install for the tests; "dev,peers" also compares with NEST.
EXTRAS ?= dev
BIN := $(VENV)/bin
DEMO := build/demo
comma := ,
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: demo test lint docs golden counts clean

demo: $(VENV)/.base
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/neurograph build modular $(DEMO)/cortex.zarr --neurons 100000 --synapses-per-neuron 1000 \
	    --stimulus 0.25 --dwell 50 --seed 1
	$(BIN)/neurograph run $(DEMO)/cortex.zarr --duration 1000 --seed 1 --spikes $(DEMO)/spikes.parquet
	$(BIN)/neurograph plot $(DEMO)/spikes.parquet $(DEMO)/raster.png --circuit $(DEMO)/cortex.zarr

# Compiled kernels are cached by the file they stand in, not by those whose functions they take in: start without them.
test: lint
	find neurograph storage \( -name '*.nbi' -o -name '*.nbc' \) -delete
	$(BIN)/python -m pytest

lint: $(VENV)/.$(subst $(comma),-,$(EXTRAS))
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Warnings are errors: what cannot be resolved, a link or a name, is one.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --builder html docs build/site

golden: $(VENV)/.base
	rm -rf tests/golden/fly
	$(BIN)/python scripts/make_golden.py tests/golden/fly

# What tiny circuits cost, counted: written again when a change of it is meant.
counts: $(VENV)/.base
	$(BIN)/python -m neurograph.bench.counts > .counts.json && mv .counts.json tests/golden/counts.json

clean:
	rm -rf $(VENV) build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) .
	touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) '.[docs]'
	touch $@

$(VENV)/.$(subst $(comma),-,$(EXTRAS)): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) '.[$(EXTRAS)]'
	touch $@
