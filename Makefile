# Everything a bare machine needs: Python >= 3.11 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := demo
HEADWATER := $(BIN)/headwater --home $(DEMO)/.headwater

.PHONY: demo test test-bigquery lint wheel bench soak lock clean
.DEFAULT_GOAL := demo

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.runtime $@

demo: $(VENV)/.runtime ## 90 days of synthetic events, loaded, built, tested and compared; then live traffic
	@rm -rf $(DEMO)
	@$(HEADWATER) init
	@$(HEADWATER) generate --days 90 --persons 20000 --seed 7 --out $(DEMO)/events
	@$(HEADWATER) load $(DEMO)/events
	@$(HEADWATER) build
	@echo; echo "First click against last click, by channel:"; echo
	@$(HEADWATER) query "select channel, sum(first_click_conversions) as first_click, sum(last_click_conversions) as last_click, \
	  sum(conversion_shift) as shift, round(sum(first_click_value), 2) as first_click_value, round(sum(last_click_value), 2) as last_click_value \
	  from mart_attribution_comparison group by channel order by first_click desc, channel"
	@echo; echo "Settings and warehouse: $(DEMO)/.headwater    Events and the true answers: $(DEMO)/events (truth.csv)"
	@echo "Next, why one order is credited as it is:"
	@echo "  $(HEADWATER) explain $$($(HEADWATER) query --format csv "select transaction_id from int_conversions join int_user_journeys \
	  using (conversion_id) where transaction_id is not null group by transaction_id having count(*) between 4 and 6 \
	  order by count(distinct channel) desc, sum(touch_count) desc, transaction_id limit 1" | tail -n 1)"
	@echo "Your own data:  $(BIN)/headwater init && $(BIN)/headwater load PATH && $(BIN)/headwater build"
	@echo; echo "Live now: the door, the engine, and twenty events a second for them."; echo
	@$(HEADWATER) up & up=$$!; trap 'kill -TERM $$up 2>/dev/null; wait $$up' EXIT; trap 'exit 130' INT TERM; \
	  for look in $$(seq 60); do sleep 0.5; [ -f $(DEMO)/.headwater/engine.json ] && break; done; sleep 2; \
	  $(HEADWATER) stream --rate 20 --seconds $$([ -t 1 ] && echo 3600 || echo 15); $(HEADWATER) status

test: $(VENV)/.dev ## the whole suite, on DuckDB and on a real PostgreSQL
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --durations 25

test-bigquery: $(VENV)/.dev ## the tests of BigQuery, on two stand-ins, or with URL=bigquery://PROJECT/DATASET on the real service
	@$(BIN)/python tests/bigquery/standins/prepare.py
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations 25 -m bigquery --warehouse bigquery $(if $(URL),--bigquery-url '$(URL)') \
	  tests/engine tests/conformance tests/test_explain.py tests/bigquery tests/serve tests/fan_in

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/lint_sql.py

wheel: $(VENV)/.dev ## build the wheel, install it into an empty environment, and build a small warehouse with it
	bash .ci/wheel

bench: $(VENV)/.dev ## the figures of docs/benchmarks.md; takes its time
	$(BIN)/python bench/full_build.py
	$(BIN)/python bench/incremental.py
	$(BIN)/python bench/journal.py
	$(BIN)/python bench/door.py
	$(BIN)/python bench/drain.py
	$(BIN)/python bench/latency.py
	$(BIN)/python bench/api.py

soak: $(VENV)/.dev ## half an hour of traffic, 50 rounds of kill -9, an outage of a minute
	$(BIN)/python bench/soak.py
	KILL_ROUNDS=50 OUTAGE_SECONDS=60 $(BIN)/python -m pytest -q -s tests/faults

lock: ## write requirements/*.txt anew: names, versions, hashes, and no address
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --extra postgres --extra dashboard --output-file requirements/runtime.txt \
	  requirements/build.in pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --no-emit-package headwater --extra dev --extra postgres \
	  --extra dashboard --extra bigquery --extra kafka --extra pubsub --output-file requirements/dev.txt requirements/build.in pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.13 --no-strip-extras --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --output-file requirements/bigquery-standin.txt requirements/bigquery-standin.in

clean:
	rm -rf $(VENV) .venv-bigquery $(DEMO) dist build
