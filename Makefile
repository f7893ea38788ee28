# The book's commands. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The interpreter that builds the environment: python3.13 where there is one, as .python-version says.
PYTHON ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || echo python3)
BIN := .venv/bin

# In the order of the book, so that a later chapter finds the fits of an earlier one.
CHAPTERS := $(shell sed -n 's|.*chapters/||p' _toc.yml)
STORED := $(CHAPTERS:%=chapters/%.ipynb)
EXECUTED := $(CHAPTERS:%=_build/executed/%.ipynb)
MATTER := _config.yml _toc.yml references.bib $(wildcard book/*.* book/_static/* book/_templates/*) data/README.md tools/build-html tools/pack.py
# Begun first, so that nothing waits for them at the end.
LONGEST := _build/executed/exercise-moral-judgement.ipynb _build/executed/repeated-measures.ipynb
# What a chapter's numbers depend on, besides its own source.
GROUND := $(wildcard lib/multilevel/*.py data/*) requirements.txt tools/notebooks.py

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1 \t/' | expand -t 20

.PHONY: book
book: $(BIN)/ready ## set up, execute on this machine what changed, build the HTML
	@$(MAKE) --no-print-directory -j2 executed
	@$(MAKE) --no-print-directory _build/html/.executed

.PHONY: executed
executed: $(LONGEST) $(EXECUTED)

_build/executed/%.ipynb: chapters/%.md $(GROUND)
	@$(BIN)/python tools/notebooks.py $< $@

# These read the fits of those: executed before, they would fit the same models twice.
_build/executed/welcome.ipynb _build/executed/estimates.ipynb _build/executed/exercise-another-outcome.ipynb: | _build/executed/repeated-measures.ipynb
_build/executed/predictions.ipynb _build/executed/exercise-one-cluster.ipynb: | _build/executed/crossed-clusters.ipynb
_build/executed/exercise-moral-predictions.ipynb: | _build/executed/exercise-moral-judgement.ipynb
_build/executed/agreement.ipynb: | $(LONGEST) _build/executed/crossed-clusters.ipynb

# build-html begins by removing _build/html, and with it the mark of what it was built from.
_build/html/.executed: $(EXECUTED) $(MATTER)
	@tools/build-html . _toc.yml $(EXECUTED)
	@$(BIN)/python tools/pack.py
	@touch $@

.PHONY: html
html: $(BIN)/ready ## build the HTML from the stored notebooks, without executing
	@tools/build-html . _toc.yml $(STORED)
	@$(BIN)/python tools/pack.py

.PHONY: notebooks
notebooks: $(BIN)/ready ## after an edit: derive and execute the stored notebooks again
	@$(MAKE) --no-print-directory -j2 executed
	@cp $(EXECUTED) chapters

# The tests look at the book that was built last, and build it if there is none or it is older than
# a stored notebook.
_build/html/index.html: $(STORED) $(MATTER) | $(BIN)/ready
	@tools/build-html . _toc.yml $(STORED)
	@$(BIN)/python tools/pack.py

# Files in the order of tests/conftest.py (--no-loadscope-reorder).
.PHONY: test
test: $(BIN)/ready _build/nbgrader/ready _build/html/index.html ## lint, types, unit tests, notebooks, the built book
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
	rm -rf chapters/fits  # the notebooks are tested from no stored fits
	PYTHONPATH=tests $(BIN)/pytest --nbval --nbval-current-env --nbval-cell-timeout 900 -p outputs -p no:cacheprovider -n 2 --dist loadfile --no-loadscope-reorder $(STORED)

.PHONY: links
links: $(BIN)/ready _build/html/index.html ## ask whether the addresses outside the book still answer
	$(BIN)/jupyter-book build _build/source --path-output _build/links --builder linkcheck

.PHONY: check
check: $(BIN)/ready ## fit a tiny model and say whether this machine gives the right answer
	@$(BIN)/python tools/check.py

.PHONY: calibrate
calibrate: $(BIN)/ready ## simulation-based calibration, the long version: data/calibration.csv
	$(BIN)/python tools/calibrate.py $(OPTIONS)

.PHONY: study
study: $(BIN)/ready ## the study of pooling, the long version: data/pooling.csv
	$(BIN)/python tools/study.py $(OPTIONS)

.PHONY: bench
bench: $(BIN)/ready _build/bambi/ready ## time the models against Bambi and brms: data/benchmark*.csv
	$(BIN)/python benchmarks/compare.py $(OPTIONS)
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/scale.py

_build/bambi/ready: benchmarks/requirements.txt
	@echo "setting up Bambi in _build/bambi"
	@rm -rf _build/bambi && $(BIN)/python -m venv _build/bambi
	@_build/bambi/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.PHONY: student
student: book ## the students' edition, without solutions: dist/multilevel-student.zip
	@PYTHONPATH=tools $(BIN)/python teaching/editions.py student

.PHONY: instructor
instructor: book ## the instructor's edition, with checks and notes: dist/multilevel-instructor.zip
	@PYTHONPATH=tools $(BIN)/python teaching/editions.py instructor

.PHONY: nbgrader
nbgrader: book _build/nbgrader/ready ## a course folder of nbgrader, with releases: dist/nbgrader
	@PYTHONPATH=tools $(BIN)/python teaching/editions.py nbgrader
	@cd dist/nbgrader && export PATH="$(CURDIR)/_build/nbgrader/bin:$$PATH" && for name in $$(ls source); do nbgrader generate_assignment "$$name" --force --log-level ERROR; done

.PHONY: grade
grade: $(BIN)/ready _build/nbgrader/ready ## grade what came back: make grade OPTIONS="ASSIGNMENT --jobs 2"
	@_build/nbgrader/bin/python teaching/grade.py $(OPTIONS)

_build/nbgrader/ready: teaching/requirements.txt $(BIN)/ready
	@echo "setting up nbgrader in _build/nbgrader"
	@rm -rf _build/nbgrader && $(BIN)/python -m venv _build/nbgrader
	@_build/nbgrader/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.PHONY: lab
lab: $(BIN)/ready ## open the chapters in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir chapters $(OPTIONS)

.PHONY: lock
lock: $(BIN)/ready ## after an edit of requirements.in: solve it anew (fetches uv)
	@$(BIN)/python -m venv _build/uv && _build/uv/bin/pip install --quiet uv
	@_build/uv/bin/uv pip compile --universal --python-version 3.12 --generate-hashes --quiet \
	    --custom-compile-command 'make lock' requirements.in --output-file requirements.txt
	@_build/uv/bin/uv pip compile --universal --python-version 3.12 --generate-hashes --quiet \
	    --custom-compile-command 'make lock' benchmarks/requirements.in --output-file benchmarks/requirements.txt
	@_build/uv/bin/uv pip compile --universal --python-version 3.12 --generate-hashes --quiet \
	    --custom-compile-command 'make lock' teaching/requirements.in --output-file teaching/requirements.txt

.PHONY: clean
clean: ## remove everything that can be made again
	rm -rf .venv _build dist chapters/fits lib/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: made anew whenever the lock changes.
$(BIN)/ready: requirements.txt pyproject.toml
	@tools/set-up $(PYTHON)
