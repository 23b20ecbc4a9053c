# One line per target; the work is done by Nox (noxfile.py). GNU make 3.81 or newer.
# The next line is a variable of GNU make's; the make of BSD prints it, and ends.
.error = GNU make 3.81 or newer is needed: on BSD it is gmake; or run `python3 bootstrap.py` and .venv/bin/nox
ifeq ($(filter order-only,$(.FEATURES)),)
$(error $(.error))
endif

PYTHON ?= python3
# With -P, a module that lies here is never taken for one of Nox's, which may see a password.
NOX := .venv/bin/python -P -m nox
STAMP := .venv/.trainwheel-stamp

# `make version=175 upload.model` asks for a version by name. Neither make nor a shell ever expands
# the value: $(value) hands it on as it was typed, and the line of overrides that make would pass
# to every command's environment is withheld.
unexport version
ifeq ($(origin version),command line)
export TRAINWHEEL_VERSION := $(value version)
endif
MAKEOVERRIDES :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install doc train test version.model sync prove.model package.model upload.model
.PHONY: verify.model index check check.all clean distclean moved

help: ## show this help
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## install the task runner into .venv; the other targets do so at first use
	@:

doc: $(STAMP) ## build the documentation
	@$(NOX) -s doc

train: $(STAMP) ## train the model, unless nothing that it depends on has changed
	@$(NOX) -s train

test: $(STAMP) ## test the trained model
	@$(NOX) -s test

version.model: $(STAMP) ## print the version that the next release gets
	@$(NOX) -s version

sync: $(STAMP) ## write the Pipfile's packages into setup.py
	@$(NOX) -s sync

package.model: $(STAMP) ## build the wheel once and prove it
	@$(NOX) -s package

prove.model: $(STAMP) ## prove the wheel with each Python that it is promised for and that is here
	@$(NOX) -s prove

upload.model: $(STAMP) ## publish the proved wheel; version=N asks for a version by name
	@$(NOX) -s upload

verify.model: $(STAMP) ## install the model from the index and repeat its predictions
	@$(NOX) -s verify

index: $(STAMP) ## serve the embedded index, for `pip install` on this machine
	@$(NOX) -s index

check: $(STAMP) ## lint and test the model project and the toolkit
	@$(NOX) -s lint test
	@$(NOX) -f toolkit/noxfile.py -s lint docs tests

check.all: check ## the same, and the slow tests of both
	@$(NOX) -f toolkit/noxfile.py -s slow

clean: ## remove what the steps made
	rm -rf build dist model/*/artefact model/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	  .import_linter_cache .coverage

distclean: clean ## remove the environments too; the embedded index stays
	rm -rf .venv .nox toolkit/.nox

$(STAMP): Pipfile.lock bootstrap.py toolkit/pyproject.toml
	@$(PYTHON) -I bootstrap.py

# A project folder that was moved, or whose Python is gone, has a fresh stamp but no working .venv.
ifneq ($(shell { read -r root < $(STAMP); } 2>/dev/null && [ -x .venv/bin/python ] && [ "$$root" = "$$(pwd -P)" ] && echo whole),whole)
$(STAMP): moved
endif
