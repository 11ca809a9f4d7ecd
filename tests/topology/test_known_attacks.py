"""What has broken other daemons, each by the name under which it is known. A route that is wrong costs itself and nothing else: the
session it came by, the other sessions and the daemon stand.

    attacker, ear, neighbor ---- one link ---- rrd       (lab/hub.py)
"""
import struct

import pytest

from lab import Lab, bgp, hub
from lab.bgp import IPV4, IPV6, attribute, message
from lab.wait import wait_until

PREFIX, BARRIER, NEIGHBORS = "198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"
ORIGIN, PATH = attribute(bgp.ORIGIN, b"\0"), attribute(bgp.AS_PATH, b"")
HOP, PREF = attribute(bgp.NEXT_HOP, bytes([10, 9, 0, 77])), attribute(bgp.LOCAL_PREF, struct.pack("!I", 100))
GOOD, NLRI = ORIGIN + PATH + HOP + PREF, bgp.nlri([PREFIX])


def with_attributes(more, nlri=NLRI, before=b""):
    return bgp.update(attributes=before + GOOD + more, reachable=nlri)


@pytest.fixture(scope="module")
def world():
    with Lab("known-attacks") as lab:
        this = hub.Hub(lab)
        this.neighbor = this.up("client")
        this.neighbor.announce(NEIGHBORS, "10.9.0.8")
        this.ear = this.new_speaker("all", families=(IPV4, IPV6), add_path={}).establish()
        this.ear.wait_for_routes(NEIGHBORS, ["10.9.0.8"])
        yield this
        assert this.ear.next_hops(NEIGHBORS) == ["10.9.0.8"]
        assert not this.neighbor.closed and not this.ear.closed


def send(world, octets, group="client"):
    """(the attacker, what the ear holds of PREFIX after octets and a good route came; None when the session has ended)"""
    attacker = world.new_speaker(group, families=(IPV4, IPV6)).establish()
    attacker.send(octets)
    try:
        attacker.announce(BARRIER, "10.9.0.77")
    except OSError:
        pass
    wait_until(lambda: attacker.closed or world.ear.paths(BARRIER), 10, "the barrier, or the end")
    held = None if attacker.closed else world.ear.paths(PREFIX)
    world.gone(attacker)
    wait_until(lambda: not world.ear.paths(BARRIER) and not world.ear.paths(PREFIX), 10, "the attacker's routes to go")
    return attacker, held


def long_path(count):
    segments = b""
    while count:
        some = min(count, 255)
        segments += bytes([2, some]) + struct.pack("!I", 65001) * some
        count -= some
    return attribute(bgp.AS_PATH, segments, 0x50 if len(segments) > 255 else 0x40)


PASSES = {
    "CVE-2023-38802 FRR, Tunnel Encapsulation with a length that does not fit": attribute(23, b"\0\x0f\0\x50\1", 0xc0),
    "FRR #19336, Prefix-SID that is malformed": attribute(40, b"\1\0\7\0", 0xc0),
    "FRR #14129, BGPsec attribute of no length": attribute(33, b"", 0xc0),
    "OpenBGPD CVE-2023-38283, OTC of a wrong length": attribute(35, b"\0", 0xc0),
    "GoBGP, AIGP of no TLV": attribute(26, b"", 0xc0),
    "unknown attribute 28": attribute(28, b"x" * 7, 0xc0),
    "unknown attribute 129": attribute(129, b"", 0xc0),
    "unknown attribute 255 of 2000 octets": attribute(255, b"x" * 2000, 0xd0),
}


@pytest.mark.parametrize("name", PASSES)
def test_an_unknown_attribute_is_no_matter_what_is_in_it(world, name):
    _, held = send(world, with_attributes(PASSES[name]))
    assert held, "the route did not pass"
    code = PASSES[name][1]
    assert code in held[0].attributes


WITHDRAWN = {
    "CVE-2023-46752 FRR, attributes end in a header without a value": with_attributes(b"\x40\x01"),
    "CVE-2023-46753 FRR, nothing but an unknown attribute": bgp.update(attributes=attribute(99, b"", 0xc0), reachable=NLRI),
    "CVE-2026-37462 GoBGP, an attribute that is longer than all of them": with_attributes(b"\xd0\x63\xff\xff\0"),
    "RIPE bgpdump #30, a length beyond the message": with_attributes(b"\xc0\x20\xff" + bytes(12)),
    "CVE-2026-37461 GoBGP, IPv6 extended communities that are short": with_attributes(attribute(25, b"\0" * 7, 0xc0)),
    "AS_SET with AS 0": bgp.update(attributes=ORIGIN + attribute(2, b"\1\2" + struct.pack("!II", 65001, 0)) + HOP + PREF, reachable=NLRI),
    "a segment that says more numbers than there are": bgp.update(
        attributes=ORIGIN + attribute(2, b"\2\xff" + struct.pack("!I", 65001)) + HOP + PREF, reachable=NLRI),
    "NEXT_HOP of 5 octets": bgp.update(attributes=ORIGIN + PATH + attribute(3, bytes(5)) + PREF, reachable=NLRI),
    "GoBGP, FQDN of its own length in ORIGIN": bgp.update(attributes=attribute(1, b"\0" * 255) + PATH + HOP + PREF, reachable=NLRI),
}


@pytest.mark.parametrize("name", WITHDRAWN)
def test_a_route_that_is_wrong_is_withdrawn_alone(world, name):
    _, held = send(world, WITHDRAWN[name])
    assert held == []


@pytest.mark.parametrize("count,passes", [(255, True), (256, True), (600, True)])
def test_a_path_of_many_numbers_is_carried(world, count, passes):
    _, held = send(world, bgp.update(attributes=ORIGIN + long_path(count) + HOP + PREF, reachable=NLRI))
    assert bool(held) == passes and held[0].as_path == [65001] * count


def test_as4_path_in_front_of_as_path_from_a_peer_of_four_octets(world):
    """CVE-2026-41643 GoBGP: AS4_PATH before AS_PATH shifted an index. A peer of four octets must not send it: it is discarded."""
    as4 = attribute(17, b"\2\1" + struct.pack("!I", 4200000001), 0xc0)
    _, held = send(world, with_attributes(b"", before=as4))
    assert held and held[0].as_path == [] and 17 not in held[0].attributes


def test_as4_path_in_front_of_as_path_from_an_old_peer(world):
    old = world.old_speaker("client").establish()
    path = attribute(2, b"\2\2" + struct.pack("!HH", 65001, 23456))
    as4 = attribute(17, b"\2\1" + struct.pack("!I", 4200000001), 0xc0)
    old.send(bgp.update(attributes=as4 + ORIGIN + path + HOP + PREF, reachable=NLRI))
    wait_until(lambda: world.ear.paths(PREFIX), 10, "the route")
    assert world.ear.paths(PREFIX)[0].as_path == [65001, 4200000001]
    world.gone(old)


RESETS = {
    "FRR #22563, NLRI that cannot be read beside good attributes": (bgp.update(attributes=GOOD, reachable=b"\x21\x0a\0\0\0\0"), (3, 10)),
    "an NLRI that ends in its middle": (bgp.update(attributes=GOOD, reachable=b"\x18\x0a\0"), (3, 10)),
    "withdrawn routes longer than the message": (message(bgp.UPDATE, b"\xff\xff\0\0"), (3, 1)),
    "attributes longer than the message": (message(bgp.UPDATE, b"\0\0\xff\xff"), (3, 1)),
}


@pytest.mark.parametrize("name", RESETS)
def test_what_leaves_the_routes_unknown_ends_that_session_alone(world, name):
    octets, error = RESETS[name]
    attacker, held = send(world, octets)
    assert held is None and attacker.notification == error


def test_bits_behind_a_prefix_are_no_part_of_it(world):
    """bgpdump's updates.nlri_mask_trailing_bits."""
    _, held = send(world, with_attributes(b"", nlri=b"\x17\xc6\x33\x65"))
    assert held == []
    attacker = world.new_speaker("client").establish()
    attacker.send(with_attributes(b"", nlri=b"\x17\xc6\x33\x65"))
    world.ear.wait_for_routes("198.51.100.0/23", ["10.9.0.77"])
    world.gone(attacker)
    world.ear.wait_for_routes("198.51.100.0/23", [])


def test_a_prefix_that_is_announced_twice_and_withdrawn_in_one_message_is_there_once(world):
    octets = bgp.update(withdrawn=NLRI, attributes=GOOD, reachable=NLRI + NLRI)
    _, held = send(world, octets)
    assert len(held) == 1


def test_path_ids_where_none_were_agreed_on_do_not_reach_beyond_the_message(world):
    """FRR PR #5423: what one side takes for path ids, the other takes for prefixes."""
    send(world, bgp.announcement([PREFIX], "10.9.0.77", path_ids=[0xffffffff]))
    send(world, bgp.announcement([PREFIX], "10.9.0.77"), group="all")


@pytest.mark.parametrize("body", [struct.pack("!HBB", 1, 0, 1) + b"\1\2\xff\xff", struct.pack("!HBB", 1, 0, 1) + b"\1",
                                  struct.pack("!HBB", 1, 255, 1), struct.pack("!HBB", 25, 0, 70)])
def test_a_route_refresh_with_a_malformed_orf_is_survived(world, body):
    """FRR #22828."""
    send(world, message(5, body))


OPENS = {
    "CVE-2022-40302 FRR, extended length at the very end": b"\xff\xff",
    "CVE-2022-40318 FRR, an option that is longer than its message": b"\x02\xff",
    "CVE-2022-43681 FRR, an option's length is missing": b"\x02",
    "extended length, cut": b"\xff\xff\0\3\2\0",
    "capability beyond its parameter": b"\x02\x02\x01\xff",
    "graceful restart of 1 octet": b"\x02\x03\x40\x01\x00",
    "FQDN whose name is longer than it": b"\x02\x04\x49\x02\xff\x41",
    "add-path of 3 octets": b"\x02\x05\x45\x03\0\1\1",
}


@pytest.mark.parametrize("name", OPENS)
def test_an_open_with_broken_parameters_costs_its_connection_at_most(world, name):
    parameters = OPENS[name]
    attacker = world.speaker("client").open()
    attacker.send(message(bgp.OPEN, struct.pack("!BHH", 4, hub.AS, 90) + b"\x0a\x09\x01\x63" + bytes([len(parameters)]) + parameters))
    wait_until(lambda: attacker.receive() is None or attacker.messages[-1].kind in (bgp.NOTIFICATION, bgp.KEEPALIVE), 10, "an answer")
    world.gone(attacker)
    assert not world.neighbor.closed


def test_attributes_that_outgrow_a_message_on_reflection_cost_that_route_alone(world):
    """FRR #12529: the reflector's own attributes made it longer than 4096 octets, and the peers reset."""
    room = 4096 - 19 - 4 - len(GOOD) - len(NLRI) - 4
    attacker, held = send(world, with_attributes(attribute(99, b"x" * (room - 3), 0xd0)))
    assert held == [] and attacker.closed in (None, "closed")
    assert not world.ear.closed


def test_nothing_listens_but_bgp(world):
    """GoBGP's and RustyBGP's port 50051 is open to the world."""
    listening = world.rr.run(["ss", "-Hltn"]).split("\n")
    assert {line.split()[3].rsplit(":", 1)[1] for line in listening if line} == {"179"}
