#!/bin/sh
# Gives a plain PostgreSQL the shape of a Supabase project, once, when its volume is new.
set -eu
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" "$@"; }
run --dbname=postgres --file="$SHAPE/roles.sql"
run --dbname=postgres --file="$SHAPE/database.sql" --file="$SHAPE/explicit_grants.sql"
run --dbname=postgres --set=password="$(cat "$SECRETS/owner")" <<'SQL'
alter role postgres password :'password';
SQL
