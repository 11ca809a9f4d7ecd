"""UPDATEs and what follows from them: RFC 4271 4.3, 5, 6.3, 9.1 and 9.2, a case per clause."""
import struct

import pytest

from lab import bgp, hub
from lab.bgp import IPV4, attribute
from lab.wait import wait_until
from rfc.routes import (BOTH, CONFED_SEQUENCE, FROM_OUTSIDE, GOOD, HOP, HOP2, NEXT_HOP, NLRI, ORIGIN, OUTSIDE_AS, PATH,
                        PREF, PREFIX, SECOND, SEQUENCE, SET, THIRD, base, flags, heard, ip, judge, lost, segment,
                        settled, silent, told, u32, update, updates, value)


# 4.3: the message.

def test_rfc4271_4_3_one_update_announces_many_prefixes_of_all_lengths(cast):
    ear, mouth = cast("all"), cast()
    prefixes = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.128.0.0/9", "192.0.2.0/24", "192.0.2.128/25",
                "192.0.2.7/32"]
    mouth.send(update(routes=bgp.nlri(prefixes)))
    wait_until(lambda: {p for p, _ in ear.routes} == set(prefixes), 5, f"all at the ear: {ear.routes.keys()}")


def test_rfc4271_4_3_bits_behind_the_prefix_are_irrelevant(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(routes=b"\x11\xc0\xa8\xff" + b"\x01\xff" + b"\x18\x0a\x01\x02"))
    heard(ear, "192.168.128.0/17")
    heard(ear, "128.0.0.0/1")
    mouth.send(update(b"", b"", b"\x11\xc0\xa8\x80"))
    lost(ear, "192.168.128.0/17")
    settled(mouth, ear)
    assert ear.paths("128.0.0.0/1") and ear.paths("10.1.2.0/24")


def test_rfc4271_4_3_an_update_may_withdraw_and_announce(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(update(routes=bgp.nlri([THIRD]), withdrawn=bgp.nlri([PREFIX])))
    heard(ear, THIRD)
    lost(ear)
    assert ear.paths(SECOND)


def test_rfc4271_4_3_a_prefix_in_both_fields_is_announced(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP2)
    heard(ear)
    mouth.send(update(withdrawn=NLRI))
    heard(ear, hops=[HOP])
    settled(mouth, ear)
    assert ear.paths(PREFIX)


def test_rfc4271_4_3_a_prefix_twice_in_nlri_is_one_route(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(routes=NLRI + bgp.nlri([SECOND]) + NLRI))
    heard(ear, SECOND)
    mouth.withdraw(PREFIX)
    lost(ear)
    settled(mouth, ear)
    assert not ear.paths(PREFIX)


def test_rfc4271_4_3_withdrawing_what_was_never_announced_is_harmless(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(b"", b"", NLRI + bgp.nlri([SECOND, "0.0.0.0/0"])))
    settled(mouth, ear)
    assert not [w for m in updates(ear) for w in bgp.decode_update(m.body, ear.add_path_in)[0] if w[1] == PREFIX]


def test_rfc4271_4_3_path_attributes_without_routes_change_nothing(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(update(routes=b""))
    settled(mouth, ear)
    assert ear.paths(PREFIX)


def test_rfc4271_4_3_withdrawn_routes_may_come_with_path_attributes(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(update(GOOD, b"", NLRI))
    lost(ear)
    assert ear.paths(SECOND)


def test_rfc4271_4_3_extended_length_may_stand_before_a_short_value(cast):
    ear, mouth = cast("all"), cast()
    long_form = b"".join(bytes([a[0] | 0x10, a[1], 0, a[2]]) + a[3:] for a in (ORIGIN, PATH, NEXT_HOP, PREF))
    mouth.send(update(long_form + b"\x90\x04\0\4" + u32(7)))
    assert heard(ear).attributes[bgp.MED] == u32(7)


def test_rfc4271_4_3_extended_length_is_not_sent_for_255_octets_or_less(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(GOOD + b"\xd0\x63\0\3abc" + attribute(8, u32(*range(1, 64))) + attribute(98, bytes(256), 0xC0)))
    heard(ear)
    assert {c for f, c, v in told(ear) if f & 0x10} == {98}


def test_rfc4271_4_3_the_unused_bits_of_the_flags_are_ignored_and_sent_as_zero(cast):
    """The lower four, in attributes that are passed on unknown as well."""
    ear, mouth = cast("all"), cast()
    octets = bytearray(b"")
    for a in (ORIGIN, PATH, NEXT_HOP, PREF, attribute(99, b"x", 0xC0), attribute(8, u32(65000))):
        octets += bytes([a[0] | 0x0F]) + a[1:]
    mouth.send(update(bytes(octets)))
    heard(ear)
    assert not [f for f, _, _ in told(ear) if f & 0x0F]


def test_rfc4271_4_3_attributes_may_come_in_any_order(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(attribute(32, u32(1, 2, 3), 0xC0) + PREF + attribute(4, u32(5)) + NEXT_HOP + PATH + ORIGIN))
    path = heard(ear)
    assert path.attributes[bgp.MED] == u32(5) and path.attributes[32] == u32(1, 2, 3)


def test_rfc4271_5_attributes_are_sent_in_ascending_order(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(attribute(99, b"u", 0xC0) + attribute(32, u32(1, 2, 3), 0xC0) + attribute(4, u32(5)) + GOOD
                      + attribute(16, bytes(8)) + attribute(11, b"e", 0xC0)))
    heard(ear)
    codes = [c for _, c, _ in told(ear)]
    assert codes == sorted(codes)


# 5: attributes on their way.

def test_rfc4271_5_an_unknown_optional_transitive_attribute_is_passed_on_as_partial(cast):
    for group, ear_group in (("client", "client"), ("outside", "client"), ("client", "outside"), ("outside", "elsewhere")):
        ear, mouth = cast(ear_group), cast(group)
        attributes = FROM_OUTSIDE if group == "outside" else GOOD
        mouth.send(update(attributes + attribute(99, b"hello", 0xC0) + attribute(254, b"", 0xC0)))
        heard(ear)
        assert (flags(ear, 99), value(ear, 99)) == (0xE0, b"hello"), (group, ear_group)
        assert (flags(ear, 254), value(ear, 254)) == (0xE0, b"")
        mouth.withdraw(PREFIX)
        lost(ear)


def test_rfc4271_5_a_partial_bit_that_is_set_stays_set(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(GOOD + attribute(99, b"x", 0xE0) + attribute(7, u32(65001) + ip("1.2.3.4"), 0xE0)
                      + attribute(8, u32(1), 0xE0) + attribute(16, bytes(8), 0xE0) + attribute(32, u32(1, 2, 3), 0xE0)))
    heard(ear)
    assert {c: f for f, c, _ in told(ear) if c in (7, 8, 16, 32, 99)} == {7: 0xE0, 8: 0xE0, 16: 0xE0, 32: 0xE0, 99: 0xE0}


def test_rfc4271_5_a_known_optional_transitive_attribute_is_passed_on_without_partial(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(GOOD + attribute(7, u32(65001) + ip("1.2.3.4"), 0xC0) + attribute(8, u32(1))))
    heard(ear)
    assert flags(ear, 7) == 0xC0 and flags(ear, 8) == 0xC0


@pytest.mark.parametrize("code", [11, 26, 99, 200, 255])
def test_rfc4271_5_an_unknown_optional_non_transitive_attribute_is_quietly_dropped(cast, code):
    ear, mouth = cast("all"), cast()
    mouth.send(update(GOOD + attribute(code, b"local", 0x80)))
    assert code not in heard(ear).attributes
    settled(mouth, ear)


def test_rfc4271_5_many_unknown_attributes_are_passed_on(cast):
    ear, mouth = cast("all"), cast()
    codes = list(range(41, 121))
    mouth.send(update(GOOD + b"".join(attribute(c, bytes([c]) * (c % 7), 0xC0) for c in reversed(codes))))
    heard(ear)
    assert sorted((c, v) for _, c, v in told(ear) if c in codes) == [(c, bytes([c]) * (c % 7)) for c in codes]


@pytest.mark.parametrize("origin", [0, 1, 2])
def test_rfc4271_5_1_1_origin_is_not_changed(cast, origin):
    inside, outside, mouth = cast(), cast("outside"), cast()
    mouth.send(update(base(origin=origin)))
    assert heard(inside).attributes[bgp.ORIGIN] == heard(outside).attributes[bgp.ORIGIN] == bytes([origin])


def test_rfc4271_5_1_2_as_path_is_not_changed_towards_the_inside(cast):
    ear, mouth, foreign = cast("all"), cast(), cast("outside")
    path = segment(SEQUENCE, 65001, 65002) + segment(SET, 65003, 4200000000)
    mouth.send(update(base(path=path)))
    foreign.send(update(base(True, segment(SEQUENCE, OUTSIDE_AS) + segment(SET, 1, 2)), bgp.nlri([SECOND])))
    assert heard(ear).attributes[bgp.AS_PATH] == path
    assert heard(ear, SECOND).attributes[bgp.AS_PATH] == segment(SEQUENCE, OUTSIDE_AS) + segment(SET, 1, 2)


@pytest.mark.parametrize("came,leaves", [
    (b"", segment(SEQUENCE, hub.AS)),
    (segment(SEQUENCE, 1, 2), segment(SEQUENCE, hub.AS, 1, 2)),
    (segment(SET, 1, 2), segment(SEQUENCE, hub.AS) + segment(SET, 1, 2)),
    (segment(SEQUENCE, *range(1, 255)), segment(SEQUENCE, hub.AS, *range(1, 255))),
    (segment(SEQUENCE, *range(1, 256)), segment(SEQUENCE, hub.AS) + segment(SEQUENCE, *range(1, 256))),
    (segment(SEQUENCE, 1) + segment(SET, 2, 3) + segment(SEQUENCE, 4),
     segment(SEQUENCE, hub.AS, 1) + segment(SET, 2, 3) + segment(SEQUENCE, 4)),
], ids=["empty", "sequence", "set", "254", "255", "mixed"])
def test_rfc4271_5_1_2_our_as_goes_in_front_towards_the_outside(cast, came, leaves):
    ear, mouth = cast("outside"), cast()
    mouth.send(update(base(path=came)))
    assert heard(ear).attributes[bgp.AS_PATH] == leaves


def test_rfc4271_5_1_3_next_hop_is_not_changed_towards_the_inside(cast):
    ear, mouth, foreign = cast("all"), cast(), cast("outside")
    mouth.announce(PREFIX, "172.16.5.5")
    foreign.announce(SECOND, HOP2, path=(OUTSIDE_AS,), local_pref=None)
    assert heard(ear).next_hop == "172.16.5.5" and heard(ear, SECOND).next_hop == HOP2


def test_rfc4271_5_1_3_next_hop_towards_the_outside_is_our_own(cast):
    ear, mouth = cast("outside"), cast()
    mouth.announce(PREFIX, "172.16.5.5")
    assert heard(ear).next_hop == hub.RRD


@pytest.mark.parametrize("path", [(OUTSIDE_AS,), ()], ids=["path", "empty"])
def test_rfc4271_5_1_4_med_stays_inside_the_as_that_it_was_sent_to(cast, path):
    """Whatever the path says, where it came from is known."""
    inside, outside = cast("all"), cast("elsewhere")
    mouth = cast("outside")
    mouth.announce(PREFIX, HOP, path=path, med=55, local_pref=None)
    assert heard(inside).attributes[bgp.MED] == u32(55)
    assert bgp.MED not in heard(outside).attributes


@pytest.mark.parametrize("med", [0, 1, 4294967295])
def test_rfc4271_5_1_4_med_is_not_changed_inside(cast, med):
    ear, mouth = cast(), cast()
    mouth.announce(PREFIX, HOP, med=med)
    assert heard(ear).attributes[bgp.MED] == u32(med)


@pytest.mark.parametrize("pref", [0, 99, 4294967295])
def test_rfc4271_5_1_5_local_pref_is_not_changed_inside_and_not_sent_outside(cast, pref):
    inside, outside, mouth = cast(), cast("outside"), cast()
    mouth.announce(PREFIX, HOP, local_pref=pref)
    assert heard(inside).attributes[bgp.LOCAL_PREF] == u32(pref)
    assert bgp.LOCAL_PREF not in heard(outside).attributes


def test_rfc4271_5_1_5_local_pref_from_outside_is_ignored(cast):
    ear, mouth = cast("all"), cast("outside")
    mouth.announce(PREFIX, HOP, path=(OUTSIDE_AS,), local_pref=7)
    assert heard(ear).local_pref == 100


def test_rfc4271_5_1_6_and_7_aggregates_are_passed_on_as_they_are(cast):
    inside, outside, mouth = cast(), cast("outside"), cast()
    aggregator = u32(65001) + ip("1.2.3.4")
    mouth.send(update(GOOD + attribute(6, b"", 0x40) + attribute(7, aggregator, 0xC0)))
    for ear in (inside, outside):
        heard(ear)
        assert (flags(ear, 6), value(ear, 6)) == (0x40, b"") and (flags(ear, 7), value(ear, 7)) == (0xC0, aggregator)


# 6.3: what is wrong with a message. What is wrong with an attribute is RFC 7606's.

@pytest.mark.parametrize("body", [
    struct.pack("!H", 3) + bytes(2),
    struct.pack("!HH", 0, 1),
    struct.pack("!HH", 65535, 0),
    struct.pack("!HH", 0, 65535),
    struct.pack("!H", 1) + b"\0" + struct.pack("!H", 1),
], ids=["withdrawn-3-of-2", "attributes-1-of-0", "withdrawn-65535", "attributes-65535", "both"])
def test_rfc4271_6_3_lengths_that_exceed_the_message_are_a_malformed_attribute_list(cast, body):
    result = judge(cast, bgp.message(bgp.UPDATE, body), first=False)
    assert result == "reset" and result.error == (3, 1)


@pytest.mark.parametrize("octets", [
    update(routes=b"\x21\x0a\1\1\1\1"), update(routes=b"\xff\x0a"), update(routes=b"\x20\x0a\1\1"),
    update(routes=NLRI + b"\x19\x0a\1\1"), update(b"", b"", b"\x21\x0a\1\1\1\1"), update(b"", b"", b"\x18\x0a\1"),
    update(b"", b"", NLRI + b"\x01"),
], ids=["33-bits", "255-bits", "cut", "second-cut", "withdrawn-33-bits", "withdrawn-cut", "withdrawn-second-cut"])
def test_rfc4271_6_3_a_prefix_that_cannot_be_is_an_invalid_network_field(cast, octets):
    """In Withdrawn Routes RFC 4271 names no subcode: the list as a whole may be called malformed, too (RFC 7606 5.3)."""
    result = judge(cast, octets, first=False)
    withdrawn = struct.unpack_from("!H", octets, 19)[0]
    assert result == "reset" and (result.error == (3, 10) or withdrawn and result.error == (3, 1))


def test_rfc4271_6_3_an_unknown_well_known_attribute_ends_the_session_and_is_shown(cast):
    result = judge(cast, update(GOOD + attribute(99, b"\1\2", 0x40)), first=False)
    assert result == "reset" and result.error == (3, 2) and result.data == b"\x40\x63\2\1\2"


@pytest.mark.parametrize("prefix", ["224.0.0.0/4", "224.1.2.0/24", "240.0.0.0/4", "127.0.0.0/8", "127.1.1.1/32", "0.0.0.0/8"])
def test_rfc4271_6_3_a_prefix_that_means_nothing_is_ignored_and_the_others_are_taken(cast, prefix):
    """Semantically incorrect, as 6.3 says of an unexpected multicast address. By RFC 6890 all of these are no destinations."""
    ear, mouth = cast("all"), cast()
    mouth.send(update(routes=bgp.nlri([prefix, PREFIX])))
    heard(ear)
    settled(mouth, ear)
    assert not ear.paths(prefix)


def test_rfc4271_6_3_a_next_hop_that_is_the_receivers_address_makes_no_route(cast):
    """It must not be the address of the receiving speaker; the route is ignored."""
    ear, mouth = cast("all"), cast()
    mouth.send(update(base(hop=hub.RRD)))
    silent(mouth, ear)
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(update(base(hop=hub.RRD)))
    lost(ear)
    settled(mouth, ear)


@pytest.mark.parametrize("hop", ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
                                 "255.255.255.255"])
def test_rfc4271_6_3_a_next_hop_that_is_no_hosts_address_makes_no_route(cast, hop):
    """It must be a valid address of a host; with RFC 7606 7.3 the route is withdrawn and the session stays."""
    assert judge(cast, update(base(hop=hop))) == "withdrawn"


@pytest.mark.parametrize("hop,taken", [(None, True), (HOP, True), ("172.16.5.5", True), ("203.0.113.5", False)],
                         ids=["itself", "on_the_link", "on_another_link", "nowhere"])
def test_rfc4271_6_3_a_next_hop_from_outside_is_on_a_network_that_is_shared(cast, hop, taken):
    """Of a neighbor one hop away it is the sender's own address, or its interface shares a subnet with the receiver; else the route is
    ignored."""
    ear, mouth = cast("all"), cast("outside")
    mouth.announce(PREFIX, hop or mouth.local, path=(OUTSIDE_AS,), local_pref=None)
    settled(mouth, ear)
    assert bool(ear.paths(PREFIX)) == taken


def test_rfc4271_6_3_a_confederation_segment_from_outside_is_a_malformed_path(cast):
    octets = update(base(True, segment(CONFED_SEQUENCE, 65001) + segment(SEQUENCE, OUTSIDE_AS)))
    assert judge(cast, octets, "outside") == "withdrawn"


# 9: routes.

def test_rfc4271_9_a_new_announcement_replaces_the_one_before(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP, med=1)
    heard(ear)
    mouth.announce(PREFIX, HOP2, med=2)
    assert heard(ear, hops=[HOP2]).attributes[bgp.MED] == u32(2)


def test_rfc4271_9_an_attribute_that_is_left_out_is_gone(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP, med=1, more=attribute(8, u32(5)) + attribute(99, b"x", 0xC0))
    heard(ear)
    mouth.announce(PREFIX, HOP)
    wait_until(lambda: not {bgp.MED, 8, 99} & set(ear.paths(PREFIX)[0].attributes), 5, "the short version")


def test_rfc4271_9_one_peers_withdrawal_leaves_anothers_route(cast):
    ear, one, two = cast(), cast(), cast()
    one.announce(PREFIX, HOP, local_pref=200)
    two.announce(PREFIX, HOP2)
    heard(ear, hops=[HOP])
    one.withdraw(PREFIX)
    heard(ear, hops=[HOP2])
    two.withdraw(PREFIX)
    lost(ear)


def test_rfc4271_9_a_peers_end_withdraws_its_routes_alone(cast, world):
    ear, one, two = cast(), cast(), cast()
    one.announce([PREFIX, SECOND], HOP, local_pref=200)
    two.announce(PREFIX, HOP2)
    heard(ear, SECOND)
    one.send(bgp.notification(6, 2))
    heard(ear, hops=[HOP2])
    lost(ear, SECOND)


def test_rfc4271_9_1_4_overlapping_prefixes_are_routes_of_their_own(cast):
    ear, mouth = cast("all"), cast()
    family = ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/32", "0.0.0.0/0"]
    for number, prefix in enumerate(family):
        mouth.announce(prefix, HOP, med=number)
    for number, prefix in enumerate(family):
        assert heard(ear, prefix).attributes[bgp.MED] == u32(number)
    mouth.withdraw("10.0.0.0/16")
    lost(ear, "10.0.0.0/16")
    assert len(ear.routes) == 4


@pytest.mark.parametrize("group,path", [
    ("client", segment(SEQUENCE, hub.AS)), ("client", segment(SEQUENCE, 1, 2) + segment(SET, 3, hub.AS)),
    ("outside", segment(SEQUENCE, OUTSIDE_AS, hub.AS)), ("outside", segment(SEQUENCE, OUTSIDE_AS, 1, hub.AS, 2)),
    ("plain", segment(SEQUENCE, 7, 8, 9, hub.AS)),
], ids=["inside", "set", "outside", "middle", "non-client"])
def test_rfc4271_9_1_2_a_path_with_our_as_is_a_loop_and_no_route(cast, group, path):
    assert judge(cast, update(base(group == "outside", path)), group) == "withdrawn"


def test_rfc4271_9_2_what_is_learned_inside_does_not_go_inside_but_outside(cast):
    inside, outside, mouth = cast("plain"), cast("outside"), cast("plain")
    mouth.announce(PREFIX, HOP)
    heard(outside)
    settled(mouth, outside)
    assert not inside.paths(PREFIX)


def test_rfc4271_9_2_nobody_takes_his_own_route_for_anothers(cast):
    """Who is told of it all the same sees his identifier as ORIGINATOR_ID (RFC 4456 8), or outside his AS in the path."""
    for group in ("client", "plain", "outside", "all"):
        mouth, ear = cast(group), cast("all")
        path = (OUTSIDE_AS,) if group == "outside" else ()
        mouth.announce(PREFIX, HOP, path=path, local_pref=None if path else 100)
        heard(ear)
        settled(mouth, ear)
        for path in mouth.paths(PREFIX):
            assert mouth.asn in path.as_path if group == "outside" else path.originator_id == mouth.router_id, group
        mouth.withdraw(PREFIX)
        lost(ear)


def test_rfc4271_9_2_who_comes_later_is_told_the_whole_table(cast):
    mouth = cast(families=BOTH)
    mouth.announce([f"10.7.{i}.0/24" for i in range(50)], HOP)
    mouth.announce([f"2001:db8:{i:x}::/48" for i in range(50)], "fd00:9::77")
    settled(mouth, cast("all"))
    late = cast(families=BOTH)
    wait_until(lambda: len(late.routes) == 100, 5, "the whole table")


def test_rfc4271_9_2_an_update_for_one_family_says_nothing_of_another(cast):
    four, mouth = cast(families=(IPV4,)), cast(families=BOTH)
    mouth.announce("2001:db8:7::/48", "fd00:9::77")
    settled(mouth, four)
    assert not [p for p, _ in four.routes if ":" in p]
