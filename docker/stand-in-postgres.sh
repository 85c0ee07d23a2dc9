#!/bin/sh
# What docker/compose.yaml needs of the public postgres image: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE,
# data in /var/lib/postgresql/data.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/data
mkdir -p "$data" && chown -R postgres "$data" && chmod 700 "$data"
mkdir -p /var/run/postgresql && chown postgres /var/run/postgresql
if [ ! -e "$data/PG_VERSION" ]; then
  password=$(mktemp)
  cat "$POSTGRES_PASSWORD_FILE" > "$password" && chown postgres "$password"
  gosu postgres "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile="$password" -A scram-sha-256 --no-locale -E UTF8 >/dev/null
  rm "$password"
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  gosu postgres "$bin/postgres" --single -D "$data" postgres >/dev/null <<SQL
CREATE DATABASE $POSTGRES_DB
SQL
fi
ln -sf "$bin/pg_isready" /usr/local/bin/pg_isready
exec gosu postgres "$bin/postgres" -D "$data" -h '*'
