"""BFD with BIRD and with FRR's bfdd, each as the router (single hop) and as a client in a pod (multihop), active and passive.

    router (BIRD, FRR) ==== node network ==== reflector (rrd) -- pods: lb-announcer on n1, BIRD or FRR on n2

The hold time is 90 s on our side; the others have 9: what comes within seconds was told by BFD.
"""
import pytest

from lab import daemons, others, pair
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.others import Link
from lab.wait import wait_until

SOON_S = 4
SPEAKERS = [others.Bird, others.Frr]


def reflector(fig, passive=False, **more):
    config = pair.reflector_config(REFLECTOR, 90)
    for group in config["peer-groups"].values():
        group["bfd"] = {"enabled": True, "desired-minimum-tx-interval": "150ms", "required-minimum-receive": "150ms", "passive": passive,
                        **more}
    return daemons.reflector(fig, config).wait_until_ready()


def state(daemon, address):
    return next((row["state"] for row in daemon.show("bfd") if row["address"] == address), None)


def wait_up(daemon, address, other):
    def fact():
        states = state(daemon, address), other.bfd_state(REFLECTOR)
        assert states == ("Up", "Up"), f"ours and theirs: {states}"
        row = next(row for row in daemon.show("bfd") if row["address"] == address)
        assert (row["tx-interval-us"], row["detection-time-us"]) == (150000, 450000), row
        return True
    wait_until(fact, 20, f"BFD with {address}")


def losses(daemon):
    return daemon.log().count("BFD is down")


def flap(daemon, address, other, cut, mend):
    """The line is cut: both notice. It is mended: both are back."""
    before = losses(daemon)
    cut()
    wait_until(lambda: losses(daemon) == before + 1, SOON_S, "rrd to notice")
    wait_until(lambda: other.bfd_state(REFLECTOR) != "Up", SOON_S, "the other to notice")
    wait_until(lambda: not other.established(REFLECTOR), SOON_S, "its session to end")
    mend()
    daemon.wait_established(address, timeout=40)
    wait_up(daemon, address, other)


@pytest.mark.tried("BFD, single hop: up at 150 ms, both notice a cut and are back")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_as_the_router(fig, kind):
    ours = reflector(fig)
    other = kind(fig.router, ROUTER, [Link(REFLECTOR, add_path="rx", bfd="active")])
    ours.wait_established(ROUTER, timeout=30)
    wait_up(ours, ROUTER, other)
    assert next(row for row in ours.show("bfd") if row["address"] == ROUTER)["multihop"] is False
    flap(ours, ROUTER, other, lambda: fig.set_cable(fig.router, False), lambda: fig.set_cable(fig.router, True))


def in_pod(fig, kind, bfd):
    pod = fig.add_pod(2)
    return pod, kind(pod.ns, pod.address, [Link(REFLECTOR, bfd=bfd)], announce=[(SERVICE, pod.node.address)])


@pytest.mark.tried("BFD, multihop: the same with a client of a range")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_as_a_client(fig, kind):
    ours = reflector(fig)
    pod, other = in_pod(fig, kind, "active")
    ours.wait_established(pod.address, timeout=30)
    wait_up(ours, pod.address, other)
    assert next(row for row in ours.show("bfd") if row["address"] == pod.address)["multihop"] is True
    flap(ours, pod.address, other, pod.cut, pod.mend)


@pytest.mark.tried("BFD, multihop, it is passive: the same")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_as_a_passive_client(fig, kind):
    ours = reflector(fig)
    pod, other = in_pod(fig, kind, "passive")
    ours.wait_established(pod.address, timeout=30)
    wait_up(ours, pod.address, other)
    flap(ours, pod.address, other, pod.cut, pod.mend)


@pytest.mark.tried("BFD, multihop, rrd is passive: the same")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_of_a_passive_reflector(fig, kind):
    ours = reflector(fig, passive=True)
    pod, other = in_pod(fig, kind, "active")
    ours.wait_established(pod.address, timeout=30)
    wait_up(ours, pod.address, other)
    flap(ours, pod.address, other, pod.cut, pod.mend)


@pytest.mark.tried("BFD, meticulous keyed SHA1: up, both notice a cut and are back; with another key nothing")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_signed(fig, kind):
    if "BFD key" in kind.CANNOT:
        pytest.skip(kind.CANNOT["BFD key"])
    ours = reflector(fig, authentication="meticulous-keyed-sha1", password="lab")
    other = kind(fig.router, ROUTER, [Link(REFLECTOR, add_path="rx", bfd="active", bfd_key="lab")])
    ours.wait_established(ROUTER, timeout=30)
    wait_up(ours, ROUTER, other)
    flap(ours, ROUTER, other, lambda: fig.set_cable(fig.router, False), lambda: fig.set_cable(fig.router, True))
    pod = fig.add_pod(2)
    stranger = kind(pod.ns, pod.address, [Link(REFLECTOR, bfd="active", bfd_key="another")], announce=[(SERVICE, pod.node.address)])
    ours.wait_established(pod.address, timeout=30)
    wait_until(lambda: 'wrong authentication"} 0' not in ours.ctl("metrics"), 10, "packets with another key")
    assert state(ours, pod.address) == "Down" and stranger.established(REFLECTOR)


@pytest.mark.tried("BFD, it stops it in order: rrd's session stays")
@pytest.mark.parametrize("kind", SPEAKERS, ids=lambda k: k.TITLE)
def test_an_orderly_stop_is_no_failure(fig, kind):
    if "stop BFD" in kind.CANNOT:
        pytest.skip(kind.CANNOT["stop BFD"])
    ours = reflector(fig)
    pod, other = in_pod(fig, kind, "active")
    ours.wait_established(pod.address, timeout=30)
    wait_up(ours, pod.address, other)
    other.stop_bfd()
    ours.wait_for_log(f"{pod.address}.*has stopped its BFD")
    assert losses(ours) == 0
