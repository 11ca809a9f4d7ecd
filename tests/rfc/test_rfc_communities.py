"""Communities: well-known ones (RFC 1997), extended (RFC 4360, 5701), large (RFC 8092), and BLACKHOLE (RFC 7999)."""
import struct

import pytest

from lab import bgp
from lab.bgp import attribute
from rfc.routes import (BOTH, FROM_OUTSIDE, GOOD, HOP, HOP6, IPV6_EXTENDED, LARGE_COMMUNITIES, PREFIX, SIX, base, flags, heard,
                        ip, lost, parts, reach, settled, u32, update, value)

NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED = 0xFFFFFF01, 0xFFFFFF02, 0xFFFFFF03
NO_PEER, BLACKHOLE = 0xFFFFFF04, 0xFFFF029A
LISTENERS = ("client", "plain", "elsewhere", "all")


# RFC 1997

@pytest.mark.parametrize("community,reached", [
    (NO_EXPORT, {"client", "plain", "all"}), (NO_EXPORT_SUBCONFED, {"client", "plain", "all"}), (NO_ADVERTISE, set()),
    (NO_PEER, set(LISTENERS)), (BLACKHOLE, set(LISTENERS)), (0, set(LISTENERS)), (0xFFFFFFFF, set(LISTENERS)),
], ids=["no_export", "no_export_subconfed", "no_advertise", "no_peer", "blackhole", "zero", "last"])
@pytest.mark.parametrize("group", ["client", "outside"])
def test_rfc1997_who_is_told(cast, community, reached, group):
    ears = {g: cast(g) for g in LISTENERS}
    mouth = cast(group)
    attributes = FROM_OUTSIDE if group == "outside" else GOOD
    mouth.send(update(attributes + attribute(8, u32(65000, community, 7))))
    settled(mouth, *ears.values())
    assert {g for g, ear in ears.items() if ear.paths(PREFIX)} == reached
    for ear in (ears[g] for g in reached):
        assert parts(value(ear, 8), 4) == parts(u32(65000, community, 7), 4)


@pytest.mark.parametrize("community", [NO_EXPORT, NO_ADVERTISE])
def test_rfc1997_a_route_that_gets_the_community_is_withdrawn_and_comes_back_without_it(cast, community):
    outside, mouth = cast("outside"), cast()
    mouth.announce(PREFIX, HOP)
    heard(outside)
    mouth.announce(PREFIX, HOP, more=attribute(8, u32(community)))
    lost(outside)
    mouth.announce(PREFIX, HOP)
    heard(outside)


def test_rfc1997_the_best_route_counts_though_it_may_not_be_told(cast):
    """No other route is told in the place of the best one."""
    ear, best, other = cast(), cast(), cast()
    other.announce(PREFIX, HOP)
    heard(ear)
    best.announce(PREFIX, "10.9.0.99", local_pref=200, more=attribute(8, u32(NO_ADVERTISE)))
    lost(ear)
    best.withdraw(PREFIX)
    heard(ear, hops=[HOP])


def test_rfc1997_ipv6_routes_too(cast):
    inside, outside, mouth = cast(families=BOTH), cast("outside", families=BOTH), cast(families=BOTH)
    mouth.announce(SIX, HOP6, more=attribute(8, u32(NO_EXPORT)))
    heard(inside, SIX)
    settled(mouth, outside)
    assert not outside.paths(SIX)


@pytest.mark.parametrize("count", [1, 63, 64, 500])
def test_rfc1997_communities_are_passed_on_as_they_are(cast, count):
    inside, outside, mouth = cast(), cast("outside"), cast()
    octets = u32(*(count - i + (i % 3 << 16) for i in range(count)))
    mouth.send(update(GOOD + attribute(8, octets)))
    for ear in (inside, outside):
        heard(ear)
        assert parts(value(ear, 8), 4) == parts(octets, 4)


def test_rfc7999_3_the_blackhole_community_is_passed_on_and_is_no_error(cast):
    ear, mouth = cast(), cast()
    mouth.send(update(GOOD + attribute(8, u32(BLACKHOLE)), bgp.nlri(["192.0.2.1/32"])))
    heard(ear, "192.0.2.1/32")


# RFC 4360

TRANSITIVE = [bytes([0x00, 2, 0xFD, 0xE8]) + u32(1), bytes([0x01, 3]) + ip("1.2.3.4") + b"\0\1", bytes([0x02, 2]) + u32(70000) + b"\0\1",
              bytes([0x03, 0x0c]) + bytes(6), bytes([0x80, 6]) + bytes(6)]
NON_TRANSITIVE = [bytes([0x40, 4, 0xFD, 0xE8]) + struct.pack("!f", 1e6), bytes([0x43, 0]) + bytes(5) + b"\1", bytes([0xC0, 0]) + bytes(6)]


def test_rfc4360_6_inside_all_extended_communities_are_passed_on(cast):
    ear, mouth = cast(), cast()
    octets = b"".join(TRANSITIVE + NON_TRANSITIVE)
    mouth.send(update(GOOD + attribute(16, octets)))
    heard(ear)
    assert flags(ear, 16) == 0xC0 and parts(value(ear, 16), 8) == parts(octets, 8)


def test_rfc4360_6_non_transitive_ones_do_not_leave_the_as(cast):
    outside, mouth = cast("outside"), cast()
    mixed = [c for pair in zip(NON_TRANSITIVE, TRANSITIVE) for c in pair] + TRANSITIVE[len(NON_TRANSITIVE):]
    mouth.send(update(GOOD + attribute(16, b"".join(mixed))))
    heard(outside)
    assert parts(value(outside, 16), 8) == sorted(TRANSITIVE)


def test_rfc4360_6_an_attribute_without_communities_is_not_sent(cast):
    outside, mouth = cast("outside"), cast()
    mouth.send(update(GOOD + attribute(16, b"".join(NON_TRANSITIVE))))
    heard(outside)
    assert value(outside, 16) is None


def test_rfc4360_6_from_outside_to_outside(cast):
    outside, mouth = cast("elsewhere"), cast("outside")
    mouth.send(update(FROM_OUTSIDE + attribute(16, b"".join(TRANSITIVE + NON_TRANSITIVE))))
    heard(outside)
    assert parts(value(outside, 16), 8) == sorted(TRANSITIVE)


@pytest.mark.parametrize("kind,leaves", [(0x00, True), (0x40, False)])
def test_rfc5701_2_ipv6_extended_communities_are_transitive_or_not(cast, kind, leaves):
    inside, outside, mouth = cast(), cast("outside"), cast()
    octets = bytes([kind, 2]) + ip("2001:db8::1") + b"\0\7"
    mouth.send(update(GOOD + attribute(IPV6_EXTENDED, octets, 0xC0)))
    heard(inside)
    heard(outside)
    if flags(inside, IPV6_EXTENDED) == 0xE0:
        pytest.skip("the daemon does not know the attribute")
    assert value(inside, IPV6_EXTENDED) == octets
    assert value(outside, IPV6_EXTENDED) == (octets if leaves else None)


# RFC 8092

def test_rfc8092_3_large_communities_are_passed_on(cast):
    inside, outside, mouth = cast(), cast("outside"), cast()
    octets = u32(4200000001, 5, 6) + u32(1, 2, 3) + u32(4294967295, 0, 0) + u32(0, 0, 0) + u32(65535, 1, 1)
    mouth.send(update(GOOD + attribute(LARGE_COMMUNITIES, octets, 0xC0)))
    for ear in (inside, outside):
        heard(ear)
        assert flags(ear, LARGE_COMMUNITIES) == 0xC0 and parts(value(ear, LARGE_COMMUNITIES), 12) == parts(octets, 12)


@pytest.mark.parametrize("came,leaves", [
    (((1, 2, 3), (1, 2, 3)), ((1, 2, 3),)),
    (((9, 9, 9), (1, 2, 3), (9, 9, 9), (1, 2, 4), (1, 2, 3)), ((9, 9, 9), (1, 2, 3), (1, 2, 4))),
    (tuple((i % 100, 0, i % 7) for i in range(300)), tuple(dict.fromkeys((i % 100, 0, i % 7) for i in range(300)))),
], ids=["two", "five", "many"])
def test_rfc8092_3_a_repeated_large_community_is_silently_removed(cast, came, leaves):
    inside, outside, mouth = cast(), cast("outside"), cast()
    mouth.send(update(GOOD + attribute(LARGE_COMMUNITIES, b"".join(u32(*c) for c in came), 0xC0)))
    for ear in (inside, outside):
        heard(ear)
        assert parts(value(ear, LARGE_COMMUNITIES), 12) == sorted(u32(*c) for c in leaves)


def test_rfc8092_3_all_kinds_of_communities_stand_side_by_side(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(update(base(hop=None) + reach([SIX]) + attribute(32, u32(1, 2, 3), 0xC0) + attribute(16, TRANSITIVE[0])
                      + attribute(8, u32(5)), b""))
    path = heard(ear, SIX)
    assert (path.attributes[8], path.attributes[16], path.attributes[32]) == (u32(5), TRANSITIVE[0], u32(1, 2, 3))
