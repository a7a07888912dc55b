# What a contributor types; `make help` lists it. No target clears the environment: proxies, certificates, PORT,
# DATABASE_URL and the like reach every program.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup run dev worker telegram discord admin up test chaos bench browser lint lint-style lint-types lint-imports lint-django fmt screenshots messages lock clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  %s %-9s", $$1, $$2; $$1 = $$2 = ""; print }'

# The product ----------------------------------------------------------------------------------------------------------

run: .venv/.base ## serve http://127.0.0.1:8000/ (PORT changes it): no key, no database server needed
	@$(BIN)/python manage.py serve --prepare

dev: .venv/.base ## the same, reloading when code changes
	@$(BIN)/python manage.py migrate --verbosity 0 && $(BIN)/python manage.py seed_demo
	@DEBUG=true LOG_FORMAT=$${LOG_FORMAT:-console} $(BIN)/python manage.py runserver $(PORT)

worker: .venv/.base ## a worker beside the web process (needs CELERY_BROKER_URL and a shared database)
	@$(BIN)/python manage.py worker

telegram: .venv/.base ## listen to Telegram's channels (`make run` does so by itself)
	@$(BIN)/python manage.py run_gateway telegram

discord: .venv/.base ## listen to Discord's channels (`make run` does so by itself)
	@$(BIN)/python manage.py run_gateway discord

admin: .venv/.base ## give the staff login a new password and print it
	@$(BIN)/python manage.py staff_login

up: ## everything in containers: web, PostgreSQL, Redis
	docker compose up --build

# Its checks -----------------------------------------------------------------------------------------------------------

test: .venv/.dev ## the whole suite, on a PostgreSQL and a Redis of its own
	@$(BIN)/python tests/run.py

chaos: .venv/.dev ## the long runs of the chaos harness, CHAOS_SEED repeats one; safeguards taken out
	@CHAOS=long $(BIN)/python -m pytest tests/chaos -m chaos -s
	@CHAOS=long $(BIN)/python tests/run.py tests/conversations/test_forgeries.py \
		tests/conversations/test_mutated_streams.py tests/conversations/gateways/test_webhook.py \
		tests/conversations/api/test_schema.py
	@$(BIN)/python tests/removals.py

bench: .venv/.dev .venv-bench/.bench ## measure speed beside a plain FastAPI service (QUICK=1: three minutes)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(GATE),--gate) $(PARTS)

browser: .venv/.dev ## install a Chromium for the browser tests, unless there is one
	@$(BIN)/python -m tests.browser.chromium

lint: lint-style lint-types lint-imports lint-django ## style, types, import directions, migrations, deployment check

lint-style: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: .venv/.dev
	$(BIN)/mypy .

lint-imports: .venv/.dev
	$(BIN)/lint-imports --no-logo

# As in production, so that `check --deploy` sees what it would see there; the keys are made up on the spot.
PRODUCTION = SWITCHBOARD_ENV_FILE= DEBUG= REDIS_URL= EXTRA_APPS= LOG_LEVEL=WARNING \
	ALLOWED_HOSTS=bots.example PUBLIC_URL=https://bots.example \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(45))') \
	FIELD_ENCRYPTION_KEYS=$$($(BIN)/python -c 'from cryptography.fernet import Fernet as F; print(F.generate_key().decode())')

# Migrations are judged by the SQL they become on PostgreSQL, which is where a lock hurts.
lint-django: .venv/.dev
	@$(PRODUCTION) DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run
	@$(PRODUCTION) DATABASE_URL= LINT_MIGRATIONS=yes $(BIN)/python tests/devservices.py $(BIN)/python manage.py lintmigrations

screenshots: .venv/.dev ## docs/images from the running product, in a Chromium
	@$(BIN)/python -m tests.browser.screenshots

# What visitors read; staff pages are English and Django's own translations. Needs GNU gettext; the .mo files are committed.
messages: .venv/.dev ## locale/*.po from the code, and *.mo from them
	@$(BIN)/python manage.py makemessages --all --no-location --no-wrap --no-obsolete $(foreach place,\
		tests/* .venv/* var/* bots/* channels_integrations/* config/* analytics/* templates/admin/* templates/analytics/* templates/unfold/* */admin/* */models/*,--ignore='$(place)')
	@$(BIN)/python manage.py compilemessages --verbosity 0

fmt: .venv/.dev ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# Its ground -----------------------------------------------------------------------------------------------------------

setup: .venv/.dev ## make .venv with all that the other targets need

lock: ## requirements/*.in -> *.txt, hashed (UPGRADE=--upgrade for newer versions); needs uv
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH: $(PYTHON) -m pip install uv"; exit 1; }
	$(COMPILE) $(UPGRADE) requirements/base.in -o requirements/base.txt
	$(COMPILE) $(UPGRADE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) $(UPGRADE) requirements/bench.in -o requirements/bench.txt

clean: ## remove caches and what killed test runs left; never .env, var/ or .venv
	@$(PYTHON) tests/devservices.py --clean
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis staticfiles test-artifacts
	rm -f var/test-*.sqlite3*
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# .venv, and .venv-bench for the reference of `make bench`.
.venv/bin/python .venv-bench/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Switchboard needs Python 3.11 or newer as '$(PYTHON)'. Another one: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(@:/bin/python=) \
		|| { rm -rf $(@:/bin/python=); echo "Python's venv module is missing or broken. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

# Stamps: installed again only when the locked file has changed. uv takes seconds where pip takes minutes; pip is the
# fallback also where uv fails, since it alone reads pip.conf. Both are held to the same hashes.
define install
	@echo "Installing requirements/$(1).txt into $(@D) ..."
	@uv=$$(command -v uv || echo $(@D)/bin/uv); \
	[ -x "$$uv" ] || $(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv >/dev/null 2>&1; \
	{ [ -x "$$uv" ] && "$$uv" pip install --quiet --python $(@D)/bin/python --require-hashes -r requirements/$(1).txt; } \
		|| $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(1).txt
endef

.venv/.base: requirements/base.txt | $(BIN)/python
	$(call install,base)
	@touch $@

.venv/.dev: requirements/dev.txt requirements/base.txt | $(BIN)/python
	$(call install,dev)
	@touch $@ .venv/.base

.venv-bench/.bench: requirements/bench.txt | .venv-bench/bin/python
	$(call install,bench)
	@touch $@
