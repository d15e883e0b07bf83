# One command for each thing that people do. All of them work right after a clone, on Debian or Ubuntu with Rust installed.

CARGO ?= cargo
PORT ?= 8080
TLS_PORT ?= 8443
DATA_DIR ?= ./walaa-data

# What the build needs, and what the tests need beside it, as Debian names them.
BUILD_PACKAGES := build-essential cmake pkg-config libssl-dev
TEST_PACKAGES := chromium chromium-driver curl fonts-dejavu-core fonts-noto-core gnutls-bin haproxy jq nghttp2-server openssl postgresql python3 \
	python3-cryptography python3-jwt python3-venv redis-server sqlite3 systemd unzip zbar-tools

.PHONY: help demo build test soak check bench fmt docker build-packages test-packages google-client

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## Builds and starts the demo: a café with its card, a sandbox phone, nothing else needed
	./target/release/walaa demo --port $(PORT) --tls-port $(TLS_PORT) --data-dir $(DATA_DIR)

build: build-packages ## Builds the release binary, target/release/walaa
	$(CARGO) build --release --locked

# The first run is on SQLite and this process's memory; the api suite then runs in the other set-ups. Limits are counted by the clock of
# Redis there, which no test moves.
API_SETUPS := "WALAA_TEST_GATE=redis" "WALAA_TEST_GATE=redis WALAA_TEST_DB=postgres" \
	"WALAA_TEST_GATE=redis WALAA_TEST_DB=postgres WALAA_TEST_NODES=2"

test: build-packages test-packages google-client ## Runs every test, and says how many there were
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		./.ci/with-postgres sh -c '$(CARGO) nextest run --locked --no-fail-fast || exit 1; for setup in $(API_SETUPS); do \
			env $$setup $(CARGO) nextest run --locked --no-fail-fast --test all -E "test(/^api::/) - test(/^api::limits/)" || exit 1; \
		done' && \
		$(CARGO) test --locked --doc; \
	else \
		./.ci/with-postgres sh -c '$(CARGO) test --locked --no-fail-fast || exit 1; for setup in $(API_SETUPS); do \
			env $$setup $(CARGO) test --locked --no-fail-fast --test all api:: -- --skip api::limits || exit 1; done'; \
	fi

# A seed of its own for each run, so that each goes another way; the run says it.
soak: export WALAA_FAULTS ?= 5000
soak: export WALAA_SEED ?= $(shell date +%s)
soak: build-packages test-packages ## Hurts two nodes for hours: WALAA_FAULTS says how often, WALAA_SEED in which way
	$(CARGO) test --locked --test all nodes::run::s1_to_s6 -- --nocapture

check: build-packages ## Format, lints, house rules; licences and bans if cargo-deny is there
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) test --locked --test all tidy::
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed: licences and bans were not checked (cargo install cargo-deny)"; fi

bench: build-packages ## Measures, with the limit of the machine beside each figure
	$(CARGO) bench --locked

fmt: ## Formats the code
	$(CARGO) fmt

docker: ## Builds the container image
	docker build --file docker/Dockerfile --tag walaa .

build-packages:
	@./.ci/packages $(BUILD_PACKAGES)

test-packages:
	@./.ci/packages $(TEST_PACKAGES)

google-client:
	@./.ci/google-client >/dev/null
