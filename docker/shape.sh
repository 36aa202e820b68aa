#!/bin/sh
# Gives a plain PostgreSQL the shape of a Supabase project, once, when its volume is new.
set -eu
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=supabase_admin "$@"; }
run --dbname=postgres --file=/shape/roles.sql
run --dbname=postgres --file=/shape/database.sql --file=/shape/explicit_grants.sql
run --dbname=postgres --set=password="$OWNER_PASSWORD" <<'SQL'
alter role postgres password :'password';
SQL
