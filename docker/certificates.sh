#!/usr/bin/env bash
# A private certificate authority and one certificate per process, for remoting over TLS (docs/security.md).
#
#   ALIGNPROP_TLS_PASSWORD=secret docker/certificates.sh OUT_DIR [NAME...]
#
# NAME is what the process advertises; more host names and IP addresses of the same process follow after commas:
#   docker/certificates.sh certificates coordinator,10.0.0.5 node-1,10.0.0.6
# Without a name: localhost,127.0.0.1. Makes OUT_DIR/ca.crt (give it to every process), OUT_DIR/ca.key (give it to nobody)
# and OUT_DIR/NAME.pfx. Called again it signs with the authority that is there; it never overwrites a file.
set -euo pipefail
umask 077

die() {
  echo "certificates.sh: $*" >&2
  exit 2
}

[ $# -ge 1 ] || die "usage: ALIGNPROP_TLS_PASSWORD=... certificates.sh OUT_DIR [NAME[,ALIAS...]...]"
command -v openssl >/dev/null || die "openssl is not installed"
[ -n "${ALIGNPROP_TLS_PASSWORD:-}" ] || die "set ALIGNPROP_TLS_PASSWORD: it encrypts every private key made here"
export ALIGNPROP_TLS_PASSWORD

out=$1
shift
[ $# -gt 0 ] || set -- localhost,127.0.0.1
for names in "$@"; do
  [[ $names =~ ^[A-Za-z0-9][A-Za-z0-9.:-]*(,[A-Za-z0-9:][A-Za-z0-9.:-]*)*$ ]] ||
    die "$names: expected host names or IP addresses with commas between"
  [ ! -e "$out/${names%%,*}.pfx" ] || die "$out/${names%%,*}.pfx exists, and is not overwritten"
done
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ ! -e "$out/ca.crt" ] && [ ! -e "$out/ca.key" ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/ca.plain"
  openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$scratch/ca.plain" -passout env:ALIGNPROP_TLS_PASSWORD -out "$scratch/ca.key"
  openssl req -x509 -new -sha256 -days 3650 -key "$scratch/ca.plain" -subj "/CN=AlignProp private authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$scratch/ca.crt"
  mv -n "$scratch/ca.key" "$scratch/ca.crt" "$out/"
fi
[ -e "$out/ca.crt" ] && [ -e "$out/ca.key" ] || die "$out has only one of ca.crt and ca.key; use another folder"

for names in "$@"; do
  name=${names%%,*}
  alternatives=
  for host in ${names//,/ }; do
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then kind=IP; else kind=DNS; fi
    alternatives+="${alternatives:+,}$kind:$host"
  done
  openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/key"
  openssl req -new -sha256 -key "$scratch/key" -subj "/CN=$name" -out "$scratch/request"
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
    "extendedKeyUsage=serverAuth,clientAuth" "subjectAltName=$alternatives" > "$scratch/extensions"
  openssl x509 -req -sha256 -days 825 -in "$scratch/request" -CA "$out/ca.crt" -CAkey "$out/ca.key" \
    -passin env:ALIGNPROP_TLS_PASSWORD -set_serial "0x$(openssl rand -hex 16)" -extfile "$scratch/extensions" \
    -out "$scratch/certificate" 2>"$scratch/said" || die "$(cat "$scratch/said")"
  openssl pkcs12 -export -inkey "$scratch/key" -in "$scratch/certificate" -passout env:ALIGNPROP_TLS_PASSWORD -out "$scratch/pfx"
  mv -n "$scratch/pfx" "$out/$name.pfx"
  echo "$out/$name.pfx ($alternatives)"
done
