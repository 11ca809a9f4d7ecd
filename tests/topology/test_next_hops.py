"""Which next hops a router takes: paths over others take no part in its decision, and it says why.

    pod speakers (test) on n1, n2 -- reflector (rrd) -- router (rrd: kernel routes) ==== n1, n2
                                                        (10.9.0.0/24, fd00:9::/64 behind n1)
"""
import pytest

from lab import bgp, daemons
from lab.fig4 import ROUTER, ROUTER6, SERVICE, SERVICE_V6
from lab.wait import wait_until

FAMILIES = {
    "v4": dict(prefix=SERVICE, far="10.9.0.1", network="10.9.0.0/24", own=ROUTER, near="address"),
    "v6": dict(prefix=SERVICE_V6, far="fd00:9::1", network="fd00:9::/64", own=ROUTER6, near="address6"),
}


def system_of(lab, check_at_reflector=None):
    config = daemons.two_families(daemons.reflector_config())
    config["peer-groups"]["k8s"]["import"]["next-hops"] += ["0.0.0.0/0", "::/0"]
    if check_at_reflector is not None:
        config["router"]["next-hop-check"] = check_at_reflector
    system = daemons.System(lab, config, daemons.two_families(daemons.router_config()))
    system.reflector.wait_established(ROUTER)
    return system


def speaker_of(system, node):
    return system.fig.add_pod(node).speaker(families=(bgp.IPV4, bgp.IPV6)).establish()


def wait_for_state(daemon, address, state):
    """Waits until the next hop is in this state; returns its row."""
    def fact():
        rows = {r["address"]: r for r in daemon.show("nexthops")}
        assert address in rows and rows[address]["state"] == state, rows
        return rows[address]
    return wait_until(fact, 10, f"next hop {address} to be {state}")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_next_hop_that_cannot_be_is_shown_with_the_reason_and_not_used(lab, family):
    case = FAMILIES[family]
    prefix = case["prefix"]
    system = system_of(lab)
    good = getattr(system.fig.nodes[1], case["near"])
    bad = {case["own"]: "our own address", case["far"]: "no route to it"}
    bad |= {"127.0.0.1": "loopback"} if family == "v4" else {"::1": "loopback"}
    for address in bad:
        # Better than the good one by LOCAL_PREF, were it not for the next hop.
        speaker_of(system, 1).announce(prefix, address, local_pref=200)
    speaker_of(system, 2).announce(prefix, good)
    for address, reason in bad.items():
        row = wait_for_state(system.router, address, "ineligible")
        assert reason in row["reason"] and row["paths"] == 1, row
    row = wait_for_state(system.router, good, "eligible")
    assert (row["interface"], row["cost"], row["paths"]) == ("eth0", 0, 1), row
    system.wait_for_hops({"n2": 1}, prefix)

    def explained():
        why = {r["next-hop"]: r["why"] for r in system.router.show("route", prefix, "why")}
        assert why.pop(good) == "best", why
        assert set(why) == set(bad) and all("next hop not eligible" in w for w in why.values()), why
        return True
    wait_until(explained, 5, "the reasons in show route")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_next_hop_behind_a_router_comes_and_goes_with_the_route_to_it(lab, family):
    case = FAMILIES[family]
    prefix, far, network = case["prefix"], case["far"], case["network"]
    system = system_of(lab)
    gateway = getattr(system.fig.nodes[0], case["near"])
    speaker_of(system, 1).announce(prefix, far)
    wait_for_state(system.router, far, "ineligible")
    assert system.fig.router.route(prefix) is None
    system.fig.router.ip("route add", network, "via", gateway, "metric", "50")
    row = wait_for_state(system.router, far, "eligible")
    assert (row["via"], row["interface"], row["cost"]) == (gateway, "eth0", 50), row
    system.wait_for_hops({"n1": 1}, prefix)
    # One that is on-link costs less: no equal cost any more.
    near = speaker_of(system, 2)
    near.announce(prefix, getattr(system.fig.nodes[1], case["near"]))
    system.wait_for_hops({"n2": 1}, prefix)
    why = {r["next-hop"]: r["why"] for r in system.router.show("route", prefix, "why")}
    assert why[far] == "interior cost to the next hop higher (50, best 0)", why
    near.withdraw(prefix)
    system.wait_for_hops({"n1": 1}, prefix)
    system.fig.router.ip("route del", network)
    wait_for_state(system.router, far, "ineligible")
    wait_until(lambda: system.fig.router.route(prefix) is None, 10, "the route to go")


def test_a_next_hop_is_not_reached_through_our_own_route(lab):
    """The service's route covers the next hop of a second path for it: it would resolve through itself."""
    system = system_of(lab)
    good = system.fig.nodes[0].address
    speaker_of(system, 1).announce(SERVICE, good)
    system.wait_for_hops({"n1": 1})
    inside = SERVICE.replace("0/24", "77")
    speaker_of(system, 2).announce(SERVICE, inside)
    row = wait_for_state(system.router, inside, "ineligible")
    assert "our own" in row["reason"], row
    system.wait_for_hops({"n1": 1})


@pytest.mark.parametrize("check", [None, True])
def test_a_reflector_leaves_it_to_its_routers_unless_told_to_look(lab, check):
    system = system_of(lab, check)
    far = "10.9.0.1"
    speaker_of(system, 1).announce(SERVICE, "127.0.0.1")
    speaker_of(system, 2).announce(SERVICE, system.fig.nodes[1].address)
    system.wait_for_hops({"n2": 1})
    if check:
        # The reflector has a default route, which does not count.
        speaker_of(system, 1).announce(SERVICE, far)
        wait_for_state(system.reflector, far, "ineligible")
        wait_for_state(system.reflector, "127.0.0.1", "ineligible")
        assert system.reflector.show("status")[0].get("fib") is None
    else:
        wait_for_state(system.reflector, "127.0.0.1", "unchecked")
        wait_for_state(system.router, "127.0.0.1", "ineligible")
    ignored = [r["next-hop"] for r in system.reflector.show("route", SERVICE, "why") if "eligible" in r["why"]]
    assert sorted(ignored) == (["10.9.0.1", "127.0.0.1"] if check else [])
