# Everything a newcomer needs is `make demo` and `make test`. Set-up happens when it is needed, and again only when its inputs change.
# Options for what a target runs: make test ARGS="-k broker", make demo ARGS="--seconds 60".
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status containers test check bench notebooks lock clean
.NOTPARALLEL:

# The Python that .venv is made from: this one, else the first of the others that is 3.10 to 3.14.
PYTHON ?= python3
PYTHONS := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.10 python3.14
ARGS ?=
PIP := .venv/bin/python -m pip install --require-virtualenv --quiet --disable-pip-version-check --require-hashes
# Looking and stopping need no set-up: where there is none, nothing runs.
IF_SET_UP := if [ ! -x .venv/bin/python ]; then echo "nothing is set up here, so nothing runs: make setup"; exit 0; fi
COMMA := ,
# Sets the shell's variable `found`.
FIND_PYTHON = found=; for python in $(PYTHONS); do \
		if "$$python" -c '$(FITS)' 2>/dev/null; then found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then \
		echo "arus: Python 3.10 to 3.14 is needed: install one (apt-get install python3 python3-venv, brew install python), or say make PYTHON=/its/path" >&2; exit 1; fi
FITS := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 15))
# How long a step took, in the shell that has done it.
BEGIN := begun=$$(date +%s)
DONE := echo "  done in $$(($$(date +%s) - begun)) s"
FIND_JAVA := import sys; sys.excepthook = lambda kind, error, trace: print(f"arus: {error}", file=sys.stderr); \
	from arus import java; java.find_java()

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/run.stamp .jars/classes.stamp ## Python packages into .venv, jars into .jars (the other targets do it by themselves)

demo: setup ## Start everything, show it live; Ctrl-C stops it
	@exec .venv/bin/python -m arus demo $(ARGS)

up: setup ## Start everything and leave it running
	@exec .venv/bin/python -m arus up $(ARGS)

down: ## Stop what `demo` or `up` started
	@$(IF_SET_UP); exec .venv/bin/python -m arus down $(ARGS)

status: ## What runs, how fast, how far behind
	@$(IF_SET_UP); exec .venv/bin/python -m arus status $(ARGS)

# The engine and the image bring all else, so that no set-up is needed here.
containers: ## The same in containers, checked (needs Docker with Compose); ARGS=--down stops it
	@$(FIND_PYTHON); exec "$$found" -m arus containers $(ARGS)

# In two processes, file by file: a driver that starts, or waits, leaves a core idle. ARGS="-n 0" is one.
test: .venv/dev.stamp .jars/classes.stamp ## The whole test suite
	@exec .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/dev.stamp ## Lint, format, types, and the Compose file
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: .venv/dev.stamp .jars/classes.stamp ## The figures of docs/performance.md
	@exec .venv/bin/python -m benchmarks $(ARGS)

notebooks: .venv/dev.stamp ## Run the notebooks on the data that is there; pages into data/notebooks (no Spark)
	@exec .venv/bin/python -m notebooks

lock: .venv/dev.stamp ## Pin packages and jars anew, after a change of requirements/*.in or conf/ivy.xml
	@rm -rf build/uv && .venv/bin/python -m venv build/uv
	@build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@for set in run dev; do \
		build/uv/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-annotate --custom-compile-command "make lock" \
			requirements/$$set.in -o requirements/$$set.txt || exit 1; \
	done
	@rm -rf build/uv
	@.venv/bin/python -m arus.jars --lock

clean: ## Remove .venv, .jars, build and caches; never data
	@echo "removing .venv .jars build spark-warehouse and the caches of mypy, ruff, pytest and Python; data/ stays"
	@rm -rf .venv .jars build spark-warehouse .mypy_cache .ruff_cache .pytest_cache
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# A stamp is written when its step is done. `installing` has the pid of who installs, and stays behind when that was
# interrupted: what pip then takes for installed may be half there, so .venv is made afresh (pip's cache spares the downloads).
.venv/venv.stamp:
	@$(FIND_PYTHON); \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "arus: $$found has no venv module: apt-get install python3-venv" >&2; exit 1; fi; \
	"$$found" -c '$(FIND_JAVA)' || exit 1; \
	echo "set-up, once: four steps, two to six minutes on two cores"; \
	echo "set-up 1 of 4: .venv, a Python of the project's own, from $$found (some seconds)"; \
	$(BEGIN); "$$found" -m venv --clear .venv && touch $@ && $(DONE)

define install
@pid=$$(cat .venv/installing 2>/dev/null); \
if [ -n "$$pid" ] && kill -0 "$$pid" 2>/dev/null; then \
	echo "another make installs into .venv (pid $$pid): waiting for it ..."; \
	while kill -0 "$$pid" 2>/dev/null; do sleep 1; done; \
fi; \
if [ -e .venv/installing ]; then \
	echo "an earlier set-up was interrupted: .venv is made afresh"; \
	rm -rf build/old-venv && mkdir -p build && mv .venv build/old-venv && rm -rf build/old-venv; \
	$(MAKE) -s .venv/venv.stamp || exit 1; \
fi; \
echo "$(1) (one to two minutes on two cores; nothing is shown meanwhile)"; \
$(BEGIN); echo $$$$ > .venv/installing && $(PIP) -r $< && rm .venv/installing && touch $@ && $(DONE)
endef

.venv/run.stamp: requirements/run.txt .venv/venv.stamp
	$(call install,set-up 2 of 4: Python packages into .venv: PySpark and what goes with it)

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	$(call install,set-up for tests$(COMMA) checks and notebooks: pytest$(COMMA) Jupyter and their like into .venv)

.jars/stamp: conf/ivy.xml conf/ivysettings.xml conf/jars.sha256 | .venv/run.stamp
	@echo "set-up 3 of 4: jars of Spark's connectors and of Kafka, 70 MB (half a minute to two)"
	@.venv/bin/python -m arus.jars && touch $@

.jars/classes.stamp: .jars/stamp .venv/run.stamp
	@echo "set-up 4 of 4: a small job runs, to make later starts quicker (half a minute to two)"
	@.venv/bin/python -m arus.class_archive && touch $@
