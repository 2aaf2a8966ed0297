# Two commands do all set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
BENCHMARKS := denoising digits restorers speed busy memory stack intensities strength training evaluation recurrence study int8 bulk engines kills streaming cost page text scans carrying seeds lines guard

# The project's data sets, where they lie beside the checkout; see docs/data.md.
ifneq ($(wildcard ../shared/data),)
export CLEARSIGHT_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint weights benchmarks docs dist clean

demo: .venv/installed
	$(BIN)/python examples/demo.py --out demo

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Train every shipped model again, from its recipe. Hours on a CPU; an interrupted run continues.
weights: .venv/installed
	$(BIN)/clearsight train denoise-color-narrow
	for folder in src/clearsight/weights/*/config.json; do \
	  name=$$(basename $$(dirname $$folder)); \
	  $(BIN)/clearsight train $$name --out runs/$$name && \
	  rm -rf src/clearsight/weights/$$name && cp -r runs/$$name/weights src/clearsight/weights/$$name || exit 1; \
	done

# Measure every figure again, on a machine that does nothing else.
benchmarks: .venv/installed
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done
	$(BIN)/python docs/tables.py
	$(BIN)/python docs/charts.py

# The site, in site/: open site/index.html, or serve it for the search: python -m http.server -d site. Needs no network.
docs: .venv/installed
	$(BIN)/python docs/tables.py
	$(BIN)/python docs/charts.py
	$(BIN)/python docs/diagram.py
	$(BIN)/python docs/gallery.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# A wheel, tried where its checkout is not, what it brings along (CycloneDX), and what is known against that: dist/.
# PYTHON=python3.13 make dist tries another Python; the last line is a report and needs a network.
dist: .venv/installed
	rm -rf dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv dist/venv
	dist/venv/bin/pip install --quiet --no-compile -c constraints.txt dist/clearsight-*.whl
	cp examples/smoke.py dist/ && cd dist && venv/bin/python smoke.py
	$(BIN)/cyclonedx-py environment dist/venv/bin/python --pyproject pyproject.toml --output-reproducible -o dist/sbom.json
	-$(BIN)/pip-audit --progress-spinner off --path $$(dist/venv/bin/python -c "import site; print(site.getsitepackages()[0])") > dist/audit.txt

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo runs site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
