"""Who may connect: ranges, their limits, and the refusals.

    reflector (rrd) ==== node network ==== n1 -- a pod's namespace with many addresses, each a speaker of the test
"""
import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR
from lab.wait import holds, wait_until

LIMIT = 5


@pytest.fixture
def limited(fig):
    """A reflector with a small limit on the pods' range."""
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["limit"] = LIMIT
    return daemons.reflector(fig, config).wait_until_ready()


def crowd(fig, count, first=100):
    """That many speakers from one pod's namespace, each with an address of its own in n1's overlay."""
    pod = fig.add_pod(1)
    addresses = [f"172.16.1.{a}" for a in range(first, first + count + 1) if f"172.16.1.{a}" != pod.address][:count]
    pod.ns.batch(*[f"addr add {a}/24 dev eth0" for a in addresses])
    return [bgp.Speaker(pod.ns, REFLECTOR, local=a, router_id=a) for a in addresses]


def test_the_limit_of_a_range_is_exact_and_refusals_are_shown(fig, limited):
    speakers = crowd(fig, LIMIT + 3)
    for speaker in speakers[:LIMIT]:
        speaker.establish()
    for speaker in speakers[LIMIT:]:
        assert not_let_in(speaker)
    assert len([a for a in limited.neighbors() if a.startswith("172.16.")]) == LIMIT
    row = next(r for r in limited.show("ranges") if r["prefix"] == "172.16.0.0/16")
    assert row["limit"] == LIMIT
    assert row["refused"] == 3
    assert row["neighbors"] == LIMIT
    limited.wait_for_log("limit")


def test_a_place_in_a_range_becomes_free_when_its_neighbor_goes(fig, limited):
    speakers = crowd(fig, LIMIT + 1)
    for speaker in speakers[:LIMIT]:
        speaker.establish()
    assert not_let_in(speakers[LIMIT])
    speakers[0].close()
    wait_until(lambda: speakers[0].local not in limited.neighbors(), 5, "the first neighbor to be gone")
    again = bgp.Speaker(speakers[LIMIT].ns, REFLECTOR, local=speakers[LIMIT].local, router_id=speakers[LIMIT].local)
    again.establish()


def test_silent_connections_cannot_fill_a_range_beyond_its_limit(fig, limited):
    speakers = crowd(fig, LIMIT * 3)
    for speaker in speakers:
        try:
            speaker.open()
        except OSError:
            pass
    holds(lambda: len([a for a in limited.neighbors() if a.startswith("172.16.")]) <= LIMIT, 0.3, "the limit")


def test_the_longest_range_wins(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["others"] = {"peer-as": 65099, "passive": True}
    config["dynamic-neighbors"].append({"prefix": "172.16.1.0/24", "peer-group": "others", "limit": 10})
    daemons.reflector(fig, config).wait_until_ready()
    fig.add_pod(2).speaker().establish()
    with pytest.raises(ConnectionError, match=r"NOTIFICATION \(2, 2\)"):
        fig.add_pod(1).speaker().establish()


def not_let_in(speaker):
    """True when the connection is refused, reset, closed without an OPEN or with a NOTIFICATION."""
    try:
        speaker.establish(5)
    except OSError:
        return True
    return False


def test_an_address_out_of_every_range_is_refused(fig, reflector):
    assert not_let_in(bgp.Speaker(fig.client, REFLECTOR, router_id="192.0.2.10"))
    reflector.wait_for_log(r"192\.0\.2\.10")
    assert "192.0.2.10" not in reflector.neighbors()


def test_a_wrong_as_is_told_bad_peer_as(fig, reflector):
    pod = fig.add_pod(1)
    with pytest.raises(ConnectionError, match=r"NOTIFICATION \(2, 2\)"):
        pod.speaker(asn=65022).establish()
    reflector.wait_for_log(rf"{pod.address}.*(?i:bad peer as)")
    # The right one is welcome at once: a mistake of the peer does not lock its address.
    pod.speaker().establish()


@pytest.mark.parametrize("hold_time", [0, 1, 2])
def test_a_hold_time_below_the_least_is_unacceptable(fig, reflector, hold_time):
    with pytest.raises(ConnectionError, match=r"NOTIFICATION \(2, 6\)"):
        fig.add_pod(1).speaker(hold_time=hold_time).establish()


def test_a_hold_time_of_three_is_accepted(fig, reflector):
    speaker = fig.add_pod(1).speaker(hold_time=3).establish()
    wait_until(lambda: speaker.count(bgp.KEEPALIVE) >= 3, 5, "keepalives each second")


def test_a_bgp_identifier_of_zero_is_refused(fig, reflector):
    with pytest.raises(ConnectionError, match=r"NOTIFICATION \(2, 3\)"):
        fig.add_pod(1).speaker(router_id="0.0.0.0").establish()


def test_a_wrong_version_is_told_the_right_one(fig, reflector):
    speaker = fig.add_pod(1).speaker().open()
    speaker.send(bgp.open_message(65021, 9, speaker.router_id, version=3))
    while (got := speaker.receive()).kind != bgp.NOTIFICATION:
        pass
    assert got.error == (2, 1)
    assert got.body[2:4] == b"\0\4"


def test_the_reflector_does_not_accept_its_own_address(fig):
    config = daemons.reflector_config()
    config["dynamic-neighbors"].append({"prefix": "10.0.0.0/16", "peer-group": "k8s", "limit": 10})
    reflector = daemons.reflector(fig, config).wait_until_ready()
    assert not_let_in(bgp.Speaker(fig.reflector, REFLECTOR, local=REFLECTOR, router_id="1.2.3.4"))
    assert REFLECTOR not in reflector.neighbors()


def test_no_common_marker_is_not_synchronized(fig, reflector):
    speaker = fig.add_pod(1).speaker().open()
    speaker.send(b"GET / HTTP/1.1\r\nHost: reflector\r\n\r\n")
    while (got := speaker.receive()).kind != bgp.NOTIFICATION:
        pass
    assert got.error == (1, 1)
