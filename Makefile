# Targets for people and schedules. Everything runs in .venv, made on first use from requirements.lock.
SHELL := /bin/bash
# The first of these that there is; any other by make PYTHON=/path/to/python.
PYTHON ?= $(firstword $(foreach version,3.11 3.12 3.13,$(shell command -v python$(version))))
BIN ?= .venv/bin
SIZE ?= 1
export DBT_PROFILES_DIR := $(CURDIR)/profiles
export DO_NOT_TRACK := 1
# This checkout's code runs, wherever the environment was installed from.
export PYTHONPATH := $(CURDIR)

.PHONY: help run test test-next test-spark status ask rollback backfill close reopen daemon ui lint mutants docs documents demo clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# An environment of its own, from the locks that it depends on.
define environment
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: none is on the PATH (make PYTHON=/path/to/python)" >&2; exit 1; }
	@rm -rf $(@D) # also what an interrupted setting up has left
	@echo "Setting up $(@D) from $(filter %.lock,$^) (once, about a minute) ..."
	@if command -v uv >/dev/null; then \
		uv venv --quiet --python "$(PYTHON)" $(@D) && \
		uv pip install --quiet --compile-bytecode --python $(@D)/bin/python --no-deps --require-hashes $(addprefix -r ,$(filter %.lock,$^)) && \
		uv pip install --quiet --python $(@D)/bin/python --no-deps --no-index --no-build-isolation -e .; \
	else \
		"$(PYTHON)" -m venv $(@D) && \
		{ $(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes $(addprefix -r ,$(filter %.lock,$^)) && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation -e .; } 2> $(@D)/pip.log \
		|| { cat $(@D)/pip.log >&2; exit 1; }; \
	fi
	@touch $@
endef

.venv/installed: requirements.lock pyproject.toml
	$(environment)

run: .venv/installed ## Refresh: land, recompute, build, check and publish; makes demo data when there is none
	@$(BIN)/keizoku run

test: .venv/installed ## Run everything that can say no
	@$(BIN)/python -m pytest

.venv-next/installed: .venv/installed requirements-next.lock
	@echo "Laying the next dbt over a copy of .venv (once) ..."
	@rm -rf .venv-next && cp -a .venv .venv-next && rm .venv-next/installed
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --compile-bytecode --python .venv-next/bin/python --no-deps --require-hashes -r requirements-next.lock && \
		uv pip install --quiet --python .venv-next/bin/python --no-deps --no-index --no-build-isolation --reinstall -e .; \
	else \
		.venv-next/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements-next.lock && \
		.venv-next/bin/python -m pip install --quiet --no-deps --no-index --no-build-isolation --force-reinstall -e .; \
	fi
	@touch $@

test-next: .venv-next/installed ## Refresh the golden company with the next version of dbt
	@BIN=.venv-next/bin .venv-next/bin/python -m pytest -n 0 tests/python/end_to_end/test_refresh.py \
		-k "every_cell_of_the_golden or dbt_of_the_environment"

.venv-spark/installed: requirements.lock requirements-spark.lock pyproject.toml
	$(environment)

test-spark: .venv-spark/installed ## Compare the models on Spark with DuckDB, cell by cell: Java 17, ten minutes
	@.venv-spark/bin/python -m pytest -n 0 tests/python/targets/spark_golden.py

status: .venv/installed ## Say what is published, from which data, what is kept, and what went wrong last
	@$(BIN)/keizoku status

ask: .venv/installed ## Answer a question of analyses/ from the published file: NAME=customers_at_risk; without it, list them
	@$(BIN)/keizoku ask $(if $(NAME),"$$NAME")

rollback: .venv/installed ## Publish again what was published before; TO=build_id chooses
	@$(BIN)/keizoku rollback $(if $(TO),--to "$$TO")

backfill: .venv/installed ## Compute as of a past day beside what is published: AS_OF=2025-12-31
	@$(BIN)/keizoku run --backfill "$$AS_OF"

close: .venv/installed ## Lock what is published of a month, for good: MONTH=2026-10 BY="name" APPROVED_BY="name"
	@$(BIN)/keizoku close "$$MONTH" --by "$$BY" --approved-by "$$APPROVED_BY" --data-through "$$DATA_THROUGH"

reopen: .venv/installed ## Open a closed month again, on record: MONTH=2026-10 REASON="why" BY="name" APPROVED_BY="name"
	@$(BIN)/keizoku reopen "$$MONTH" --reason "$$REASON" --by "$$BY" --approved-by "$$APPROVED_BY"

daemon: .venv/installed ## Refresh every day and when raw files arrive, until stopped
	@exec $(BIN)/keizoku daemon

ui: .venv/installed ## Open Dagster on http://127.0.0.1:3000
	@exec $(BIN)/keizoku ui

mutants: .venv/installed ## Change the project in small wrong ways and say who notices: COUNT=150 SEED=1; a quarter of an hour
	@$(BIN)/python benchmarks/mutants.py --count $(or $(COUNT),150) --seed $(or $(SEED),1) --jobs $(or $(JOBS),2)

lint: .venv/installed ## Check the style of SQL, Python and the dbt project
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@KEIZOKU_BUILD=:memory: RUST_LOG=error $(BIN)/sqlfluff lint models analyses tests --processes 2 2> >(grep -v resource_tracker >&2)
	@$(BIN)/dbt --quiet --no-partial-parse parse && $(BIN)/dbt-bouncer --config-file dbt-bouncer.yml
	@home=$$(mktemp -d) && cp orchestration/dagster.yaml $$home && \
		DAGSTER_HOME=$$home $(BIN)/dg check defs --no-check-yaml; status=$$?; rm -r $$home; exit $$status

docs: .venv/installed ## Write the browsable description of every model and column to target/
	@$(BIN)/dbt docs generate --empty-catalog --static

documents: .venv/installed ## Write figures, tables and indexes of README and docs anew, from a refresh of the demo
	@$(BIN)/python -m pytest -n 0 --write-documents tests/python/unit/test_documents.py tests/python/end_to_end/test_documents_of_the_demo.py

demo: .venv/installed ## Write the demo company to data/raw; SIZE=250 is 100,000 accounts
	@$(BIN)/keizoku demo --size $(SIZE)

clean: ## Remove the environment and what tools left; data stays
	rm -rf .venv .venv-next .venv-spark keizoku.egg-info target logs .pytest_cache .hypothesis .ruff_cache .mypy_cache
.DEFAULT_GOAL := help
