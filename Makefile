# The one front door: `make` says what there is. Node in its pinned version comes from the devDependency
# `node`; what starts the first command may be any Node from 20 on.

NODE := node_modules/.bin/node
SLIPWAY := $(NODE) scripts/slipway.mjs
RUN := npm run --silent
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
SOURCES := $(shell find src -type f 2>/dev/null)
YES_FLAG := $(if $(filter-out 0 no false,$(YES)),--yes)

.DEFAULT_GOAL := help
.PHONY: help install build check test docs image cluster-assets chart-lint kind-up kind-demo kind-down bench demo \
	demo-down dev snapshot run plan status \
	serve db-reset db-reset-full migrate-create migrate-up migrate-down

help: ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- try it -----------------------------------------------------------------------------------------

demo: dist/slipway.js ## Start a PostgreSQL in .demo/, run slipway on the example shop, show the outcome.
	@$(NODE) scripts/demo.mjs

demo-down: install ## Stop the demo's PostgreSQL; its data stays.
	@$(NODE) scripts/demo.mjs down

dev: dist/slipway.js ## Build and run on the demo's database whenever src, schema or the example changes.
	@$(NODE) scripts/dev.mjs

# --- work on it -------------------------------------------------------------------------------------

install: node_modules/.package-lock.json ## Install the dependencies when they are stale.

build: dist/slipway.js ## Bundle src/ into dist/.

check: install ## Lint, types and unit tests: the command before a push.
	@$(RUN) lint
	@$(RUN) types
	@$(RUN) test:unit

test: install ## Everything: lint, types, build, unit, integration and cluster tests.
	@$(RUN) test

cluster-assets: install ## Get etcd and kube-apiserver for the cluster tests: built once, kept in ~/.cache.
	@$(RUN) cluster-assets

image: install ## Build the image slipway:VERSION; BASE=local needs no registry, BASE=… names a base.
	@BASE="$(BASE)" BUILD_BASE="$(BUILD_BASE)" IMAGE="$(IMAGE)" $(NODE) scripts/image.mjs

snapshot: dist/slipway.js ## Compile the bundled schema on the PostgreSQL that npm brings: schema/pg18.snapshot.
	@SLIPWAY_SCHEMA_PATH=schema DATABASE_URL= $(NODE) dist/slipway.js schema compile

docs: install ## Write the generated parts of docs/, and check every link.
	@$(RUN) docs

bench: dist/slipway.js ## Time a run with nothing to do and a large plan.
	@$(RUN) bench

# --- a database: DATABASE_URL where it is set, else the demo's ----------------------------------------

run: dist/slipway.js ## Run slipway: bootstrap, declarative schema, user migrations.
	@$(SLIPWAY) run

plan: dist/slipway.js ## Show what a run would do now.
	@$(SLIPWAY) plan || { code=$$?; [ $$code -eq 3 ] || exit $$code; } # 3: something is pending

status: dist/slipway.js ## Show what the database says of itself.
	@$(SLIPWAY) status

serve: dist/slipway.js ## Serve the admin API and the status page on http://127.0.0.1:8080/ to this machine alone.
	@$(SLIPWAY) serve --insecure-no-auth

migrate-create: dist/slipway.js ## Write the files of a new migration: make migrate-create name=add_coupons
	@if [ -z "$(name)" ]; then echo "usage: make migrate-create name=add_coupons" >&2; exit 1; fi
	@$(SLIPWAY) migrate create "$(name)"

migrate-up: dist/slipway.js ## Apply the user migrations that are pending.
	@$(SLIPWAY) migrate up

migrate-down: dist/slipway.js ## Take back the last user migration; YES=1 does not ask.
	@$(SLIPWAY) migrate down $(YES_FLAG)

db-reset: dist/slipway.js ## Drop every schema but public of a development database; YES=1 does not ask.
	@$(SLIPWAY) reset $(YES_FLAG)

db-reset-full: dist/slipway.js ## The same, and empty public too; YES=1 does not ask.
	@$(SLIPWAY) reset --full $(YES_FLAG)

# --- Kubernetes: docker, kind, kubectl and helm are the machine's ---------------------------------------

STORE := kubectl --context kind-slipway --namespace store

chart-lint: install ## Render the chart in all modes under Helm 3 and 4, and compare with what it rendered before.
	@$(RUN) test:chart

kind-up: image ## A cluster of three nodes on this machine, with slipway's image on them.
	@kind get clusters | grep -qx slipway || kind create cluster --config examples/kind/kind-config.yaml --wait 2m
	@kind load docker-image --name slipway slipway:$(VERSION)

kind-demo: ## PostgreSQL, the example shop's migrations and slipway's chart in that cluster.
	@kubectl --context kind-slipway apply -f examples/kind/postgres.yaml
	@$(STORE) create configmap shop-migrations --from-file=examples/shop/migrations --dry-run=client -o yaml \
		| $(STORE) apply --server-side -f -
	@helm upgrade --install shop helm/slipway --kube-context kind-slipway --namespace store --wait --timeout 10m \
		--values examples/kind/values.yaml --set image.tag=$(VERSION) \
		--set-string migrations.revision=$$(cat examples/shop/migrations/* | cksum | cut -d' ' -f1)
	@$(STORE) get configmap shop-slipway-status -o jsonpath='{.data.phase}: {.data.message}{"\n"}'
	@$(STORE) get events --field-selector reportingComponent=slipway.dev/slipway || true

kind-down: ## Delete that cluster.
	@kind delete cluster --name slipway

# --- files ------------------------------------------------------------------------------------------

# npm writes this file last, so a broken install is stale.
node_modules/.package-lock.json: package-lock.json
	npm ci
	@touch $@

dist/slipway.js: $(SOURCES) build.mjs node_modules/.package-lock.json
	@$(RUN) build
