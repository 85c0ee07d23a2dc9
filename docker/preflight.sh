#!/usr/bin/env bash
# What docker/try.sh needs, looked at in seconds: programs, the engine, name resolution, the cluster's subnet. Exit code 0,
# or 1 with a line for each thing that is missing and what to do.
#   docker/preflight.sh docker|podman [--stand-ins] [--built]
# PREFLIGHT_SECONDS: how long each question may take (10).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
engine=${1:?docker or podman} stand_ins='' built=''
for option in "${@:2}"; do
  case $option in
    --stand-ins) stand_ins=1 ;;
    --built) built=1 ;;
  esac
done
seconds=${PREFLIGHT_SECONDS:-10} wrong=0
bad() { echo "preflight: $1"; echo "           -> $2"; wrong=1; }
have() { command -v "$1" >/dev/null 2>&1; }
quick() { timeout "$seconds" "$@" </dev/null; }

# --- programs; docker/README.md lists the packages
programs="$engine openssl git"
[ "$engine" = docker ] || programs="$programs podman-compose"
[ -z "$stand_ins" ] || programs="$programs buildah runc"
[ -z "$stand_ins" ] || [ -n "$built" ] || programs="$programs debootstrap dotnet"
for program in $programs; do
  have "$program" || bad "$program is not installed" "docker/README.md lists the packages for Debian and Ubuntu"
done
[ -z "$stand_ins" ] || [ "$(id -u)" = 0 ] || bad "--stand-ins needs root" "run it as root, or without --stand-ins"

# --- the engine
if have "$engine"; then
  quick "$engine" info >/dev/null 2>&1 ||
    bad "$engine does not answer within $seconds s" "is its service running, and may $(id -un) use it? try: $engine info"
  [ "$engine" != docker ] || quick docker compose version >/dev/null 2>&1 ||
    bad "docker has no compose" "install its compose plugin (docker-compose-v2 on Ubuntu, docker-compose on Debian 13)"
fi

# --- names: of the base images' registries here, of each other in containers
if [ -z "$built" ] && [ -z "$stand_ins" ]; then
  for host in $(sed -nE 's/^FROM +(--[a-z]+=[^ ]+ +)*([^/ ]+\.[^/ ]+)\/.*/\2/p' "$here"/*.Dockerfile | sort -u); do
    quick getent hosts "$host" >/dev/null 2>&1 ||
      bad "$host: the name of the base images' registry cannot be resolved" \
        "mend /etc/resolv.conf or the network, or use local base images: docker/try.sh --stand-ins"
  done
fi
if [ "$engine" = podman ]; then
  found=
  for folder in ${PREFLIGHT_HELPERS:-/usr/libexec/podman /usr/lib/podman /usr/local/libexec/podman}; do
    [ ! -x "$folder/aardvark-dns" ] || found=1
  done
  [ -n "$found" ] || have aardvark-dns ||
    bad "aardvark-dns is not installed: containers would not find each other by name" "apt-get install netavark aardvark-dns"
fi

# --- the subnet of docker/compose.yaml
subnet=$(sed -nE 's/.*subnet: *([0-9.]+\/[0-9]+).*/\1/p' "$here/compose.yaml" | head -n 1)
prefix=${subnet%.*}.
if have ip; then
  # Our own network of an earlier try is made anew.
  own=$(quick "$engine" network inspect alignprop_cluster 2>/dev/null | grep -cF "$prefix" || true)
  taken=$(quick ip -4 route show 2>/dev/null | grep -F "$prefix" | head -n 1 || true)
  [ -z "$taken" ] || [ "${own:-0}" != 0 ] ||
    bad "the subnet $subnet is taken: $taken" "end what uses it, or change subnet and ip_range in docker/compose.yaml"
fi
[ "$wrong" = 0 ] && echo "preflight: $engine answers, names resolve, $subnet is free"
exit "$wrong"
