#!/usr/bin/env bash
# Several hosts on one machine: network namespaces ap-1 .. ap-N with addresses 10.77.0.1 .. N on a bridge in a namespace
# of its own.
#   hosts.sh up N | down N      make or remove them
#   hosts.sh silence I          lose every frame from and to host I
#   hosts.sh clear              lose nothing any more
# Needs root, iproute2 and nftables.
set -eu
switch=ap-switch
case ${1:?see the head of this file} in
  up)
    for tool in ip nft; do
      command -v $tool >/dev/null || { echo "$tool is missing: apt-get install iproute2 nftables" >&2; exit 2; }
    done
    ip netns add $switch
    ip -n $switch link add bridge0 type bridge
    ip -n $switch link set bridge0 up
    for i in $(seq "$2"); do
      ip netns add "ap-$i"
      ip -n "ap-$i" link set lo up
      ip link add "port$i" netns $switch type veth peer name eth0 netns "ap-$i"
      ip -n $switch link set "port$i" master bridge0 up
      ip -n "ap-$i" addr add "10.77.0.$i/24" dev eth0
      ip -n "ap-$i" link set eth0 up
    done ;;
  down)
    for i in $(seq "$2"); do ip netns del "ap-$i" 2>/dev/null || true; done
    ip netns del $switch 2>/dev/null || true ;;
  silence)
    ip netns exec $switch nft -f - <<RULES
add table bridge losses
add chain bridge losses forward { type filter hook forward priority 0; }
add rule bridge losses forward iifname port$2 drop
add rule bridge losses forward oifname port$2 drop
RULES
    ;;
  clear)
    ip netns exec $switch nft delete table bridge losses ;;
  *)
    echo "unknown verb: $1" >&2
    exit 2 ;;
esac
