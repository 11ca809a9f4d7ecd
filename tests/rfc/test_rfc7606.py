"""Revised error handling, RFC 7606 3, 4, 5.2 and 7.1 to 7.15, with RFC 7607 and RFC 8092 6: IPv4 routes and their attributes."""
import struct

import pytest

from lab import bgp
from lab.bgp import attribute
from rfc.routes import (FROM_OUTSIDE, GOOD, HOP, NEXT_HOP, NLRI, ORIGIN, OUTSIDE_AS, PATH, PREF, PREFIX, SECOND,
                        SEQUENCE, SET, flags, heard, ip, judge, lost, segment, settled, silent, u32, update)


def with_origin(octets):
    return octets + PATH + NEXT_HOP + PREF


def with_path(value, flags=None):
    return ORIGIN + attribute(2, value, flags) + NEXT_HOP + PREF


def with_hop(value, flags=None):
    return ORIGIN + PATH + attribute(3, value, flags) + PREF


LENGTHS = {bgp.MED: (0, 3, 5, 8), bgp.LOCAL_PREF: (0, 3, 5, 8), 8: (0, 1, 3, 5, 7), 9: (0, 3, 5, 8), 10: (0, 1, 3, 6),
           16: (0, 1, 7, 9, 12), 32: (0, 1, 11, 13, 16)}
FLAGS = {4: 0x80, 5: 0x40, 8: 0xC0, 9: 0x80, 10: 0x80, 16: 0xC0, 32: 0xC0}
NAMES = {4: "med", 5: "local_pref", 8: "communities", 9: "originator_id", 10: "cluster_list", 16: "extended_communities", 32: "large_communities"}
SECTIONS = {4: "7_4", 5: "7_5", 8: "7_8", 9: "7_9", 10: "7_10", 16: "7_14", 32: "rfc8092_6"}

WITHDRAWN = {
    # 3 c: flags that are not the attribute's.
    "3_c_origin_optional": with_origin(attribute(1, b"\0", 0xC0)),
    "3_c_origin_non_transitive": with_origin(attribute(1, b"\0", 0x00)),
    "3_c_as_path_optional": with_path(b"", 0xC0),
    "3_c_as_path_non_transitive": with_path(b"", 0x00),
    "3_c_next_hop_optional": with_hop(ip(HOP), 0xC0),
    "3_c_next_hop_optional_non_transitive": with_hop(ip(HOP), 0x80),
    "3_c_med_transitive": GOOD + attribute(4, u32(1), 0xC0),
    "3_c_med_well_known": GOOD + attribute(4, u32(1), 0x40),
    "3_c_local_pref_optional": ORIGIN + PATH + NEXT_HOP + attribute(5, u32(1), 0xC0),
    "3_c_atomic_aggregate_optional": GOOD + attribute(6, b"", 0xC0),
    "3_c_aggregator_non_transitive": GOOD + attribute(7, u32(65001) + ip("1.2.3.4"), 0x80),
    "3_c_communities_non_transitive": GOOD + attribute(8, u32(1), 0x80),
    "3_c_communities_well_known": GOOD + attribute(8, u32(1), 0x40),
    "3_c_originator_id_transitive": GOOD + attribute(9, u32(1), 0xC0),
    "3_c_cluster_list_transitive": GOOD + attribute(10, u32(1), 0xC0),
    "3_c_extended_communities_non_transitive": GOOD + attribute(16, bytes(8), 0x80),
    "3_c_large_communities_non_transitive": GOOD + attribute(32, u32(1, 2, 3), 0x80),
    # 3 d: what must be there.
    "3_d_no_origin": PATH + NEXT_HOP + PREF,
    "3_d_no_as_path": ORIGIN + NEXT_HOP + PREF,
    "3_d_no_next_hop": ORIGIN + PATH + PREF,
    "3_d_nothing_at_all": b"",
    "3_d_only_an_unknown_attribute": attribute(128, b"", 0xC0),
    # 3 h: the strongest of several.
    "3_h_discard_and_withdraw": GOOD + attribute(7, b"\0", 0xC0) + attribute(8, b"\0"),
    "3_h_withdraw_and_discard": GOOD + attribute(8, b"\0") + attribute(6, b"\0", 0x40),
    # 4: lengths in conflict.
    "4_attribute_runs_past_the_end": GOOD + b"\x40\6\5",
    "4_extended_attribute_runs_past_the_end": GOOD + b"\xd0\x63\x01\x00" + bytes(20),
    "4_one_octet_left": GOOD + b"\x40",
    "4_two_octets_left": GOOD + b"\x40\6",
    "4_three_octets_left_of_an_extended_one": GOOD + b"\xd0\x63\0",
    "4_the_first_attribute_runs_past_the_end": b"\x40\1\xff\0",
    # 7.1
    "7_1_origin_3": with_origin(attribute(1, b"\3")),
    "7_1_origin_255": with_origin(attribute(1, b"\xff")),
    "7_1_origin_empty": with_origin(attribute(1, b"")),
    "7_1_origin_of_2_octets": with_origin(attribute(1, b"\0\0")),
    # 7.2
    "7_2_segment_type_0": with_path(segment(0, 1)),
    "7_2_segment_type_5": with_path(segment(5, 1)),
    "7_2_segment_type_255": with_path(segment(255, 1)),
    "7_2_segment_overrun": with_path(b"\2\2" + u32(1)),
    "7_2_second_segment_overrun": with_path(segment(SEQUENCE, 1) + b"\2\xff" + u32(1)),
    "7_2_segment_underrun": with_path(segment(SEQUENCE, 1) + b"\2"),
    "7_2_one_octet": with_path(b"\2"),
    "7_2_segment_without_as": with_path(b"\2\0"),
    "7_2_second_segment_without_as": with_path(segment(SEQUENCE, 1) + b"\1\0"),
    "7_2_as_numbers_of_2_octets": with_path(segment(SEQUENCE, 1, 2, 3, octets=2)),
    # RFC 7607 2
    "rfc7607_2_as_0": with_path(segment(SEQUENCE, 0)),
    "rfc7607_2_as_0_in_the_middle": with_path(segment(SEQUENCE, 65001, 0, 65002)),
    "rfc7607_2_as_0_in_a_set": with_path(segment(SEQUENCE, 65001) + segment(SET, 1, 0)),
    # 7.3
    "7_3_next_hop_empty": with_hop(b""),
    "7_3_next_hop_of_3_octets": with_hop(ip(HOP)[:3]),
    "7_3_next_hop_of_5_octets": with_hop(ip(HOP) + b"\0"),
    "7_3_next_hop_of_8_octets": with_hop(ip(HOP) * 2),
    "7_3_next_hop_of_16_octets": with_hop(bytes(15) + b"\1"),
}
for _code, _lengths in LENGTHS.items():
    _head = ORIGIN + PATH + NEXT_HOP if _code == 5 else GOOD
    for _n in _lengths:
        WITHDRAWN[f"{SECTIONS[_code]}_{NAMES[_code]}_of_{_n}_octets"] = _head + attribute(_code, b"\1" * _n, FLAGS[_code])


@pytest.mark.parametrize("attributes", WITHDRAWN.values(), ids=WITHDRAWN.keys())
def test_rfc7606_treat_as_withdraw(cast, attributes):
    """The route goes and the session stays, from inside the AS as from outside."""
    assert judge(cast, update(attributes)) == "withdrawn"


@pytest.mark.parametrize("octets", [0, 1, 8, 19, 21])
def test_rfc7606_7_15_ipv6_extended_communities_of_a_wrong_length(cast, octets):
    """Treated as withdrawn by who knows the attribute; who does not passes it on as partial."""
    ear = cast("all")
    result = judge(cast, update(GOOD + attribute(25, b"\1" * octets, 0xC0)))
    assert result == "withdrawn" or result == "announced" and flags(ear, 25) == 0xE0


DISCARDED = {
    "7_6_atomic_aggregate_of_1_octet": (6, attribute(6, b"\0", 0x40)),
    "7_6_atomic_aggregate_of_4_octets": (6, attribute(6, bytes(4), 0x40)),
    "7_7_aggregator_empty": (7, attribute(7, b"", 0xC0)),
    "7_7_aggregator_of_6_octets": (7, attribute(7, bytes([0, 1]) + ip("1.2.3.4"), 0xC0)),
    "7_7_aggregator_of_7_octets": (7, attribute(7, bytes(7), 0xC0)),
    "7_7_aggregator_of_9_octets": (7, attribute(7, bytes(9), 0xC0)),
    "rfc7607_2_aggregator_of_as_0": (7, attribute(7, u32(0) + ip("1.2.3.4"), 0xC0)),
}


@pytest.mark.parametrize("code,octets", DISCARDED.values(), ids=DISCARDED.keys())
def test_rfc7606_attribute_discard(cast, code, octets):
    result = judge(cast, update(GOOD + octets + attribute(99, b"stays", 0xC0)))
    assert result == "announced" and result.path.next_hop == HOP
    assert code not in result.path.attributes and result.path.attributes[99] == b"stays"


FROM_ELSEWHERE = {
    "7_5_local_pref_of_3_octets": attribute(5, b"\1\1\1"),
    "7_9_originator_id_of_3_octets": attribute(9, b"\1\2\3"),
    "7_9_originator_id": attribute(9, ip("10.9.0.1")),
    "7_10_cluster_list_of_3_octets": attribute(10, b"\1\2\3"),
    "7_10_cluster_list_empty": attribute(10, b""),
    "7_10_our_cluster": attribute(10, ip("10.9.0.1")),
}


@pytest.mark.parametrize("octets", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE.keys())
def test_rfc7606_7_what_is_for_the_inside_is_discarded_when_it_comes_from_outside(cast, octets):
    """7.5, 7.9 and 7.10: whatever is in it, the attribute alone goes."""
    result = judge(cast, update(FROM_OUTSIDE + octets), "outside")
    assert result == "announced" and result.path.next_hop == HOP
    assert result.path.local_pref == 100
    assert not {bgp.ORIGINATOR_ID, bgp.CLUSTER_LIST} & set(result.path.attributes)


@pytest.mark.parametrize("attributes", [
    FROM_OUTSIDE.replace(ORIGIN, attribute(1, b"\3")), FROM_OUTSIDE + attribute(8, b"\1"),
    ORIGIN + NEXT_HOP, FROM_OUTSIDE + attribute(4, b"\1"), ORIGIN + attribute(2, segment(9, OUTSIDE_AS)) + NEXT_HOP,
    FROM_OUTSIDE + b"\x40\6\5",
], ids=["origin", "communities", "no_as_path", "med", "segment_type", "overrun"])
def test_rfc7606_errors_from_outside_are_treated_as_withdraw_too(cast, attributes):
    """As from inside."""
    assert judge(cast, update(attributes), "outside") == "withdrawn"


# 3 g: repeated.

REPEATED = {
    "origin": (1, attribute(1, b"\1"), b"\0"), "as_path": (2, attribute(2, segment(SEQUENCE, 7)), b""),
    "next_hop": (3, attribute(3, ip("10.9.0.99")), ip(HOP)), "local_pref": (5, attribute(5, u32(9)), u32(100)),
    "malformed_origin": (1, attribute(1, b"\7"), b"\0"),
}


@pytest.mark.parametrize("code,again,first", REPEATED.values(), ids=REPEATED.keys())
def test_rfc7606_3_g_of_a_repeated_attribute_all_but_the_first_are_discarded(cast, code, again, first):
    result = judge(cast, update(GOOD + again))
    assert result == "announced" and result.path.attributes[code] == first


@pytest.mark.parametrize("code,flags,one,two", [
    (4, 0x80, u32(1), u32(2)), (8, 0xC0, u32(1), u32(2)), (16, 0xC0, bytes(8), b"\1" * 8), (32, 0xC0, u32(1, 2, 3), u32(4, 5, 6)),
    (99, 0xC0, b"one", b"two"), (99, 0xC0, b"", b"two"), (7, 0xC0, u32(1, 2), u32(3, 4)),
], ids=["med", "communities", "extended", "large", "unknown", "unknown_empty", "aggregator"])
def test_rfc7606_3_g_the_first_of_two_optional_ones_counts(cast, code, flags, one, two):
    result = judge(cast, update(GOOD + attribute(code, one, flags) + attribute(code, two, flags) + attribute(code, two, flags)))
    assert result == "announced" and result.path.attributes[code] == one


def test_rfc7606_3_g_a_malformed_first_one_is_not_mended_by_the_second(cast):
    assert judge(cast, update(GOOD + attribute(8, b"\1") + attribute(8, u32(1)))) == "withdrawn"


# 4 and 5: each attribute, known and unknown.

EACH = [*range(1, 11), *range(14, 19), *range(22, 27), 29, 32, 33, 35, 40, 99, 128, 129, 254, 255, 0]
WELL_KNOWN = (1, 2, 3, 5, 6)


@pytest.mark.parametrize("code", [c for c in EACH if c not in (14, 15)])
def test_rfc7606_4_each_attribute_that_runs_past_the_end(cast, code):
    """It need not be one that is known; what is before it is enough to know the routes."""
    others = b"".join(a for a in (ORIGIN, PATH, NEXT_HOP, PREF) if a[1] != code)
    flags = 0x40 if code in WELL_KNOWN else 0x80 if code in (4, 9, 10) else 0xC0
    assert judge(cast, update(others + bytes([flags, code, 200]) + b"\1\2\3")) == "withdrawn"


UNKNOWN = [c for c in EACH if c > 40]


@pytest.mark.parametrize("flags", [0x40, 0x00, 0x60, 0x50], ids=["transitive", "none", "partial", "extended"])
@pytest.mark.parametrize("code", UNKNOWN[:1] + UNKNOWN[-2:])
def test_rfc4271_6_3_an_unknown_attribute_that_is_not_optional_resets_the_session(cast, code, flags):
    """Unrecognized Well-known Attribute; the data is the attribute."""
    octets = struct.pack("!BBH" if flags & 0x10 else "!BBB", flags, code, 2) + b"\1\2"
    result = judge(cast, update(GOOD + octets), first=False)
    assert result == "reset" and result.error == (3, 2) and result.data == octets


@pytest.mark.parametrize("flags,passed", [(0xC0, True), (0xE0, True), (0xD0, True), (0xF0, True), (0x80, False), (0xA0, False), (0x90, False)],
                         ids=lambda v: f"{v:02x}" if isinstance(v, int) and not isinstance(v, bool) else "")
@pytest.mark.parametrize("code", UNKNOWN)
def test_rfc4271_5_an_unknown_optional_attribute_is_passed_on_where_it_is_transitive(cast, code, flags, passed):
    octets = struct.pack("!BBH" if flags & 0x10 else "!BBB", flags, code, 3) + b"\1\2\3"
    result = judge(cast, update(GOOD + octets))
    assert result == "announced" and result.path.attributes.get(code) == (b"\1\2\3" if passed else None)


# What is none of it.

FINE = {
    "3_c_partial_on_well_known": attribute(1, b"\0", 0x60) + PATH + NEXT_HOP + PREF,
    "3_c_partial_on_med": GOOD + attribute(4, u32(1), 0xA0),
    "4_empty_as_path": GOOD,
    "4_empty_atomic_aggregate": GOOD + attribute(6, b"", 0x40),
    "5_empty_unknown_attribute": GOOD + attribute(255, b"", 0xC0),
    "7_13_traffic_engineering_is_opaque": GOOD + attribute(24, b"\1\2\3", 0x80),
    "7_16_attr_set_is_opaque": GOOD + attribute(128, b"\1", 0xC0),
    "tunnel_encapsulation_is_opaque": GOOD + attribute(23, b"\0\1\0", 0xC0),
    "prefix_sid_is_opaque": GOOD + attribute(40, b"\1\0\1\0", 0xC0),
    "aigp_is_opaque": GOOD + attribute(26, b"\1\0\1", 0x80),
    "path_of_255_and_more": ORIGIN + attribute(2, segment(SEQUENCE, *range(1, 256)) + segment(SEQUENCE, *range(1, 200)))
    + NEXT_HOP + PREF,
}


@pytest.mark.parametrize("attributes", FINE.values(), ids=FINE.keys())
def test_rfc7606_what_is_no_error(cast, attributes):
    """3 c looks at the bits Optional and Transitive alone; an attribute that is not understood is passed on or dropped."""
    assert judge(cast, update(attributes)) == "announced"


# 5.2: attributes, an error, and nothing announced.

@pytest.mark.parametrize("attributes,errors", [
    (attribute(1, b"\7"), [(3, 6)]),
    (GOOD + attribute(8, b"\1"), [(3, 5), (3, 9)]),
    (attribute(4, u32(1), 0xC0), [(3, 4)]),
    (ORIGIN + attribute(2, b"\2"), [(3, 11)]),
    (GOOD + b"\x40\6\5", [(3, 1), (3, 5)]),
], ids=["origin", "communities", "flags", "as_path", "overrun"])
@pytest.mark.parametrize("withdrawn", [b"", NLRI], ids=["empty", "withdrawing"])
def test_rfc7606_5_2_an_error_in_a_message_without_nlri_resets_the_session(cast, withdrawn, attributes, errors):
    """With the subcode that RFC 4271 6.3 has for it; where two fit either is right."""
    result = judge(cast, update(attributes, b"", withdrawn), first=False)
    assert result == "reset" and result.error in errors


@pytest.mark.parametrize("octets,errors", [
    (attribute(1, b"\7"), [(3, 6)]), (attribute(1, b"\0\0"), [(3, 5)]), (attribute(4, u32(1), 0xC0), [(3, 4)]), (attribute(4, b"\1\2\3"), [(3, 5)]),
    (attribute(8, u32(1), 0x40), [(3, 4)]), (attribute(8, b"\1\2\3\4\5"), [(3, 5), (3, 9)]), (attribute(9, b"\1"), [(3, 5), (3, 9)]),
    (attribute(3, b"\1\2"), [(3, 5)]), (attribute(5, b""), [(3, 5)]),
], ids=["origin_value", "origin_length", "med_flags", "med_length", "communities_flags", "communities_length", "originator_length", "next_hop_length",
        "local_pref_length"])
def test_rfc4271_6_3_the_data_is_the_erroneous_attribute(cast, octets, errors):
    """Type, length and value, where RFC 7606 5.2 still has the session reset."""
    result = judge(cast, update(octets, b""), first=False)
    assert result == "reset" and result.error in errors and result.data == octets


def test_rfc7606_5_2_a_discarded_attribute_in_a_message_without_nlri_resets_nothing(cast):
    octets = update(GOOD + attribute(7, b"\1", 0xC0) + attribute(6, b"\1", 0x40), b"", NLRI)
    assert judge(cast, octets) == "withdrawn"


# 2 and 6: what is withdrawn, and what stays.

def test_rfc7606_2_treat_as_withdraw_covers_all_routes_of_the_message_and_no_others(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce([PREFIX, SECOND, "10.1.0.0/16", "10.2.0.0/16"], HOP)
    heard(ear, "10.2.0.0/16")
    mouth.send(update(with_origin(b""), NLRI + bgp.nlri([SECOND]), bgp.nlri(["10.1.0.0/16"])))
    for prefix in (PREFIX, SECOND, "10.1.0.0/16"):
        lost(ear, prefix)
    settled(mouth, ear)
    assert ear.paths("10.2.0.0/16")


def test_rfc7606_2_a_route_never_announced_before_stays_unknown(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(with_origin(attribute(1, b"\3"))))
    silent(mouth, ear)


def test_rfc7606_2_another_peers_route_takes_the_place(cast):
    ear, mouth, other = cast(), cast(), cast()
    mouth.announce(PREFIX, HOP, local_pref=200)
    other.announce(PREFIX, "10.9.0.88")
    heard(ear, hops=[HOP])
    mouth.send(update(with_origin(attribute(1, b"\3"))))
    heard(ear, hops=["10.9.0.88"])


def test_rfc7606_2_it_can_be_announced_again(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(update(with_hop(b"\1")))
    lost(ear)
    mouth.announce(PREFIX, HOP)
    heard(ear)


def test_rfc7606_5_3_a_bad_prefix_is_found_before_a_bad_attribute(cast):
    result = judge(cast, update(PATH + NEXT_HOP, NLRI + b"\x21\1\2\3\4\5"), first=False)
    assert result == "reset" and result.error == (3, 10)


def test_rfc7606_5_3_the_reset_withdraws_what_the_peer_had_announced(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(update(routes=b"\x40" + bytes(8)))
    assert mouth.wait_for_end() == (3, 10)
    lost(ear)


def test_rfc7606_3_j_nothing_of_one_bad_message_reaches_others_as_an_error(cast):
    ear, mouth, other = cast("all"), cast(), cast()
    for attributes in WITHDRAWN.values():
        mouth.send(update(attributes))
    settled(mouth, ear, other)
    assert not ear.closed and not other.closed and not mouth.closed


def test_rfc7606_4_the_total_length_tells_where_the_nlri_begin(cast):
    """The attribute that runs past the end claims exactly the octets of the NLRI field."""
    octets = struct.pack("!BBB", 0xC0, 99, len(NLRI))
    assert judge(cast, update(GOOD + octets, NLRI)) == "withdrawn"
