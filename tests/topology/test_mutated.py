"""A peer that sends thousands of messages that are nearly right, beside one that is well: whatever the first says, it costs nobody
else anything. RRD_TEST_SEED repeats a run, RRD_TEST_MUTATIONS says how many messages it has.

    mutant, healthy, ears ---- one link ---- rrd       (lab/hub.py)
"""
import os
import struct

import pytest

from lab import Lab, bgp, hub, mutate
from lab.bgp import IPV4, IPV6
from lab.wait import wait_until

MUTATIONS = int(os.environ.get("RRD_TEST_MUTATIONS", 20000))
HEALTHY = [f"198.18.{i}.0/24" for i in range(200)]
REFRESH = struct.pack("!HBB", 1, 0, 1)


@pytest.fixture(scope="module")
def world():
    with Lab("mutated") as lab:
        yield hub.Hub(lab)


def good_ones():
    full = bgp.attribute(8, struct.pack("!HH", 65021, 1)) + bgp.attribute(16, b"\x40\x04" + struct.pack("!Hf", 65021, 1e9)) + \
        bgp.attribute(32, struct.pack("!III", 65021, 1, 2)) + bgp.attribute(7, struct.pack("!I", 65021) + b"\x0a\0\0\1", 0xc0) + \
        bgp.attribute(9, b"\x0a\0\0\1") + bgp.attribute(10, b"\x0a\0\0\2") + bgp.attribute(99, b"unknown", 0xc0)
    return [
        bgp.announcement([f"203.0.113.{i}/32" for i in range(40)], "10.9.0.9", path=(65001, 4200000001), med=1, more=full),
        bgp.announcement(["fd00:1::/64", "fd00:2::/48"], "fd00:9::9", more=full),
        bgp.withdrawal(["203.0.113.0/32", "203.0.113.7/32"]), bgp.withdrawal(["fd00:1::/64"]),
        bgp.end_of_rib(), bgp.end_of_rib(IPV6), bgp.message(5, REFRESH), bgp.message(5, struct.pack("!HBB", 1, 1, 1)),
        bgp.message(5, struct.pack("!HBB", 1, 2, 1)),
    ]


def speak(world, group, messages, number):
    """Sends so many mutated messages, over as many sessions as that takes; returns the number of sessions."""
    random, sessions, local = world.lab.random, 0, world.address(group)
    more = {"asn": 65100} if group == "outside" else {}
    while number > 0:
        capabilities = [hub.EXTENDED] if random.random() < 0.3 else []
        mutant = world.new_speaker(group, families=(IPV4, IPV6), more=capabilities, local=local, **more).establish()
        sessions += 1
        try:
            while number > 0 and not mutant.closed:
                burst = random.choice((1, 1, 5, 30))
                mutant.send(b"".join(mutate.mutated(random, random.choice(messages)) for _ in range(burst)))
                number -= burst
        except OSError:
            pass  # rrd has ended the session, as it may
        mutant.close(reset=random.random() < 0.5)
    return sessions


@pytest.mark.parametrize("group", ["client", "all", "outside"])
def test_what_one_peer_says_wrongly_costs_no_other_peer_anything(world, group):
    healthy = world.up("client")
    healthy.announce(HEALTHY, "10.9.0.8")
    healthy_ears = [world.new_speaker(where, families=(IPV4, IPV6)).establish() for where in ("client", "plain")]

    def whole():
        return all(ear.next_hops(prefix) == ["10.9.0.8"] for ear in healthy_ears for prefix in HEALTHY)
    wait_until(whole, 10, "the healthy peer's routes")
    sessions = speak(world, group, good_ones(), MUTATIONS)
    assert sessions > 1, "no mutation was bad enough to end a session: these are too tame"

    def only_the_healthy():
        return whole() and all(len(ear.routes) == len(HEALTHY) for ear in healthy_ears)
    wait_until(only_the_healthy, 20, "the healthy peer's routes and no others")
    assert not healthy.closed and not any(ear.closed for ear in healthy_ears)
    world.gone(healthy, *healthy_ears)
