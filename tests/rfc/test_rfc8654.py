"""Messages of up to 65535 octets, RFC 8654, and routes whose attributes do not fit (RFC 4271 9.2)."""
import struct

import pytest

from lab import bgp, hub
from lab.bgp import IPV4, attribute
from lab.wait import wait_until
from rfc.routes import (BOTH, EXTENDED, GOOD, HOP, HOP6, ORIGIN, OUTSIDE_AS, PATH, PREF, PREFIX, SECOND, SIX, base, heard,
                        ip, lost, parts, reach, segment, settled, told, u32, update, updates, value)

REFLECTED = 14  # octets that ORIGINATOR_ID and CLUSTER_LIST add


def padded(size, attributes=GOOD, routes=bgp.nlri([PREFIX]), code=99):
    """An UPDATE of exactly so many octets, by an unknown attribute."""
    room = size - 23 - len(attributes) - len(routes) - 4
    octets = update(attributes + attribute(code, bytes(room), 0xC0), routes)
    assert len(octets) == size
    return octets


def longest(ear):
    return max(19 + len(m.body) for m in ear.messages)


def longs(cast, *groups, **more):
    return [cast(group, more=[EXTENDED], **more) for group in groups]


@pytest.mark.offers(6)
def test_rfc8654_3_the_capability_is_offered(cast):
    (peer,) = longs(cast, "client")
    assert (bgp.CAP_EXTENDED_MESSAGE, b"") in peer.peer.capabilities


@pytest.mark.offers(6)
@pytest.mark.parametrize("size", [4096, 4097, 32768, 65535])
def test_rfc8654_4_an_update_of_any_size_is_taken(cast, size):
    ear, mouth = longs(cast, "client", "client")
    mouth.send(padded(size))
    if size + REFLECTED <= 65535:
        assert len(heard(ear).attributes[99]) == size - 23 - len(GOOD) - 4 - 4
    settled(mouth, ear)
    assert bool(ear.paths(PREFIX)) == (size + REFLECTED <= 65535)


@pytest.mark.offers(6)
def test_rfc8654_4_an_update_of_65535_octets_is_sent(cast):
    ear, mouth = longs(cast, "client", "client")
    mouth.send(padded(65535 - REFLECTED))
    heard(ear)
    assert longest(ear) == 65535


def test_rfc4271_4_1_without_the_capability_4096_octets_are_taken_and_4097_are_not(cast):
    ear, mouth = cast("outside"), cast()
    mouth.send(padded(4096, attributes=base(path=(1, 2))))
    settled(mouth, ear)
    mouth.send(padded(4097))
    assert mouth.wait_for_end() == (1, 2)
    note = next(m.body for m in mouth.messages if m.kind == bgp.NOTIFICATION)
    assert note[2:] == struct.pack("!H", 4097)


@pytest.mark.offers(6)
def test_rfc8654_4_open_and_keepalive_stay_short(cast, world):
    (mouth,) = longs(cast, "client")
    mouth.send(bgp.message(bgp.KEEPALIVE, bytes(5000)))
    assert mouth.wait_for_end() == (1, 2)


@pytest.mark.offers(6)
def test_rfc8654_4_a_long_notification_is_understood(cast):
    ear, mouth = longs(cast, "client", "client")
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(bgp.notification(6, 4, bytes(20000)))
    lost(ear)
    wait_until(lambda: mouth.closed, 5, "the end of the session")
    assert mouth.notification is None


@pytest.mark.offers(6)
def test_rfc8654_4_what_does_not_fit_is_not_sent_and_an_older_version_is_withdrawn(cast):
    short, long, mouth = cast(), *longs(cast, "client", "client")
    mouth.announce([PREFIX, SECOND], HOP)
    heard(short, SECOND)
    mouth.send(padded(6000))
    lost(short)
    wait_until(lambda: 99 in heard(long).attributes, 5, "the long version")
    settled(mouth, short)
    assert short.paths(SECOND) and longest(short) <= 4096
    mouth.announce(PREFIX, HOP)
    heard(short)


@pytest.mark.offers(6)
def test_rfc8654_4_what_fits_exactly_is_sent(cast):
    short, (mouth,) = cast(), longs(cast, "client")
    mouth.send(padded(4096 - REFLECTED))
    heard(short)
    assert longest(short) == 4096
    mouth.send(padded(4097 - REFLECTED))
    lost(short)


def test_rfc4271_9_2_attributes_that_outgrow_the_message_on_their_way(cast):
    """It came in 4096 octets; what reflection and leaving the AS add is too much."""
    ears, mouth = [cast(), cast("all"), cast("outside")], cast()
    for ear in ears:
        settled(mouth, ear)
    mouth.announce(PREFIX, HOP)
    for ear in ears:
        heard(ear)
    mouth.send(padded(4096, attributes=base(path=tuple(range(1, 200)))))
    lost(ears[0])
    lost(ears[1])
    settled(mouth, *ears)
    assert all(not ear.closed for ear in ears)
    mouth.announce(PREFIX, HOP)
    for ear in ears:
        heard(ear)


@pytest.mark.offers(6)
def test_rfc8654_4_attributes_that_may_be_discarded_make_room(cast):
    """RFC 8654 4: what RFC 7606 would discard when malformed is left out rather than the route."""
    short, long, mouth = cast(), *longs(cast, "client", "client")
    droppable = attribute(6, b"", 0x40) + attribute(7, u32(65001) + ip("1.2.3.4"), 0xC0)
    mouth.send(padded(4096 - REFLECTED + len(droppable), GOOD + droppable))
    heard(long)
    assert value(long, 6) is not None and value(long, 7) is not None
    heard(short)
    assert value(short, 6) is None and value(short, 7) is None and longest(short) == 4096
    # Where there is room they stay.
    mouth.send(padded(4096 - REFLECTED, GOOD + droppable, bgp.nlri([SECOND])))
    heard(short, SECOND)
    assert value(short, 6, SECOND) is not None and value(short, 7, SECOND) is not None


@pytest.mark.offers(6)
def test_rfc8654_4_many_routes_go_in_messages_of_each_peers_size(cast):
    short, long, mouth = cast(families=BOTH), *longs(cast, "client", "client", families=BOTH)
    four = [f"10.{i // 256}.{i % 256}.0/24" for i in range(12000)]
    six = [f"2001:db8:{i:x}::/48" for i in range(8000)]
    mouth.send(update(GOOD, bgp.nlri(four)))
    mouth.send(update(ORIGIN + PATH + PREF + reach(six), b""))
    for ear in (short, long):
        wait_until(lambda e=ear: len(e.routes) == 20000, 10, "all routes")
    assert longest(short) <= 4096 < longest(long)
    mouth.send(bgp.update(withdrawn=bgp.nlri(four)))
    mouth.withdraw(six)
    for ear in (short, long):
        wait_until(lambda e=ear: not e.routes, 10, "all routes to be withdrawn")
    assert longest(short) <= 4096


@pytest.mark.offers(6)
@pytest.mark.parametrize("attributes,error", [
    (GOOD + attribute(8, bytes(20001)), None), (attribute(1, b"\7") + PATH + GOOD[14:], None), (GOOD + attribute(4, bytes(30000)), None),
], ids=["communities", "origin", "med"])
def test_rfc7606_3_errors_in_long_messages_are_treated_alike(cast, attributes, error):
    ear, mouth = longs(cast, "client", "client")
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(padded(60000, attributes))
    lost(ear)
    settled(mouth, ear)


@pytest.mark.offers(6)
def test_rfc6793_a_long_message_of_ipv6_routes_from_an_old_speaker(cast):
    """The routes inside MP_REACH_NLRI are no reason to find the attributes too long with wider AS numbers."""
    ear, mouth = cast(families=BOTH), cast(kind="old_speaker", families=BOTH, more=[EXTENDED])
    routes = b"".join(b"\x40" + ip("2001:db8::")[:4] + struct.pack("!I", i) for i in range(7270))
    octets = update(reach(routes) + ORIGIN + attribute(2, segment(2, *range(1, 21), octets=2)) + PREF, b"")
    assert 65500 < len(octets) <= 65535
    mouth.send(octets)
    wait_until(lambda: len(ear.routes) == 7270, 10, "all routes")


@pytest.mark.parametrize("group,ear_group", [("client", "client"), ("outside", "client"), ("client", "outside")])
def test_rfc4271_9_2_an_attribute_set_of_3600_octets_is_passed_on(cast, group, ear_group):
    ear, mouth = cast(ear_group), cast(group)
    path = (OUTSIDE_AS,) if group == "outside" else ()
    more = attribute(8, u32(*range(450))) + attribute(16, b"".join(bytes(4) + u32(i) for i in range(100))) + attribute(32, u32(*range(240)), 0xC0)
    mouth.send(update(base(bool(path), path) + more))
    heard(ear)
    assert parts(value(ear, 8), 4) == parts(u32(*range(450)), 4)
    assert parts(value(ear, 32), 12) == parts(u32(*range(240)), 12)


@pytest.mark.offers(6)
def test_rfc8654_a_route_of_ipv6_that_does_not_fit(cast):
    short, long, mouth = cast(families=BOTH), *longs(cast, "client", "client", families=BOTH)
    mouth.announce(SIX, HOP6)
    heard(short, SIX)
    mouth.send(update(ORIGIN + PATH + PREF + reach([SIX]) + attribute(99, bytes(5000), 0xC0), b""))
    lost(short, SIX)
    wait_until(lambda: 99 in heard(long, SIX).attributes, 5, "the long version")


@pytest.mark.offers(6)
def test_rfc8654_with_several_paths_each_is_judged_by_itself(cast):
    ear = cast("all", kind="speaker", add_path={IPV4: bgp.ADD_PATH_BOTH})
    (one,), two = longs(cast, "client"), cast()
    one.announce(PREFIX, HOP)
    two.announce(PREFIX, "10.9.0.88")
    heard(ear, hops=[HOP, "10.9.0.88"])
    one.send(padded(5000))
    heard(ear, hops=["10.9.0.88"])
    one.withdraw(PREFIX)
    settled(one, ear)
    assert ear.next_hops(PREFIX) == ["10.9.0.88"] and hub.AS == 65021 and told(ear) and updates(ear)
