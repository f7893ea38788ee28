# The same commands as `python -m bookmaking COMMAND`; `make` alone lists them.
.DEFAULT_GOAL := help

# The interpreter that builds the environment: python3.13 where there is one, as .python-version says.
PYTHON ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || echo python3)
COMMANDS := book test quick lint html epub pdf slides notebooks execute lab report-template kernel check ready newest codecheck mutants links student instructor nbgrader grade formgrader calibrate acceptance study bench set-up lock clean

.PHONY: help $(COMMANDS)
help $(COMMANDS):
	@$(PYTHON) -m bookmaking $@ $(OPTIONS)
