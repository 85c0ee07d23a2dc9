#!/usr/bin/env bash
# Builds the images, runs docker/compose.yaml with the shipped model for a few steps, kills a node in the middle of a step
# and then the leading coordinator, and compares the adapter with the one that the same run has outside containers. Exit
# code 0: equal.
#   docker/try.sh                 with Docker (docker compose) or Podman (podman-compose)
#   docker/try.sh --stand-ins     where no image registry can be reached: local base images first
#                                 (docker/stand-ins.sh; root, buildah, podman-compose)
#   docker/try.sh --built         with the images that are there
#   docker/try.sh --keep          leaves containers and volumes
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stand_ins= keep= built=
for option in "$@"; do
  case $option in
    --stand-ins) stand_ins=1 ;;
    --built) built=1 ;;
    --keep) keep=1 ;;
    *) echo "try.sh: $option: expected --stand-ins, --built or --keep" >&2; exit 2 ;;
  esac
done
work=$(mktemp -d)
export ALIGNPROP_RUN_ID=try-containers ALIGNPROP_SET="--set stopping.max-epochs=${EPOCHS:-4}"
say() { printf '%s  %s\n' "$(date +%T)" "$*"; }
die() { say "FAILED: $*"; logs; exit 1; }

# --- the engine
if [ -n "$stand_ins" ] || ! timeout 10 docker info >/dev/null 2>&1 </dev/null; then
  engine=podman
  compose=(podman-compose -p alignprop -f docker/compose.yaml)
else
  engine=docker
  compose=(docker compose -f docker/compose.yaml)
fi
# Minutes of building are not how one finds out that a name cannot be resolved.
docker/preflight.sh "$engine" ${stand_ins:+--stand-ins} ${built:+--built} || exit 1
if [ -n "$stand_ins" ]; then
  printf '%s\n' '[containers]' 'default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]' \
    '[engine]' 'cgroup_manager = "cgroupfs"' 'runtime = "runc"' > "$work/containers.conf"
  export CONTAINERS_CONF="$work/containers.conf"
  [ -n "$built" ] || say "base images (stand-ins)"
  [ -n "$built" ] || docker/stand-ins.sh "${STAND_INS:-/var/tmp/alignprop-stand-ins}" 2>>"$work/stand-ins.log" |
    sed 's/^/          /'
fi
revision=$(git rev-parse HEAD 2>/dev/null || true)
build() { # IMAGE DOCKERFILE
  say "building $1"
  if [ -n "$stand_ins" ]; then
    buildah bud --format docker --layers --pull-never --network host --isolation chroot \
      -v /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro \
      -f "docker/$2" --build-arg REVISION="$revision" -t "$1" . >"$work/$2.log" 2>&1 </dev/null ||
      { tail -n 30 "$work/$2.log"; exit 1; }
  else
    "$engine" build -f "docker/$2" --build-arg REVISION="$revision" -t "$1" . >"$work/$2.log" 2>&1 ||
      { tail -n 30 "$work/$2.log"; exit 1; }
  fi
}
logs() {
  for name in coordinator standby node; do
    for container in $("$engine" ps -a --format '{{.Names}}' | grep "^alignprop[-_]$name" || true); do
      echo "--- $container"
      "$engine" logs --tail 25 "$container" 2>&1 </dev/null || true
    done
  done
}
container() { "$engine" ps -a --format '{{.Names}}' </dev/null | grep -E "^alignprop[-_]$1[-_]$2\$"; }
said() { "$engine" logs "$(container "$1" 1)" </dev/null 2>&1 | grep -cE "$2" || true; }
until_said() { # SERVICES PATTERN SECONDS [TIMES]
  local services=$1 pattern=$2 deadline=$((SECONDS + $3)) times=${4:-1} service
  while :; do
    for service in $services; do
      [ "$(said "$service" "$pattern")" -lt "$times" ] || return 0
    done
    [ $SECONDS -lt $deadline ] || die "waited $3 s for: $pattern"
    sleep 0.5
  done
}
end() {
  [ -n "$keep" ] || leftovers
  rm -rf "$work"
}
# Containers, volumes and network of this try, or of an earlier one that was killed.
leftovers() {
  "${compose[@]}" down -v --remove-orphans >/dev/null 2>&1 </dev/null || true
  "$engine" ps -aq --filter 'name=^alignprop[-_](database|coordinator|standby|node)[-_]' 2>/dev/null </dev/null |
    xargs -r "$engine" rm -f >/dev/null 2>&1 || true
  "$engine" volume rm -f alignprop_database alignprop_coordinator alignprop_standby >/dev/null 2>&1 </dev/null || true
  "$engine" network rm alignprop_cluster >/dev/null 2>&1 </dev/null || true
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# --- images
if [ -z "$built" ]; then
  build alignprop-coordinator:local coordinator.Dockerfile
  build alignprop-gpunode:local gpunode.Dockerfile
fi
"$engine" images --format '{{.Repository}}:{{.Tag}} {{.Size}}' </dev/null | grep alignprop- | sed 's/^/          /'

# --- the run outside containers
say "the same run outside containers"
./alignprop train --runs "$work/runs" --id outside --http off ${ALIGNPROP_SET} >"$work/outside.log" 2>&1 </dev/null ||
  { tail "$work/outside.log"; exit 1; }
expected=$(sed -n 's/^adapter SHA-256 //p' "$work/outside.log")
say "adapter $expected"

# --- in containers
export ALIGNPROP_SECRETS="$root/docker/secrets"
docker/prepare.sh >/dev/null
say "compose up: database, coordinator, standby, two nodes"
leftovers
if [ "$engine" = podman ]; then
  # podman-compose makes networks without the subnet that compose.yaml names.
  podman network create --subnet 10.89.77.0/24 --ip-range 10.89.77.64/26 alignprop_cluster >/dev/null </dev/null
fi
"${compose[@]}" up -d --no-build --scale node=2 >"$work/up.log" 2>&1 </dev/null || { cat "$work/up.log"; exit 1; }
container coordinator 1 >/dev/null && container node 2 >/dev/null ||
  { tail -n 30 "$work/up.log"; die "not all containers were made"; }
until_said coordinator '^step +1 ' 240
say "step 1 is committed; a node is killed in the middle of step 2"
"$engine" kill --signal KILL "$(container node 1)" >/dev/null </dev/null
until_said coordinator '^step +3 ' 120
say "step 3 is committed; the killed node is started again, the other one told to leave (SIGTERM)"
"$engine" start "$(container node 1)" >/dev/null 2>&1 </dev/null
until_said coordinator ' joined: ' 60 3
"$engine" stop -t 60 "$(container node 2)" >/dev/null </dev/null
code=$("$engine" inspect --format '{{.State.ExitCode}}' "$(container node 2)" </dev/null)
[ "$code" = 0 ] || die "the drained node's exit code is $code"
say "it finished its shard and left with exit code 0"
until_said coordinator '^step +5 ' 120
say "step 5 is committed; the leading coordinator is killed"
"$engine" kill --signal KILL "$(container coordinator 1)" >/dev/null </dev/null
until_said standby 'resumed at step' 180
say "the standby leads: $("$engine" logs "$(container standby 1)" 2>&1 </dev/null | grep 'resumed at step')"
until_said standby '^adapter SHA-256' 300
found=$("$engine" logs "$(container standby 1)" </dev/null 2>&1 | sed -n 's/^adapter SHA-256 //p')
say "adapter $found"
for service in coordinator standby; do
  "$engine" logs "$(container $service 1)" 2>&1 </dev/null |
    grep -E '^(step|evaluation)|resumed|joined|lost|cut off|drained|leads' | sed "s/^/          $service  /"
done
[ "$found" = "$expected" ] || die "the adapters differ: $expected outside, $found in containers"
say "equal to the adapter of the run outside containers"
