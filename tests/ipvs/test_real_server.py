"""lb-ipvs-agent --real-server makes web pods ready for TUN and DR, tells what is missing, and leaves them as it found them.

    client -- router -- overlay, MTU 1450 -- lb1 (IPVS made by hand), web1, web2
"""
import os

import pytest

from lab import daemons, lbfarm, traffic
from lab.lbfarm import ADDRESS, ADDRESS6, FAMILIES

OVERLAY_MTU = 1450
MEGABYTE = 1 << 20
SETTINGS = ("arp_ignore", "arp_announce", "rp_filter")
LOSE_ICMP = (("iptables-legacy", "INPUT -p icmp --icmp-type fragmentation-needed -j DROP"),
             ("ip6tables-legacy", "INPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP"))
PORTS = (traffic.PORT, traffic.MIRROR_PORT)


def real_server(pod, *words, prefix=()):
    """Exit code and output."""
    program = daemons.binary("lb-ipvs-agent")
    return pod.ns.result([*prefix, program, "--real-server", "--state", f"/run/real-server-{pod.name}", *words])


def found(ns):
    """What is in a pod: devices that are up or have addresses, all routes, settings."""
    links = {link["ifname"]: ("UP" in link["flags"], sorted(a["local"] for a in link["addr_info"]))
             for link in ns.ip_json("addr")}
    routes = [sorted(ns.run(["ip", f"-{family}", "route", "show", "table", "all"]).splitlines()) for family in (4, 6)]
    settings = {f"{d}.{s}": ns.sysctl(f"net/ipv4/conf/{d}/{s}") for d in ("all", "default", "eth0", "lo") for s in SETTINGS}
    return {name: link for name, link in links.items() if link[0] or link[1]}, routes, settings


@pytest.fixture
def farm(lab):
    this = lbfarm.LbFarm(lab, pods=2, mtu=OVERLAY_MTU)
    this.route_service(this.balancers[0])
    for pod in this.pods:
        pod.serve()
        traffic.Mirror(pod.ns)
    # What leaves the client are packets as a wire knows them: in a large one that is cut later too long ones would hide.
    this.client.ip("link set eth0 gso_max_segs 1")
    return this


def balance(farm, forward, pods):
    for address in FAMILIES.values():
        farm.balancers[0].by_hand(address, pods, forward, ["tcp"], PORTS)


def move(farm, address, timeout=5):
    """A megabyte to whichever pod, and back."""
    octets = os.urandom(MEGABYTE)
    assert traffic.there_and_back(farm.client, address, octets, timeout) == octets


@pytest.mark.parametrize("mode", ["tun", "dr"])
def test_a_pod_is_made_ready_once_and_left_as_it_was(farm, mode):
    balance(farm, mode, farm.pods)
    words = ["--mode", mode, *FAMILIES.values()]
    # Where the reverse path is looked at strictly, a packet that comes out of a tunnel needs an exception.
    farm.pods[0].ns.sysctl("net/ipv4/conf/all/rp_filter", 1)
    before = found(farm.pods[0].ns)
    code, told = real_server(farm.pods[0], "--check", *words)
    assert code == 1
    for address, prefix in ((ADDRESS, "/32"), (ADDRESS6, "/128")):
        assert f"address add {address}{prefix} dev" in told
    assert all(line.startswith("missing: ") for line in told.splitlines())
    assert found(farm.pods[0].ns) == before, "--check has changed something"
    for pod in farm.pods:
        code, said = real_server(pod, *words)
        assert code == 0 and said.endswith(f"\nprepared for {mode}\n"), said
    for address in FAMILIES.values():
        assert traffic.spread(farm.client, address, 4) == {"web1": 2, "web2": 2}
        if mode == "tun":
            move(farm, address)
    ready = found(farm.pods[0].ns)
    for again in ([], ["--check"]):
        assert real_server(farm.pods[0], *again, *words) == (0, f"prepared for {mode}\n")
        assert found(farm.pods[0].ns) == ready
    code, said = real_server(farm.pods[0], "--remove")
    assert code == 0, said
    assert found(farm.pods[0].ns) == before
    assert real_server(farm.pods[0], "--check", *words)[0] == 1
    assert real_server(farm.pods[0], "--remove")[0] == 0


def test_large_packets_arrive_though_no_icmp_does(farm):
    """A pod that was prepared by hand takes packets, and clients learn of the tunnel's room by ICMP. Where that is lost on its
    way a connection hangs with its first large packet, unless the pod has announced how large they may be."""
    pod = farm.pods[0]
    balance(farm, "tun", [pod])
    pod.prepare("tun")
    before = found(pod.ns)
    for tool, words in LOSE_ICMP:
        farm.client.run([tool, "-A", *words.split()])
    for address in FAMILIES.values():
        with pytest.raises(TimeoutError):
            move(farm, address, timeout=1)
    code, said = real_server(pod, *FAMILIES.values())
    assert code == 0 and "advmss 1390" in said and "advmss 1350" in said, said
    for address in FAMILIES.values():
        move(farm, address)
    assert real_server(pod, "--remove")[0] == 0
    assert found(pod.ns) == before, "what somebody else has made stays"
    for tool, words in LOSE_ICMP:
        farm.client.run([tool, "-D", *words.split()])
    for address in FAMILIES.values():
        move(farm, address)


def test_one_address_goes_and_the_other_is_served(farm):
    pod = farm.pods[0]
    balance(farm, "tun", [pod])
    before = found(pod.ns)
    assert real_server(pod, *FAMILIES.values())[0] == 0
    assert real_server(pod, "--remove", ADDRESS6)[0] == 0
    assert traffic.spread(farm.client, ADDRESS, 2) == {"web1": 2}
    with pytest.raises(OSError):
        traffic.request(farm.client, ADDRESS6, timeout=1)
    assert real_server(pod, "--remove")[0] == 0
    assert found(pod.ns) == before


def test_what_may_not_be_done_is_named_and_the_address_is_not_taken(farm):
    pod, other = farm.pods
    before = found(pod.ns)
    code, said = real_server(pod, *FAMILIES.values(), prefix=["setpriv", "--bounding-set=-net_admin"])
    assert code == 1 and "it needs CAP_NET_ADMIN" in said
    assert f"left out, since something failed: ip address add {ADDRESS}/32 dev tunl0" in said
    assert found(pod.ns)[0] == before[0], "addresses or devices have changed"
    read_only = ["unshare", "--mount", "sh", "-c", 'mount --bind -o ro /proc/sys /proc/sys && exec "$@"', "sh"]
    code, said = real_server(other, "--mode", "dr", *FAMILIES.values(), prefix=read_only)
    assert code == 1
    assert "sysctl -w net.ipv4.conf.all.arp_ignore=1: Read-only file system" in said
    assert 'sysctls: [{name: net.ipv4.conf.all.arp_ignore, value: "1"}]' in said
    assert ADDRESS not in str(found(other.ns)[0])
