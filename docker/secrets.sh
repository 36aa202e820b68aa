#!/bin/sh
# Makes what is missing of the secrets of docker-compose.yml; what is there stays.
set -eu
cd "$SECRETS"
umask 077

# Read by PostgreSQL's account (999) and by Blockyard's group (10001), as those images have them.
keep() {
    if [ "$(id -u)" = 0 ]; then chown 999:10001 "$1.new"; fi
    chmod 440 "$1.new"
    mv "$1.new" "$1"
}

random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

for name in superuser owner service jwt-secret dagster-database dagster-events; do
    [ -e "$name" ] || { random 32 >"$name.new"; keep "$name"; }
done
url() {
    [ -e "$1-url" ] && return
    printf 'postgres://%s:%s@%s/postgres?sslmode=disable' "$2" "$(cat "$1")" "${DATABASE:-database:5432}" >"$1-url.new"
    keep "$1-url"
}
url owner postgres
url service blockyard_api
