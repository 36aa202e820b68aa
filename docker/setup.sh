#!/bin/sh
# What docker-compose.yml does before it serves, at every start.
set -eu
blockyard migrate
blockyard login-role --password-stdin <"$SECRETS/service" >&2

password=$(od -An -v -tx1 -N12 /dev/urandom | tr -d ' \n')
made=$(printf %s "$password" | blockyard user create --if-no-admin \
    --username admin --email admin@localhost --role admin --password-stdin)
[ -z "$made" ] || cat <<TEXT

    http://127.0.0.1:8000/docs
    user      admin
    password  $password

    This is shown once.
TEXT
