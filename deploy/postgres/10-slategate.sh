#!/bin/sh
# Run once by the image of PostgreSQL, when it makes the database: a login that is no superuser. It may create roles,
# which the migrations do.
set -eu

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\set password `cat /run/secrets/slategate_password`
CREATE ROLE slategate LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE slategate OWNER slategate;
SQL
