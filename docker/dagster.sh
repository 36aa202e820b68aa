#!/bin/sh
# Starts a program of Dagster with the secrets of docker-compose.yml in its environment, which is where it looks for them.
set -eu
password=$(cat "$SECRETS/dagster-database")
DAGSTER_EVENTS_SECRET=$(cat "$SECRETS/dagster-events")
# The driver by its name, as dagster.yaml says.
DAGSTER_DATABASE_URL=postgresql+psycopg2://dagster:$password@${DAGSTER_DATABASE:-dagster-database:5432}/dagster
export DAGSTER_EVENTS_SECRET DAGSTER_DATABASE_URL
# Dagster writes into its home as well.
mkdir -p "$DAGSTER_HOME"
[ -e "$DAGSTER_HOME/dagster.yaml" ] || cp "${DAGSTER_CONFIG:-/opt/dagster}/dagster.yaml" "$DAGSTER_HOME"
exec "$@"
