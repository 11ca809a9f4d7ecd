"""The router's kernel keeps to the daemon's table whatever happens to links, addresses, routes and groups.

    client == router (rrd) ==== node network ==== reflector (rrd)
                 |                |    |    |
                 |               n1   n2   n3    next hops; a speaker in a pod announces by whichever of them
                 +==== edge ==== 10.9.0.0/24     a next hop behind a router, in the test of recursion
"""
import time

import pytest

from lab import bgp, daemons, fig4
from lab.fig4 import REFLECTOR, SERVICE, SERVICE_V6
from lab.wait import holds, stopwatch, wait_until


@pytest.fixture
def both(lab):
    """The system with both families, one speaker per node, and one service of each family."""
    reflector_cfg, router_cfg = daemons.two_families(daemons.reflector_config()), daemons.two_families(
        daemons.router_config())
    this = daemons.System(lab, reflector_cfg, router_cfg)
    this.reflector.wait_established(fig4.ROUTER)
    this.speakers = {}
    for node in (1, 2, 3):
        pod = this.fig.add_pod(node)
        speaker = pod.speaker(families=(bgp.IPV4, bgp.IPV6)).establish()
        speaker.announce(SERVICE, pod.node.address)
        speaker.announce(SERVICE_V6, pod.node.address6)
        this.speakers[pod.node.name] = speaker
    wait_all(this)
    return this


ALL = ["n1", "n2", "n3"]


def wait_all(system, hops=ALL):
    for service in (SERVICE, SERVICE_V6):
        system.wait_for_hops(hops, service)


def fib(system, prefix=SERVICE):
    return {r["prefix"]: r for r in system.router.show("fib")}.get(prefix)


def status(system):
    return system.router.show("status")[0]["fib"]


def compare(system):
    """The kernel has what the daemon says, object by object."""
    objects = {o["id"]: o for o in system.fig.router.ip_json("nexthop")}
    rows = system.router.show("fib")
    for row in rows:
        assert row["state"] == "installed", row
        route = system.fig.router.route(row["prefix"])
        assert route["nhid"] == row["group-id"], (route, row)
        members = {objects[m["id"]]["gateway"]: m.get("weight", 1) for m in objects[row["group-id"]]["group"]}
        wanted = {h.get("gateway", h["address"]): h["weight"] for h in row["next-hops"] if "interface" in h}
        assert members == wanted, (members, row)
    assert len(objects) == status(system)["groups"] + status(system)["next-hops"], objects
    return True


def settled(system):
    wait_until(lambda: compare(system), 15, "the kernel to have what the daemon says")


def test_a_link_that_goes_down_and_up(both):
    router = both.fig.router
    router.ip("link set eth0 down")
    wait_all(both, [])
    wait_until(lambda: fib(both) is None, 5, "no path to be chosen")
    assert all(r["state"] == "ineligible" and r["reason"] for r in both.router.show("nexthops")), both.router.show("nexthops")
    router.ip("link set eth0 up")
    # Linux forgets IPv6 addresses with the link.
    router.ip(f"addr replace {fig4.ROUTER6}/64 dev eth0 nodad")
    wait_all(both)
    settled(both)


def test_a_link_that_flaps_many_times(both):
    for _ in range(10):
        both.fig.router.batch("link set eth0 down", "link set eth0 up",
                              f"addr replace {fig4.ROUTER6}/64 dev eth0 nodad")
    wait_all(both)
    settled(both)


def test_an_address_that_is_removed_takes_its_next_hops_along(both):
    router = both.fig.router
    router.ip(f"addr del {fig4.ROUTER6}/64 dev eth0")
    both.wait_for_hops([], SERVICE_V6)
    assert both.fig.hops(SERVICE) == {"n1": 1, "n2": 1, "n3": 1}
    router.ip(f"addr add {fig4.ROUTER6}/64 dev eth0 nodad")
    wait_all(both)
    router.ip(f"addr del {fig4.ROUTER}/16 dev eth0")
    both.wait_for_hops([], SERVICE)
    router.ip(f"addr add {fig4.ROUTER}/16 dev eth0")
    both.router.wait_established(REFLECTOR, timeout=25)
    wait_all(both)
    settled(both)


def test_groups_routes_and_next_hops_deleted_by_hand_come_back(both):
    router = both.fig.router
    for service in (SERVICE, SERVICE_V6):
        router.ip("route del", service, "proto bgp")
        both.wait_for_hops(ALL, service)
        router.ip("nexthop del id", str(router.route(service)["nhid"]))
        both.wait_for_hops(ALL, service)
        group = router.route(service)["nhid"]
        members = [o for o in router.ip_json("nexthop") if o["id"] == group][0]["group"]
        router.ip("nexthop del id", str(members[0]["id"]))
        both.wait_for_hops(ALL, service)
        router.ip(f"nexthop replace id {group} group {members[1]['id']}")
        both.wait_for_hops(ALL, service)
    router.ip("nexthop flush proto 186")
    wait_all(both)
    for service in (SERVICE, SERVICE_V6):
        router.ip("route del", service)
    wait_all(both)
    settled(both)


def test_everything_is_still_right_after_events_were_lost(both):
    """A stopped daemon cannot read: more events than its socket holds come, and ours are among them."""
    router = both.fig.router
    both.router.process.signal(19)
    lines = []
    for i in range(12000):
        lines.append(f"route add blackhole 198.18.{i // 250}.{i % 250}/32")
    router.batch(*lines)
    router.ip("nexthop flush proto 186")
    router.batch(*[line.replace("add", "del") for line in lines])
    router.batch(*lines)
    both.router.process.signal(18)
    wait_until(lambda: status(both)["overflows"] > 0, 20, "the daemon to notice that events were lost")
    wait_all(both)
    settled(both)


def test_another_programs_route_is_reported_and_never_replaced(both):
    router = both.fig.router
    router.ip("route replace", SERVICE, "via 10.0.0.105 proto static metric 20")
    both.router.wait_for_log(rf"another program.*{SERVICE}")
    wait_until(lambda: "another program" in fib(both).get("error", ""), 5, "the row to tell")
    both.speakers["n3"].withdraw(SERVICE)
    wait_until(lambda: len(fib(both)["next-hops"]) == 2, 5, "the change to arrive")
    holds(lambda: router.route(SERVICE)["protocol"] == "static", 0.3, "the other program's route")
    assert both.fig.hops(SERVICE_V6) == {"n1": 1, "n2": 1, "n3": 1}
    router.ip("route del", SERVICE, "proto static")
    both.wait_for_hops(["n1", "n2"])


def test_a_route_that_another_programs_hides_is_told(both):
    router = both.fig.router
    for route, why in ((f"{SERVICE} via 10.0.0.105 proto static metric 5", f"{SERVICE} via 10.0.0.105, metric 5"),
                       ("10.1.1.0/25 dev eth0 proto static", "10.1.1.0/25 dev eth0, metric 0")):
        assert "warning" not in fib(both)
        router.ip("route add", route)
        row = fib(both)
        assert row["state"] == "installed"
        assert row["warning"] == f"hidden by another program's route: {why}"
        assert "WARNING" in both.router.ctl("show", "fib")
        # Of the other family nothing is hidden.
        assert "warning" not in fib(both, SERVICE_V6)
        router.ip("route del", route)
    # One that is worse, or in a table that nobody asked about, hides nothing.
    router.ip("route add", SERVICE, "via 10.0.0.105 proto static metric 50")
    router.ip("route add", SERVICE, "via 10.0.0.105 proto static metric 5 table 77")
    assert "warning" not in fib(both)
    router.ip("route add", SERVICE_V6, "via", both.fig.nodes[0].address6, "proto static metric 5")
    assert fib(both, SERVICE_V6)["warning"].startswith(f"hidden by another program's route: {SERVICE_V6} via")


def test_a_next_hop_behind_a_router(system):
    fig = system.fig
    edge = system.lab.ns("edge")
    system.lab.link(fig.router, "eth7", edge, "eth0")
    fig.router.batch("addr add 10.8.0.1/24 dev eth7")
    edge.batch("addr add 10.8.0.2/24 dev eth0", "addr add 10.8.0.3/24 dev eth0")
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(SERVICE, "10.0.99.1")
    # On-link by the node network's /16 as it is; then a longer route says better.
    wait_until(lambda: fig.hops() == {"10.0.99.1": 1}, 5, "the on-link next hop")
    fig.router.ip("route add 10.0.99.0/24 via 10.8.0.2")
    wait_until(lambda: fig.hops() == {"10.8.0.2": 1}, 5, "the next hop behind the router")
    row = fib(system)
    assert row["next-hops"][0]["gateway"] == "10.8.0.2" and row["next-hops"][0]["interface"] == "eth7"
    fig.router.ip("route replace 10.0.99.0/24 via 10.8.0.3")
    wait_until(lambda: fig.hops() == {"10.8.0.3": 1}, 5, "the other way")
    fig.router.ip("link set eth7 down")
    wait_until(lambda: fig.hops() == {"10.0.99.1": 1}, 5, "the on-link next hop again")
    settled(system)


@pytest.mark.parametrize("allowed", [False, True], ids=["no", "yes"])
def test_the_default_route_leads_to_a_next_hop_only_if_it_may(lab, allowed):
    reflector_cfg, config = daemons.reflector_config(), daemons.router_config()
    reflector_cfg["peer-groups"]["k8s"]["import"]["next-hops"] = ["0.0.0.0/0"]
    config["fib"]["resolve-via-default"] = allowed
    system = daemons.System(lab, reflector_cfg, config)
    fig = system.fig
    fig.router.ip("route add default via 10.0.0.107")
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, "203.0.113.9")
    if allowed:
        wait_until(lambda: fig.hops() == {"n3": 1}, 10, "the default route's gateway")
    else:
        wait_until(lambda: "default route" in str(system.router.show("nexthops")), 10, "the reason")
        assert fig.hops() == {}


@pytest.mark.parametrize("what", ["unreachable", "blackhole"])
def test_what_stands_in_the_place_of_the_last_path(lab, what):
    config = daemons.router_config()
    config["fib"]["on-empty"] = what
    system = daemons.System(lab, router_cfg=config)
    pod = system.fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(SERVICE, pod.node.address)
    system.wait_for_hops(["n1"])
    speaker.withdraw(SERVICE)
    wait_until(lambda: system.fig.router.route(SERVICE).get("type") == what, 5, f"a route of type {what}")
    assert fib(system)["state"] == "empty"
    speaker.announce(SERVICE, pod.node.address)
    system.wait_for_hops(["n1"])
    system.fig.router.ip("link set eth0 down")
    wait_until(lambda: (system.fig.router.route(SERVICE) or {}).get("type") == what, 5, f"a route of type {what}")
    system.fig.router.ip("link set eth0 up")
    system.wait_for_hops(["n1"])


def test_wrong_sysctls_are_told_and_left(lab):
    system = daemons.System(lab)
    system.router.wait_until_ready()
    system.fig.router.sysctl("net/ipv4/fib_multipath_hash_policy", 0)
    system.router.process.terminate()
    system.router.start()
    system.router.wait_for_log(r"sysctl -w net\.ipv4\.fib_multipath_hash_policy=1")
    keys = [s["key"] for s in status(system)["sysctls"]]
    assert "net.ipv4.fib_multipath_hash_policy" in keys
    assert system.fig.router.sysctl("net/ipv4/fib_multipath_hash_policy") == "0"


def test_sysctls_are_set_if_told_to(lab):
    config = daemons.router_config()
    config["fib"]["sysctls"] = "set"
    system = daemons.System(lab, router_cfg=config)
    system.router.wait_until_ready()
    system.fig.router.sysctl("net/ipv4/fib_multipath_hash_policy", 0)
    system.router.process.terminate()
    system.router.start()
    wait_until(lambda: system.fig.router.sysctl("net/ipv4/fib_multipath_hash_policy") == "1", 5, "the setting")


def test_control_and_keepalives_are_prompt_while_the_kernel_works(lab):
    """Two hundred resilient groups lose and gain a next hop, again and again: each turn holds the kernel's lock."""
    reflector_cfg, config = daemons.reflector_config(), daemons.router_config()
    reflector_cfg["peer-groups"]["k8s"]["import"]["max-prefixes"] = 1000
    config["fib"]["groups"] = [{"prefixes": ["10.1.0.0/16 le 24"], "type": "resilient"}]
    config["peer-groups"]["reflectors"]["hold-time"] = 3
    system = daemons.System(lab, reflector_cfg, config)
    fig = system.fig
    prefixes = [f"10.1.{i}.0/24" for i in range(200)]
    speakers = []
    for node in (1, 2):
        pod = fig.add_pod(node)
        speaker = pod.speaker().establish()
        speaker.send(bgp.announcement(prefixes, pod.node.address))
        speakers.append((speaker, pod.node.address))
    wait_until(lambda: status(system)["resilient-groups"] == 200 and not status(system)["pending"], 20, "the groups")
    assert status(system)["resilient-octets"] == 200 * 4096 * 32
    slowest = 0
    end = time.monotonic() + 4
    while time.monotonic() < end:
        speakers[0][0].send(bgp.withdrawal(prefixes)).send(bgp.announcement(prefixes, speakers[0][1]))
        elapsed = stopwatch()
        system.router.show("status")
        slowest = max(slowest, elapsed())
    assert slowest < 1000, f"an answer took {slowest:.0f} ms"
    assert "down" not in [line for line in system.router.log().splitlines() if REFLECTOR in line][-1]
    wait_until(lambda: all(len(r["next-hops"]) == 2 and r["state"] == "installed" for r in system.router.show("fib")),
               20, "all groups with both next hops")
