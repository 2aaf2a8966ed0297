# Two commands do all set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

# The project's data sets, where they lie beside the checkout; see docs/data.md.
ifneq ($(wildcard ../shared/data),)
export CLEARSIGHT_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint weights benchmarks clean

demo: .venv/installed
	$(BIN)/python examples/demo.py --out demo

test: lint
	$(BIN)/pytest -n 2

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Train every shipped model again, from its recipe. Hours on a CPU; an interrupted run continues.
weights: .venv/installed
	for folder in src/clearsight/weights/*/config.json; do \
	  name=$$(basename $$(dirname $$folder)); \
	  $(BIN)/clearsight train $$name --out runs/$$name && \
	  rm -rf src/clearsight/weights/$$name && cp -r runs/$$name/weights src/clearsight/weights/$$name || exit 1; \
	done

benchmarks: .venv/installed
	$(BIN)/python benchmarks/denoising.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python docs/tables.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
