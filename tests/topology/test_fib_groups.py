"""Kinds of next-hop groups under more live flows than a resilient group has buckets.

    client == router (rrd) ==== reflector (rrd)
                   |
             n1  n2  n3 -- a pod each that answers always
"""
import pytest

from lab import bgp, daemons, hub, traffic
from lab.fig4 import ADDRESS, AS, ROUTER, SERVICE
from lab.wait import wait_until

BUCKETS = 16
# Next hops: many, but `ip route` still lists such a route.
WIDE = 160


def fib(system, prefix=SERVICE):
    return {r["prefix"]: r for r in system.router.show("fib")}[prefix]


def share(system, node, key="actual-percent"):
    address = {n.name: n.address for n in system.fig.nodes}[node]
    return next(h[key] for h in fib(system)["next-hops"] if h["address"] == address)


def serving(lab, kind, idle_timer=1):
    """n1 and n2 announced, n3 ready to be, and probes from many more ports than there are buckets. (Linux chooses no bucket
    while there is one next hop, so with one all of them are idle.)"""
    config = daemons.router_config()
    config["fib"]["groups"] = [{"prefixes": ["10.1.0.0/16 le 24"], "type": kind, "buckets": BUCKETS,
                                "idle-timer": idle_timer}]
    system = daemons.System(lab, router_cfg=config)
    system.reflector.wait_established(ROUTER)
    speakers = []
    for node in (1, 2, 3):
        pod = system.fig.add_pod(node)
        pod.serve()
        pod.accept_service(SERVICE)
        pod.node.route_service(SERVICE, pod)
        speakers.append(pod.speaker(families=(bgp.IPV4,)).establish())
    for i in (0, 1):
        speakers[i].announce(SERVICE, system.fig.nodes[i].address)
    system.wait_for_hops(["n1", "n2"])
    probes = traffic.Probes(system.fig.client, ADDRESS, interval_s=0.001, ports=16 * BUCKETS)
    wait_until(lambda: probes.sent > 32 * BUCKETS, 10, "every flow to be there")
    return system, speakers, probes


def test_a_busy_resilient_group_cannot_follow_and_says_so(lab):
    system, speakers, probes = serving(lab, "resilient", idle_timer=2)
    speakers[2].announce(SERVICE, system.fig.nodes[2].address)
    system.wait_for_hops(["n1", "n2", "n3"])
    row = wait_until(lambda: fib(system).get("warning") and fib(system), 20, "the warning")
    assert "cannot follow" in row["warning"] and row["group-type"] == "resilient"
    assert share(system, "n3", "wanted-percent") == 33.3
    assert share(system, "n3") < 10
    assert probes.servers.get(system.fig.pods[2].name, 0) < probes.sent / 10
    system.router.wait_for_log("cannot follow what is wanted")
    # When the flows end, it follows.
    probes.stop()
    wait_until(lambda: 25 < share(system, "n3") < 40, 20, "its share of the buckets")
    wait_until(lambda: "warning" not in fib(system), 5, "the warning to go")
    assert probes.lost == []


def test_a_busy_hash_threshold_group_follows_at_once(lab):
    system, speakers, probes = serving(lab, "hash-threshold")
    speakers[2].announce(SERVICE, system.fig.nodes[2].address)
    wait_until(lambda: probes.servers.get(system.fig.pods[2].name, 0) > 20, 10, "answers of the third pod")
    assert share(system, "n3") == 33.3 and fib(system)["group-type"] == "hash-threshold"
    probes.stop()
    assert probes.lost == []


@pytest.mark.parametrize("kind", ["hash-threshold", "resilient"])
def test_a_drain_by_weight_under_busy_flows(lab, kind):
    """A hash-threshold group moves the drained one's flows at once; a busy resilient one keeps them, and says so."""
    system, speakers, probes = serving(lab, kind, idle_timer=2)
    drained = system.fig.pods[0].name

    def say(number, bandwidth):
        more = bgp.attribute(bgp.EXTENDED_COMMUNITIES, bgp.link_bandwidth(AS, bandwidth, False))
        speakers[number].announce(SERVICE, system.fig.nodes[number].address, more=more)

    say(0, 125e6)
    say(1, 125e6)
    say(0, 0)
    system.wait_for_hops({"n1": 1, "n2": 238})
    before, sent = probes.servers.get(drained, 0), probes.sent
    wait_until(lambda: probes.sent > sent + 1000, 20, "a thousand more probes")
    share_of_flows = (probes.servers.get(drained, 0) - before) / 1000
    if kind == "resilient":
        assert share_of_flows > 0.3
        wait_until(lambda: "cannot follow" in fib(system).get("warning", ""), 20, "the warning")
        assert share(system, "n1") > 30
    else:
        assert share_of_flows < 0.1
    probes.stop()
    assert probes.lost == []


@pytest.mark.parametrize("kind", ["resilient", "hash-threshold"])
def test_a_next_hop_that_leaves_is_left_by_all_flows_at_once(lab, kind):
    """Whatever the kind: a bucket without its next hop is moved though it is busy."""
    system, speakers, probes = serving(lab, kind, idle_timer=120)
    group = system.fig.router.route(SERVICE)["nhid"]
    speakers[0].withdraw(SERVICE)
    system.wait_for_hops(["n2"])
    before = probes.servers.get(system.fig.pods[0].name, 0)
    sent = probes.sent
    wait_until(lambda: probes.sent > sent + 200, 5, "some more probes")
    probes.stop()
    # Some were on their way.
    assert probes.servers.get(system.fig.pods[0].name, 0) <= before + 20
    assert probes.lost == []
    assert system.fig.router.route(SERVICE)["nhid"] == group


def test_more_prefixes_than_resilient_groups_fall_back_with_a_warning(lab):
    config = daemons.router_config()
    config["fib"]["groups"] = [{"prefixes": ["10.1.0.0/16 le 24"], "type": "resilient", "buckets": BUCKETS}]
    config["fib"]["max-resilient-groups"] = 2
    system = daemons.System(lab, router_cfg=config)
    system.reflector.wait_established(ROUTER)
    pod = system.fig.add_pod(1)
    speaker = pod.speaker().establish()
    prefixes = [f"10.1.{i}.0/24" for i in range(4)]
    speaker.send(bgp.announcement(prefixes, pod.node.address))
    for prefix in prefixes:
        system.wait_for_hops(["n1"], prefix)
    system.router.wait_for_log("max-resilient-groups")
    rows = system.router.show("fib")
    assert sorted(r["group-type"] for r in rows) == ["hash-threshold"] * 2 + ["resilient"] * 2
    assert len({r["group-id"] for r in rows}) == 3
    status = system.router.show("status")[0]["fib"]
    assert (status["resilient-groups"], status["resilient-octets"]) == (2, 2 * BUCKETS * 32)


def test_many_wide_groups_at_once(lab):
    """What they take in a message of the kernel's is more than a socket holds by default."""
    config = hub.config()
    config["router"]["multipath-max"] = WIDE
    config["fib"] = {"enabled": True, "sysctls": "ignore", "groups": [
        {"prefixes": ["10.1.0.0/16 le 24"], "type": "resilient", "buckets": 256}]}
    router = hub.Hub(lab, config)
    speaker = router.up("all", add_path={bgp.IPV4: 3})
    prefixes = [f"10.1.{i}.0/24" for i in range(64)]
    octets = b"".join(bgp.announcement(prefixes, f"10.9.200.{n}", path_ids=[n + 1] * len(prefixes)) for n in range(WIDE))
    speaker.send(octets)

    def fact():
        status = router.rrd.show("status")[0]["fib"]
        assert status["refused-operations"] == 0, status
        return status["resilient-groups"] == len(prefixes) and status["pending"] == 0

    wait_until(fact, 20, "all groups to be there")
    for prefix in (prefixes[0], prefixes[-1]):
        wait_until(lambda: len(router.rr.nexthops(prefix)) == WIDE, 10, f"{WIDE} next hops of {prefix}")
    assert fact()


def test_a_session_that_ends_changes_the_group_of_thousands_of_routes_once(lab):
    """Also where the engine works through its end in several slices. All of that is one change."""
    config = hub.config()
    config["fib"] = {"enabled": True, "sysctls": "ignore"}
    router = hub.Hub(lab, config)
    speakers = [router.up() for _ in range(3)]
    prefixes = [f"10.{64 + i // 256}.{i % 256}.0/24" for i in range(6000)]
    for speaker in speakers:
        speaker.send(b"".join(bgp.announcement(prefixes[i:i + 500], speaker.local) for i in range(0, len(prefixes), 500)))

    def settled():
        status = router.rrd.show("status")[0]["fib"]
        return status["pending"] == 0 and status["routes"] == len(prefixes) and status["groups"] == 1 and status

    def hops(count):
        return lambda: all(len(router.rr.nexthops(p)) == count for p in (prefixes[0], prefixes[-1])) and settled()

    before = wait_until(hops(3), 30, "all routes to be there")
    speakers[0].close()
    after = wait_until(hops(2), 30, "the group to have two next hops")
    assert after["operations"] - before["operations"] == 1
    assert after["refused-operations"] == 0
