# The same verbs that CI uses. `make` lists them.
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: help test campaign check lint types docs links pictures coverage bench demo requirements build api format clean

help: ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(BIN)/.dev: pyproject.toml
	[ -x $(BIN)/python ] || python3 -m venv $(dir $(BIN))
	$(BIN)/pip install -q -e '.[dev]'
	touch $@

test: $(BIN)/.dev ## run the tests
	$(BIN)/pytest -q

campaign: $(BIN)/.dev ## run the tests with many more random cases
	$(BIN)/pytest -q --campaign

check: lint types ## lint and types

lint: $(BIN)/.dev ## ruff, and the spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(BIN)/.dev ## mypy, pyright, and the completeness of the public types
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/basedpyright
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/basedpyright --verifytypes joinme_async --ignoreexternal

docs: $(BIN)/.dev ## build the pages into site; every warning is an error, and nothing is fetched
	$(BIN)/sphinx-build -q -E -a -W --keep-going -b html docs site

links: $(BIN)/.dev ## ask every address in the pages whether it is there; needs a network
	$(BIN)/sphinx-build -q -E -b linkcheck docs site/links

coverage: $(BIN)/.dev ## run the tests and hold the pure modules to every branch
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage report --include='$(PURE)' --fail-under=100 -m

PURE := */_errors.py,*/_json.py,*/_http.py,*/_models.py,*/_times.py,*/_conversion.py,*/_wire.py,*/_body.py,*/_reconcile.py,*/_decide.py,*/_signals.py,*/_slots.py,*/_pacing.py,*/_limiters.py,*/_noticing.py,*/_retry/_run.py,*/_stay.py,*/_options.py,*/_events.py,*/_ensure.py,*/_span.py,*/_tokens.py,*/_rows.py,*/_plan.py,*/_marks.py,*/_intake.py,*/_pulse.py,*/_source.py,*/_values.py,*/_verbs.py,*/_csv.py,*/_jsonl.py,*/_excel.py,*/_ical.py,*/_ical_text.py,*/_files.py,*/_faults.py,*/_service.py,*/cli/_shown/*.py,*/cli/_codes.py,*/cli/_moments.py,*/cli/_settings.py,*/cli/_config.py,*/cli/_waits.py,*/testing.py,*/_page.py,*/_guard.py

bench: $(BIN)/.dev ## measure everything, as ratios within one run, and put the figures into the pages
	$(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks --json benchmarks/results.json --plot docs/pictures --docs docs/explanation/performance.md README.md
	$(BIN)/python -m benchmarks.pacing
	$(BIN)/python -m benchmarks.bulk pace
	$(BIN)/python -m benchmarks.bulk memory
	$(BIN)/python -m benchmarks.command

pictures: $(BIN)/.dev ## draw the pictures of the pages anew, two of them from runs of a minute
	for picture in decision_path layers kill_and_resume rate; do $(BIN)/python docs/pictures/$$picture.py; done

demo: $(BIN)/.dev ## schedule the example on the sandbox
	$(BIN)/joinme demo

api: $(BIN)/.dev ## write down the public API as it is now; the tests compare it with what was written last
	$(BIN)/python -m tests.public_api

requirements: $(BIN)/.dev ## pin what CI tests with: the newest of everything, and the lowest that is declared
	$(BIN)/pip install -q uv
	$(PIN) --upgrade -o requirements/test.txt
	$(PIN) --resolution lowest-direct --upgrade -o requirements/lowest.txt

# For every Python and system at once; no address of an index, nor the command itself, which would name this machine's.
PIN := $(BIN)/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

build: $(BIN)/.dev ## build the sdist, and from it the wheel
	rm -rf dist
	$(BIN)/python -m build

format: $(BIN)/.dev ## let ruff format everything
	$(BIN)/ruff format .

clean: ## remove what the verbs made
	rm -rf .venv .venv-* dist site .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
