#!/usr/bin/env bash
# Local stand-ins for the public base images, under the same names, for a machine that can reach Debian's and NuGet's
# packages but no image registry: Debian 12 with the .NET of this machine. For trying the images out only; publish images
# that are built on the real ones.
#   docker/stand-ins.sh [WORK_DIR]      needs root, debootstrap, buildah and the .NET SDK; about three minutes the first time
set -euo pipefail
work=${1:-${TMPDIR:-/tmp}/alignprop-stand-ins}
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
mirror=$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
  grep -E '/debian/?$' | head -n 1 || true)
mkdir -p "$work"

rootfs() { # NAME PACKAGES
  [ -e "$work/$1.done" ] && return
  rm -rf "${work:?}/$1"
  debootstrap --variant=minbase --include="$2" bookworm "$work/$1" "$mirror" >"$work/$1.log" 2>&1 </dev/null ||
    { tail -5 "$work/$1.log" >&2; exit 1; }
  rm -rf "$work/$1"/var/cache/apt/archives/*.deb "$work/$1"/var/lib/apt/lists/*
  touch "$work/$1.done"
}

image() { # NAME COMMAND-FOR-CONTAINER...
  local container=$1 name=$2
  buildah commit -q --rm "$container" "$name" >/dev/null
  echo "$name"
}

rootfs debian ca-certificates,libicu72,libssl3,tzdata,libstdc++6,zlib1g
base=$(buildah from scratch </dev/null)
buildah add -q "$base" "$work/debian" / >/dev/null </dev/null
buildah run --isolation chroot "$base" -- useradd --uid 1654 --create-home app </dev/null
buildah config --env DOTNET_RUNNING_IN_CONTAINER=true --env APP_UID=1654 "$base"
image "$base" mcr.microsoft.com/dotnet/runtime-deps:10.0

runtime=$(buildah from --pull-never mcr.microsoft.com/dotnet/runtime-deps:10.0 </dev/null)
buildah add -q "$runtime" "$dotnet/dotnet" /usr/share/dotnet/ >/dev/null </dev/null
buildah add -q "$runtime" "$dotnet/host" /usr/share/dotnet/host >/dev/null </dev/null
buildah add -q "$runtime" "$dotnet/shared/Microsoft.NETCore.App" /usr/share/dotnet/shared/Microsoft.NETCore.App \
  >/dev/null </dev/null
buildah run --isolation chroot "$runtime" -- ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet </dev/null
image "$runtime" mcr.microsoft.com/dotnet/runtime:10.0

aspnet=$(buildah from --pull-never mcr.microsoft.com/dotnet/runtime:10.0 </dev/null)
buildah add -q "$aspnet" "$dotnet/shared/Microsoft.AspNetCore.App" /usr/share/dotnet/shared/Microsoft.AspNetCore.App \
  >/dev/null </dev/null
image "$aspnet" mcr.microsoft.com/dotnet/aspnet:10.0

sdk=$(buildah from --pull-never mcr.microsoft.com/dotnet/aspnet:10.0 </dev/null)
for part in sdk packs sdk-manifests templates; do
  [ ! -d "$dotnet/$part" ] || buildah add -q "$sdk" "$dotnet/$part" "/usr/share/dotnet/$part" >/dev/null </dev/null
done
image "$sdk" mcr.microsoft.com/dotnet/sdk:10.0

rootfs postgres postgresql,gosu
postgres=$(buildah from scratch </dev/null)
buildah add -q "$postgres" "$work/postgres" / >/dev/null </dev/null
buildah copy -q "$postgres" "$(dirname "$0")/stand-in-postgres.sh" /entrypoint.sh >/dev/null </dev/null
buildah config --entrypoint '["sh", "/entrypoint.sh"]' --port 5432 --stop-signal SIGINT "$postgres"
image "$postgres" docker.io/library/postgres:15
