# What can be done here: `make help`. Everything needs rustup (rust-toolchain.toml names the compiler),
# a C and C++ compiler, make, pkg-config and the headers of OpenSSL.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# Review events of the demo.
REVIEWS ?= 100000
DEMO := out/demo
# Tools that cargo does not bring along: those at hand are taken, others installed here, not in the home of whoever runs this.
TOOLS := target/tools
DENY := $(or $(shell command -v cargo-deny),$(TOOLS)/bin/cargo-deny)
FUZZ := $(or $(shell command -v cargo-fuzz),$(TOOLS)/bin/cargo-fuzz)

# What tests and lint are built with: everything once. Another set of features changes crates that most others are built on.
FEATURES := s3
# Servers for the tests of state in object stores.
MOTO := $(TOOLS)/moto/.5.2.5
AZURITE := $(TOOLS)/azurite/.3.35.0
# The jars of an Apache Kafka, for the tests, for the demo and for trials.
KAFKA := target/kafka/.4.3.1
# A mail server, for the tests.
MAIL := target/mail/.2.1.3
KAFKA_PORT ?= 9092
KAFKA_DATA ?= out/kafka

.PHONY: help
help: ## Say what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Build, generate reviews, run topologies/demo.yaml on them, show what came out
	@echo "[1/3] building (a first build takes some minutes)"
	@$(CARGO) build --locked --release
	@echo "[2/3] generating $(REVIEWS) review events, and feedback on some of them"
	@target/release/dirigent generate --reviews $(REVIEWS) --seed 1 \
		--out $(DEMO)/reviews.jsonl --feedback-out $(DEMO)/feedback.jsonl
	@echo "[3/3] running topologies/demo.yaml"
	@target/release/dirigent run topologies/demo.yaml --from-scratch --report $(DEMO)/report.json --html out/report.html
	@echo "The outputs: $(DEMO)/*.jsonl; every change of a review or a product is one line"
	@echo "Next: change topologies/demo.yaml, check it with 'target/release/dirigent validate topologies/demo.yaml', run again with --from-scratch"

.PHONY: demo-kafka
demo-kafka: $(KAFKA) ## The same on an Apache Kafka: broker, topics, producer, run, consumer (KEEP=1 leaves the broker)
	@$(CARGO) build --locked --release
	@kafka/demo

.PHONY: test
test: $(MOTO) $(KAFKA) $(MAIL) ## Run all tests, and the examples of the docs (needs Python with pip for a server of S3, Java and Maven for Kafka and mail)
	$(CARGO) test --locked --workspace --features $(FEATURES) --no-fail-fast

# The faults of Kafka for long: so many kills a seed.
KILLS ?= 100
SEEDS ?= 1 2 3

.PHONY: soak
soak: $(KAFKA) ## Kill, fence, pause and cut a run on Kafka for half an hour (KILLS=100 SEEDS="1 2 3")
	for seed in $(SEEDS); do \
		DIRIGENT_KAFKA_SEED=$$seed DIRIGENT_KAFKA_KILLS=$(KILLS) \
			$(CARGO) test --locked --features $(FEATURES) --test kafka -- --test-threads 1 kills:: zombies:: outages:: edges::; \
	done

.PHONY: test-stores
test-stores: $(MOTO) $(AZURITE) ## Run the tests of state in object stores with all of them built in (needs Node, too)
	$(CARGO) test --locked --features s3,gcs,azure --test object_store

.PHONY: kafka-jars
kafka-jars: $(KAFKA) ## Fetch what an Apache Kafka on this machine needs (once)

.PHONY: mail-jar
mail-jar: $(MAIL) ## Fetch what a mail server for the tests needs (once)

.PHONY: kafka-up
kafka-up: $(KAFKA) ## Start an Apache Kafka of one node on 127.0.0.1:9092 (KAFKA_PORT=...)
	@kafka/broker up --data $(KAFKA_DATA) --port $(KAFKA_PORT)

.PHONY: kafka-down
kafka-down: ## Stop it and remove what it holds
	@kafka/broker down --data $(KAFKA_DATA) --remove

.PHONY: lint
lint: $(DENY) ## Check form, clippy, licences and sources of dependencies, and the docs
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features $(FEATURES) -- -D warnings
# Advisories are left out: their database is a download of its own, and what it says changes without a change here.
	$(DENY) --locked check bans licenses sources
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --features $(FEATURES)

.PHONY: bench
bench: ## Measure the kernels, the whole pipeline beside a bound without an engine, and the quality of the model
	$(CARGO) bench --locked --bench kernels
	$(CARGO) bench --locked --bench pipeline
	$(CARGO) bench --locked --bench quality

.PHONY: bench-kafka
bench-kafka: $(KAFKA) ## Measure a run on Kafka: CPU time beside files, latency, a start after a kill (some minutes)
	$(CARGO) bench --locked --bench kafka

.PHONY: bench-checkpoint
bench-checkpoint: ## Measure restarts, throughput and pauses with a million live reviews (some minutes, 4 GB of disk)
	$(CARGO) bench --locked --bench checkpoint

.PHONY: fuzz
fuzz: $(FUZZ) ## Throw mutated lines at decoding and cleaning for a minute (needs a nightly compiler)
	mkdir -p fuzz/corpus/decode
	cd fuzz && PATH="$(abspath $(dir $(FUZZ))):$$PATH" cargo +nightly fuzz run decode corpus/decode seeds/decode -- -max_total_time=60

# With what S3 and its users need, and not its other services.
$(MOTO):
	rm -rf $(@D)
	python3 -m pip install --quiet --disable-pip-version-check --target $(@D) 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
	touch $@

$(AZURITE):
	rm -rf $(@D)
	npm install --silent --no-save --no-audit --no-fund --prefix $(@D) azurite@3.35.0
	touch $@

$(KAFKA): kafka/pom.xml
	rm -rf $(@D)
	mvn --quiet --batch-mode --file kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(abspath $(@D))/jars
	touch $@

$(MAIL): tests/cli/mail/pom.xml
	rm -rf $(@D)
	mvn --quiet --batch-mode --file tests/cli/mail/pom.xml dependency:copy-dependencies -DoutputDirectory=$(abspath $(@D))/jars
	touch $@

# Without optimisation and debug information they build in a fraction of the time, and have little to do here.
$(TOOLS)/bin/cargo-deny:
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install --locked --debug --no-track --root $(TOOLS) cargo-deny@0.20.2

$(TOOLS)/bin/cargo-fuzz:
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install --locked --debug --no-track --root $(TOOLS) cargo-fuzz@0.13.2
