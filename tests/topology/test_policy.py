"""What a pod may say and what it hears: the import policy of its group, and export none.

    router speaker (test) -- reflector (rrd) -- pod speakers (test) on n1, n2
"""
import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import holds, wait_until

BARRIER = "10.1.99.0/24"


@pytest.fixture
def ear(fig, reflector):
    """The router's place taken by a speaker that hears all paths."""
    return bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER,
                       add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}).establish()


def wait_for_barrier(speaker, ear, next_hop="10.0.0.105"):
    """What was sent before has been dealt with when this route has passed through."""
    speaker.announce(BARRIER, next_hop)
    ear.wait_for_routes(BARRIER, [next_hop])


@pytest.mark.parametrize("prefix", ["10.2.1.0/24", "10.1.1.0/25", "0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/16"])
def test_a_prefix_that_is_not_allowed_is_not_reflected(fig, reflector, ear, prefix):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(prefix, "10.0.0.105")
    wait_for_barrier(speaker, ear)
    assert ear.paths(prefix) == []
    assert speaker.closed is None
    assert reflector.show("neighbor", pod.address)[0]["last-rejected"]["prefix"] == prefix
    reflector.wait_for_log(f"neighbor {pod.address} .k8s.: route {prefix} refused: prefix not allowed .1 refused so far")


@pytest.mark.parametrize("hop", ["172.16.1.5", "192.0.2.1", "8.8.8.8"])
def test_a_next_hop_that_is_not_allowed_is_not_reflected(fig, reflector, ear, hop):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, hop)
    wait_for_barrier(speaker, ear)
    assert ear.paths(SERVICE) == []
    assert speaker.closed is None


def test_a_route_that_becomes_refused_is_withdrawn(fig, reflector, ear):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, "10.0.0.105")
    ear.wait_for_routes(SERVICE, ["10.0.0.105"])
    speaker.announce(SERVICE, "192.0.2.1")
    ear.wait_for_routes(SERVICE, [])


def test_refusals_are_counted_and_shown_with_the_reason(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(["10.2.1.0/24", "10.2.2.0/24", "10.2.3.0/24"], "10.0.0.105")
    wait_for_barrier(speaker, ear)
    row = reflector.show("neighbor", pod.address)[0]
    assert list(row["rejected"].values()) == [3], row["rejected"]
    assert "prefix" in str(list(row["rejected"])), row["rejected"]
    speaker.announce(SERVICE, "192.0.2.1")
    wait_for_barrier(speaker, ear, "10.0.0.106")
    row = reflector.show("neighbor", pod.address)[0]
    assert row["last-rejected"]["prefix"] == SERVICE
    assert "hop" in row["last-rejected"]["reason"]
    assert sum(row["rejected"].values()) == 4


def test_more_prefixes_than_allowed_end_the_session(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["import"]["max-prefixes"] = 4
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce([f"10.1.{i}.0/24" for i in range(1, 5)], "10.0.0.105")
    wait_until(lambda: len(reflector.show("routes")) == 4, 5, "four routes")
    holds(lambda: speaker.closed is None, 0.2, "the session at its limit")
    speaker.announce("10.1.5.0/24", "10.0.0.105")
    assert speaker.wait_for_end() == (6, 1)
    wait_until(lambda: reflector.show("routes") == [], 5, "its routes to go")


def test_a_pod_receives_nothing(fig, reflector, ear):
    listener = fig.add_pod(2).speaker(add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}).establish()
    speaker = fig.add_pod(1).speaker().establish()
    ear.announce("10.1.50.0/24", ROUTER)
    wait_for_barrier(speaker, ear)
    wait_until(lambda: bgp.IPV4 in listener.ended, 5, "End-of-RIB")
    assert listener.routes == {}
