#!/usr/bin/env bash
# Everything docker/compose.yaml mounts as secrets: passwords, the API's token, an authority and certificates.
# Nothing that exists is overwritten.
#   docker/prepare.sh [DIR]        default: docker/secrets
# The nodes share one certificate for all addresses that compose may give them (10.89.77.64 to .127): they are started
# without names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/secrets}
mkdir -p "$out"
chmod 700 "$out"

secret() { [ -e "$out/$1" ] || openssl rand -hex 24 > "$out/$1"; }
secret postgres-password
secret tls-password
secret token
[ -e "$out/pgpass" ] || echo "database:5432:*:alignprop:$(cat "$out/postgres-password")" > "$out/pgpass"

ALIGNPROP_TLS_PASSWORD=$(cat "$out/tls-password")
export ALIGNPROP_TLS_PASSWORD
nodes=node$(printf ',10.89.77.%s' $(seq 64 127))
for names in coordinator,localhost,127.0.0.1 standby,localhost,127.0.0.1 "$nodes"; do
  [ -e "$out/${names%%,*}.pfx" ] || "$here/certificates.sh" "$out" "$names" >/dev/null
done
# Read in the containers by an unprivileged user; the folder itself is closed to others.
chmod 644 "$out"/*
chmod 600 "$out/ca.key"
echo "$out"
