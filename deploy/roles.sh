#!/bin/sh
# Run once by the image of PostgreSQL, in an empty database: three roles that are no superusers, and the database of one.
set -eu
for role in owner site work; do
    address=$(cat "${SECRETS:-/run/secrets}/${role}_url")
    secret=${address#*://*:}
    psql -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres <<SQL
CREATE ROLE school_$role LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${secret%%@*}';
SQL
done
createdb -U "${POSTGRES_USER:-postgres}" -O school_owner school
