"""IPv4 routes by IPv6 next hops, RFC 8950: where it was agreed on, where it was not, and what changes from one to the other.

Here every group of the hub offers it; the speakers of the test say whether they do.
"""
import pytest

from lab import bgp, hub
from lab.bgp import ADD_PATH_BOTH, IPV4, capability, message
from lab.wait import wait_until
from rfc.routes import (BOTH, GOOD, HOP, HOP2, HOP6, NLRI, ORIGIN, OUTSIDE_AS, PATH, PREF, PREFIX, SECOND, SEQUENCE, SIX, base,
                        flags, heard, ip, lost, reach, segment, settled, told, unreach, update, value)

ABLE = capability(bgp.CAP_EXTENDED_NEXT_HOP, b"\0\1\0\1\0\2")
LINK_LOCAL = ip("fe80::77")


pytestmark = [pytest.mark.hub(extended_next_hop=True), pytest.mark.offers(5)]


def six(prefixes=(PREFIX,), hop=ip(HOP6), attributes=ORIGIN + PATH + PREF, **more):
    return update(attributes + reach(prefixes, hop, IPV4, **more), b"")


def ipv4_hops(ear, *prefixes):
    """Who cannot take an IPv6 next hop is not told of the route, or told of it by another next hop."""
    return all(":" not in p.next_hop for prefix in prefixes for p in ear.paths(prefix))


def able(cast, group="client", more=(), **rest):
    return cast(group, families=BOTH, more=[ABLE, *more], **rest)


def unable(cast, group="client", **more):
    return cast(group, families=BOTH, **more)


def test_rfc8950_4_the_capability_names_the_families(cast):
    peer = able(cast)
    values = [v for c, v in peer.peer.capabilities if c == bgp.CAP_EXTENDED_NEXT_HOP]
    assert values == [b"\0\1\0\1\0\2"]


@pytest.mark.parametrize("hop", [ip(HOP6), ip(HOP6) + LINK_LOCAL], ids=["16", "32"])
def test_rfc8950_3_an_ipv4_route_by_an_ipv6_next_hop_reaches_who_can_take_it(cast, hop):
    ear, mouth = able(cast), able(cast)
    mouth.send(six(hop=hop))
    assert heard(ear).next_hop == HOP6
    assert value(ear, bgp.MP_REACH)[:4 + len(hop)] == b"\0\1\1" + bytes([len(hop)]) + hop
    assert value(ear, bgp.NEXT_HOP) is None and told(ear)[0][1] == bgp.MP_REACH and flags(ear, bgp.MP_REACH) & 0xE0 == 0x80
    assert heard(ear).originator_id == mouth.router_id


def test_rfc8950_4_it_does_not_reach_who_cannot_take_it(cast):
    ear, witness, mouth = unable(cast), able(cast), able(cast)
    mouth.send(six([PREFIX, SECOND]))
    heard(witness, SECOND)
    settled(mouth, ear)
    assert ipv4_hops(ear, PREFIX, SECOND) and not ear.closed


@pytest.mark.parametrize("tuples", [b"\0\1\0\2\0\2", b"\0\1\0\x80\0\2", b"\0\2\0\1\0\2", b"\0\1\0\1\0\1", b"\0\1\0\1\0\x19"],
                        ids=["multicast", "vpn", "ipv6", "ipv4_next_hop", "other_next_hop"])
def test_rfc8950_4_a_capability_for_something_else_is_not_enough(cast, tuples):
    ear = cast(families=BOTH, more=[capability(bgp.CAP_EXTENDED_NEXT_HOP, tuples)])
    mouth = able(cast)
    mouth.send(six())
    settled(mouth, ear)
    assert ipv4_hops(ear, PREFIX)


def test_rfc8950_4_one_of_several_tuples_is_enough(cast):
    ear = cast(families=BOTH, more=[capability(bgp.CAP_EXTENDED_NEXT_HOP, b"\0\1\0\x80\0\2" + b"\0\1\0\1\0\2")])
    mouth = able(cast)
    mouth.send(six())
    assert heard(ear).next_hop == HOP6


@pytest.mark.parametrize("hop", [ip(HOP6), ip(HOP6) + LINK_LOCAL], ids=["16", "32"])
def test_rfc7606_7_11_from_who_did_not_offer_it_the_length_is_an_error(cast, hop):
    """An IPv6 next hop for IPv4 routes has to be agreed on (RFC 8950 4)."""
    mouth = unable(cast)
    mouth.send(six(hop=hop))
    assert mouth.wait_for_end() in ((3, 9), (3, 5))


@pytest.mark.parametrize("hop", [b"", ip(HOP6)[:8], ip(HOP6) + bytes(8), ip(HOP6) * 3], ids=["0", "8", "24", "48"])
def test_rfc7606_7_11_no_other_length_is_possible(cast, hop):
    mouth = able(cast)
    mouth.send(six(hop=hop))
    assert mouth.wait_for_end() == (3, 9)


def test_rfc8950_3_who_offered_it_may_send_ipv4_next_hops_too(cast):
    ear, old, mouth = able(cast), unable(cast), able(cast)
    mouth.send(update())
    mouth.send(six([SECOND], ip(HOP2)))
    for listener in (ear, old):
        assert heard(listener).next_hop == HOP and heard(listener, SECOND).next_hop == HOP2


@pytest.mark.parametrize("octets", [update(b"", b"", NLRI), update(unreach([PREFIX], IPV4), b"")], ids=["withdrawn", "mp_unreach"])
def test_rfc8950_3_either_form_withdraws(cast, octets):
    ear, mouth = able(cast), able(cast)
    mouth.send(six())
    heard(ear)
    mouth.send(octets)
    lost(ear)


def test_rfc8950_a_route_that_changes_its_kind_of_next_hop_comes_and_goes(cast):
    ear, old, mouth = able(cast), unable(cast), able(cast)
    mouth.send(update())
    heard(old, hops=[HOP])
    mouth.send(six())
    wait_until(lambda: HOP not in old.next_hops(PREFIX) and ipv4_hops(old, PREFIX), 5, "the IPv4 next hop to go")
    heard(ear, hops=[HOP6])
    mouth.send(update(base(hop=HOP2)))
    heard(old, hops=[HOP2])
    heard(ear, hops=[HOP2])


def test_rfc8950_the_best_route_counts_though_not_all_can_take_it(cast):
    ear, old, best, other = able(cast), unable(cast), able(cast), unable(cast)
    other.send(update())
    heard(old, hops=[HOP])
    best.send(six(attributes=base(hop=None, pref=200)))
    heard(ear, hops=[HOP6])
    wait_until(lambda: HOP not in old.next_hops(PREFIX) and ipv4_hops(old, PREFIX), 5, "the other route to go")
    best.withdraw(PREFIX)
    heard(old, hops=[HOP])


def test_rfc8950_with_several_paths_each_is_judged_by_itself(cast):
    one, two = able(cast), unable(cast)
    add_path = capability(bgp.CAP_ADD_PATH, b"\0\1\1" + bytes([ADD_PATH_BOTH]))
    takes_all, takes_ipv4 = (cast("all", kind="speaker", families=BOTH, add_path={IPV4: ADD_PATH_BOTH}, capabilities=[
        capability(bgp.CAP_MP, b"\0\1\0\1"), capability(bgp.CAP_AS4, hub.AS.to_bytes(4, "big")), add_path, *more])
        for more in ([ABLE], []))
    one.send(six())
    two.send(update())
    heard(takes_all, hops=[HOP, HOP6])
    settled(one, takes_ipv4)
    assert HOP in takes_ipv4.next_hops(PREFIX) and ipv4_hops(takes_ipv4, PREFIX)


def test_rfc8950_a_refresh_tells_the_same(cast):
    ear, old, mouth = able(cast), unable(cast), able(cast)
    mouth.send(six())
    mouth.announce(SECOND, HOP)
    heard(ear)
    heard(old, SECOND)
    for listener in (ear, old):
        listener.routes.clear()
        listener.send(message(bgp.ROUTE_REFRESH, b"\0\1\0\1"))
        heard(listener, SECOND)
    settled(mouth, ear, old)
    assert ear.next_hops(PREFIX) == [HOP6] and ipv4_hops(old, PREFIX)


def test_rfc8950_towards_the_outside_the_next_hop_is_ours_and_of_the_session(cast):
    mouth = able(cast)
    mouth.send(six(hop=ip("fd00:16::5")))
    four, six_able, six_unable = (able(cast, "outside"), able(cast, "outside", six=True), unable(cast, "outside", six=True))
    assert heard(four).next_hop == hub.RRD and heard(six_able).next_hop == hub.RRD6
    # Who is reached by IPv6 alone and cannot take such a next hop gets the IPv4 address beside it.
    assert heard(six_unable).next_hop == hub.RRD


def test_rfc8950_from_the_outside_it_goes_inside_as_it_is(cast):
    ear, old, mouth = able(cast), unable(cast), able(cast, "outside")
    mouth.send(update(ORIGIN + bgp.attribute(2, segment(SEQUENCE, OUTSIDE_AS)) + reach([PREFIX], ip(HOP6), IPV4), b""))
    assert heard(ear).next_hop == HOP6
    settled(mouth, old)
    assert ipv4_hops(old, PREFIX)


def test_rfc8950_ipv6_routes_are_not_touched_by_it(cast):
    ear, old, mouth = able(cast), unable(cast), able(cast)
    mouth.announce(SIX, HOP6)
    assert heard(ear, SIX).next_hop == heard(old, SIX).next_hop == HOP6
    mouth.send(update(ORIGIN + PATH + PREF + reach([SIX], ip(HOP)), b""))
    assert mouth.wait_for_end() == (3, 9)


def test_rfc4271_6_3_our_own_ipv6_address_is_no_next_hop_of_ipv4_routes(cast):
    ear, mouth = able(cast), able(cast, six=True)
    mouth.send(six(hop=ip(hub.RRD6)))
    settled(mouth, ear)
    assert not ear.paths(PREFIX)


def test_rfc8950_a_bad_attribute_beside_it_withdraws_the_route(cast):
    ear, mouth = able(cast), able(cast)
    mouth.send(six())
    heard(ear)
    mouth.send(six(attributes=PATH + PREF))
    lost(ear)
    mouth.send(six())
    heard(ear)
    mouth.send(six(hop=bytes(16)))
    lost(ear)
    settled(mouth, ear)


def test_rfc8950_two_next_hops_for_ipv4_routes_in_one_message_are_not_mixed_up(cast):
    """RFC 7606 5.1: no such message may be sent, and all have to read it: each route has its own next hop."""
    ear, mouth = able(cast), able(cast)
    mouth.send(update(GOOD + reach([SECOND], ip(HOP6), IPV4)))
    heard(ear, hops=[HOP])
    heard(ear, SECOND, hops=[HOP6])
    mouth.send(update(GOOD + reach([SECOND], ip(HOP2), IPV4)))
    heard(ear, SECOND, hops=[HOP2])
    mouth.send(update(GOOD + reach([SECOND], ip(HOP), IPV4)))
    heard(ear, SECOND, hops=[HOP])
    assert ear.next_hops(PREFIX) == [HOP]
