"""MP_REACH_NLRI and MP_UNREACH_NLRI: RFC 4760, RFC 7606 3, 5 and 7.11, RFC 2545, RFC 4724 2."""
import struct

import pytest

from lab import bgp
from lab.bgp import IPV4, IPV6, attribute
from lab.wait import wait_until
from rfc.routes import (BOTH, GOOD, HOP, HOP6, NEXT_HOP, NLRI, ORIGIN, OUTSIDE_AS, PATH, PREF, PREFIX, SEQUENCE, SIX, SIX2, flags,
                        heard, ip, judge, last_update, lost, reach, segment, settled, tlvs, told, u32, unreach, update, updates,
                        value)

SIX_NLRI = bgp.nlri([SIX])
LINK_LOCAL = ip("fe80::77")
VPN4, MULTICAST4, FLOWSPEC4 = (1, 128), (1, 2), (1, 133)


def six(attributes=ORIGIN + PATH + PREF, **more):
    return update(attributes + reach(**more), b"")


# RFC 4760

def test_rfc4760_3_routes_come_and_go_by_the_mp_attributes(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(update(ORIGIN + PATH + PREF + reach([SIX, SIX2, "::/0", "2001:db8::1/128", "2000::/3"]), b""))
    for prefix in (SIX, SIX2, "::/0", "2001:db8::1/128", "2000::/3"):
        assert heard(ear, prefix).next_hop == HOP6
    mouth.send(update(unreach([SIX, "::/0"]), b""))
    lost(ear, SIX)
    lost(ear, "::/0")
    assert ear.paths(SIX2)


def test_rfc4760_3_mp_reach_may_stand_anywhere(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(update(reach([SIX]) + ORIGIN + PATH + PREF, b""))
    mouth.send(update(ORIGIN + reach([SIX2]) + PATH + PREF, b""))
    heard(ear, SIX)
    heard(ear, SIX2)


def test_rfc4760_3_next_hop_beside_mp_reach_alone_is_ignored(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(GOOD))
    assert heard(ear, SIX).next_hop == HOP6 and bgp.NEXT_HOP not in heard(ear, SIX).attributes


def test_rfc4760_3_an_ipv4_route_may_come_in_mp_reach(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(prefixes=[PREFIX], hop=ip(HOP), family=IPV4))
    assert heard(ear).next_hop == HOP
    mouth.send(update(unreach([PREFIX], IPV4), b""))
    lost(ear)


def test_rfc4760_3_both_families_may_share_a_message(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(update(GOOD + reach([SIX])))
    assert heard(ear).next_hop == HOP and heard(ear, SIX).next_hop == HOP6
    mouth.send(update(GOOD + unreach([SIX]), bgp.nlri(["10.1.0.0/16"]), NLRI))
    heard(ear, "10.1.0.0/16")
    lost(ear)
    lost(ear, SIX)


def test_rfc4760_3_a_message_may_announce_one_family_and_withdraw_another(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(update(ORIGIN + PATH + PREF + reach([SIX]) + unreach([PREFIX], IPV4), b""))
    heard(ear, SIX)
    lost(ear)


@pytest.mark.parametrize("reserved", [1, 4, 255])
def test_rfc4760_3_the_reserved_octet_is_ignored(cast, reserved):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(reserved=reserved))
    assert heard(ear, SIX).next_hop == HOP6
    body = value(ear, bgp.MP_REACH, SIX)
    assert body[4 + body[3]] == 0


@pytest.mark.parametrize("family", [VPN4, MULTICAST4, FLOWSPEC4, (25, 70), (16388, 71), (0, 0), (65535, 255)],
                        ids=lambda f: f"{f[0]}-{f[1]}")
def test_rfc4760_7_a_family_not_agreed_on_is_ignored(cast, family):
    """Or the session is ended by an Optional Attribute Error: routes that nobody can read may be taken for an incorrect attribute."""
    junk = b"\xff\xfe\xfd\xfc\xfb\xfa"
    for octets in (update(GOOD + reach(junk, b"\1\2\3\4", family) + unreach(junk, family), NLRI), update(unreach(junk, family), b"")):
        result = judge(cast, octets)
        assert result == "announced" or result == "reset" and result.error == (3, 9)


def test_rfc4760_8_routes_of_a_family_the_peer_did_not_offer_are_not_taken(cast):
    """Each of both has to advertise a family for its routes to be exchanged; else they are ignored, or end the session."""
    ear, mouth = cast(families=BOTH), cast(families=(IPV4,))
    mouth.send(six())
    try:
        settled(mouth, ear)
    except AssertionError:
        assert mouth.closed and mouth.notification == (3, 9)
    assert not ear.paths(SIX)


def test_rfc4760_8_ipv4_routes_are_not_taken_from_who_offered_ipv6_alone(cast):
    """With the capability each family is agreed on by itself, IPv4 unicast as well."""
    ear, mouth = cast(families=BOTH), cast(families=(IPV6,))
    mouth.send(update())
    mouth.announce(SIX, HOP6)
    heard(ear, SIX)
    assert not ear.paths(PREFIX) and not mouth.closed


def test_rfc4760_8_who_offers_nothing_speaks_ipv4(cast):
    """The capability is for what goes beyond RFC 4271; IPv4 unicast needs none, and nothing else was agreed on."""
    ear, mouth = cast(families=BOTH), cast(kind="speaker", capabilities=[bgp.capability(bgp.CAP_AS4, u32(65021))])
    mouth.announce(PREFIX, HOP)
    heard(ear)
    ear.announce(SIX, HOP6)
    ear.announce("10.3.0.0/16", HOP)
    heard(mouth, "10.3.0.0/16")
    assert not [p for p, _ in mouth.routes if ":" in p]


# RFC 2545 and the next hop.

def test_rfc2545_3_a_next_hop_of_32_octets_is_a_global_and_a_link_local_address(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(hop=ip(HOP6) + LINK_LOCAL))
    assert heard(ear, SIX).next_hop == HOP6


@pytest.mark.parametrize("hop", [b"", ip(HOP), ip(HOP6)[:15], ip(HOP6) + b"\0", ip(HOP6) + bytes(8), ip(HOP6) * 3, bytes(255)],
                        ids=["0", "4", "15", "17", "24", "48", "255"])
def test_rfc7606_7_11_a_next_hop_of_an_impossible_length_resets_the_session(cast, hop):
    """Nobody knows where the routes begin. Optional Attribute Error (RFC 4760 7), or Attribute Length Error."""
    octets = six(hop=hop)
    result = judge(cast, octets, first=False)
    assert result == "reset" and result.error in ((3, 9), (3, 5))


@pytest.mark.parametrize("hop", ["::", "ff02::1", "::1"])
def test_rfc7606_7_11_a_next_hop_that_is_no_hosts_address_makes_no_route(cast, hop):
    """RFC 4271 6.3: it must be a valid address of a host; a route with another is ignored."""
    assert judge(cast, six(hop=ip(hop)), prefix=SIX) == "withdrawn"


def test_rfc4271_6_3_an_ipv6_next_hop_that_is_the_receivers_address_makes_no_route(cast):
    """It must not be the address of the receiving speaker."""
    assert judge(cast, six(hop=ip("fd00:9::1")), prefix=SIX) == "withdrawn"


@pytest.mark.parametrize("prefix", ["ff00::/8", "fe80::/10", "fe80:1::/64", "::1/128"])
def test_rfc4271_6_3_an_ipv6_prefix_that_means_nothing_is_ignored(cast, prefix):
    """Semantically incorrect, as the unexpected multicast of 6.3: none of these may be forwarded to (RFC 4291 2.5.3, 2.5.6, 2.7)."""
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(prefixes=[prefix, SIX]))
    heard(ear, SIX)
    assert not ear.paths(prefix)


# RFC 7606

MALFORMED = {
    "5_3_mp_reach_of_0_octets": attribute(14, b""),
    "5_3_mp_reach_of_2_octets": attribute(14, b"\0\2"),
    "5_3_mp_reach_of_4_octets": attribute(14, b"\0\2\1\0"),
    "5_3_mp_reach_next_hop_cut": attribute(14, b"\0\2\1\x10" + ip(HOP6)[:9]),
    "5_3_mp_reach_without_reserved_octet": attribute(14, b"\0\2\1\x10" + ip(HOP6)),
    "5_3_mp_reach_prefix_of_129_bits": reach(b"\x81" + bytes(17)),
    "5_3_mp_reach_prefix_of_255_bits": reach(b"\xff" + bytes(40)),
    "5_3_mp_reach_prefix_cut": reach(b"\x40\x20\1"),
    "5_3_mp_reach_second_prefix_cut": reach(SIX_NLRI + b"\x30\x20\1"),
    "5_3_mp_reach_ipv4_prefix_of_33_bits": reach(b"\x21" + bytes(5), ip(HOP), IPV4),
    "5_3_mp_unreach_of_0_octets": attribute(15, b""),
    "5_3_mp_unreach_of_2_octets": attribute(15, b"\0\2"),
    "5_3_mp_unreach_prefix_of_129_bits": unreach(b"\x81" + bytes(17)),
    "5_3_mp_unreach_prefix_cut": unreach(b"\x40\x20\1"),
    "5_3_mp_unreach_second_prefix_cut": unreach(SIX_NLRI + b"\x40\x20\1"),
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED.keys())
def test_rfc7606_5_3_an_mp_attribute_whose_routes_cannot_be_told_resets_the_session(cast, octets):
    """By an Optional Attribute Error (RFC 4760 7); what is wrong with a length or with a prefix has its subcode in RFC 4271 6.3."""
    result = judge(cast, update(ORIGIN + PATH + PREF + octets, b""), first=False)
    assert result == "reset" and result.error in ((3, 9), (3, 5), (3, 10))


@pytest.mark.parametrize("octets", [reach(hop=ip(HOP6)[:15]), MALFORMED["5_3_mp_reach_prefix_cut"], MALFORMED["5_3_mp_unreach_prefix_cut"]],
                         ids=["next_hop", "reach", "unreach"])
def test_rfc4271_6_3_the_data_of_an_optional_attribute_error_is_the_attribute(cast, octets):
    """With its type and length."""
    result = judge(cast, update(ORIGIN + PATH + PREF + octets, b""), first=False)
    assert result == "reset" and result.error == (3, 9) and result.data == octets


@pytest.mark.parametrize("octets", [reach([SIX]) + reach([SIX2]), reach([SIX]) * 2, unreach([SIX]) * 2,
                                    reach([SIX]) + reach([PREFIX], ip(HOP), IPV4), unreach([SIX]) + unreach([PREFIX], IPV4)],
                        ids=["reach", "the_same", "unreach", "reach_of_two_families", "unreach_of_two_families"])
def test_rfc7606_3_g_a_repeated_mp_attribute_resets_the_session(cast, octets):
    result = judge(cast, update(ORIGIN + PATH + PREF + octets, b""), first=False)
    assert result == "reset" and result.error == (3, 1)


@pytest.mark.parametrize("attributes", [
    PATH + PREF, ORIGIN + PREF, attribute(1, b"\3") + PATH, ORIGIN + attribute(2, segment(7, 1)), ORIGIN + PATH + attribute(4, b"\1"),
    ORIGIN + PATH + attribute(5, b""), ORIGIN + PATH + attribute(8, b"\1"), ORIGIN + PATH + attribute(9, b"\1"),
    ORIGIN + PATH + attribute(16, b"\1"), ORIGIN + PATH + attribute(32, b"\1", 0xC0),
], ids=["no_origin", "no_as_path", "origin", "segment_type", "med", "local_pref", "communities", "originator_id", "extended",
        "large"])
def test_rfc7606_3_routes_in_mp_reach_are_withdrawn_by_an_error_in_another_attribute(cast, attributes):
    assert judge(cast, six(attributes), prefix=SIX) == "withdrawn"


@pytest.mark.parametrize("octets", [ORIGIN + PATH + PREF + reach([SIX], flags=0xC0), ORIGIN + PATH + PREF + reach([SIX], flags=0x40),
                                    unreach([SIX], flags=0xC0)], ids=["reach_transitive", "reach_well_known", "unreach_transitive"])
def test_rfc7606_3_c_an_mp_attribute_with_wrong_flags_withdraws_its_routes(cast, octets):
    """Or the session is ended: RFC 4760 7 lets an incorrect attribute do so."""
    result = judge(cast, update(octets, b""), prefix=SIX)
    assert result == "withdrawn" or result == "reset" and result.error in ((3, 4), (3, 9))


def test_rfc7606_4_routes_are_known_when_the_attribute_behind_mp_reach_runs_past_the_end(cast):
    assert judge(cast, update(reach([SIX]) + ORIGIN + PATH + b"\x40\6\5", b""), prefix=SIX) == "withdrawn"


@pytest.mark.parametrize("octets", [reach([SIX])[:-3], unreach([SIX])[:-3]], ids=["reach", "unreach"])
def test_rfc7606_4_an_mp_attribute_that_runs_past_the_end_resets_the_session(cast, octets):
    """Its routes cannot be told. Malformed Attribute List, or what RFC 4271 6.3 and RFC 4760 7 have for the attribute."""
    result = judge(cast, update(ORIGIN + PATH + PREF + octets, b""), first=False)
    assert result == "reset" and result.error in ((3, 1), (3, 5), (3, 9))


def test_rfc7606_3_an_error_withdraws_the_routes_of_all_fields(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce([PREFIX, "10.1.0.0/16", "10.9.9.0/24"], HOP)
    mouth.announce([SIX, SIX2, "2001:db8:9::/48"], HOP6)
    heard(ear, SIX2)
    mouth.send(update(PATH + NEXT_HOP + PREF + reach([SIX]) + unreach([SIX2]), NLRI, bgp.nlri(["10.1.0.0/16"])))
    for prefix in (PREFIX, "10.1.0.0/16", SIX, SIX2):
        lost(ear, prefix)
    settled(mouth, ear)
    assert ear.paths("10.9.9.0/24") and ear.paths("2001:db8:9::/48")


def test_rfc7606_5_2_an_error_beside_mp_unreach_alone_resets_the_session(cast):
    result = judge(cast, update(unreach([SIX]) + attribute(1, b"\7"), b""), first=False)
    assert result == "reset" and result.error == (3, 6)


def test_rfc7606_5_2_mp_reach_without_routes_and_an_error_resets_the_session(cast):
    """Attributes beside MP_UNREACH_NLRI, and no reachable route: the session is reset, by what RFC 4271 6.3 says of the error."""
    result = judge(cast, update(reach([]) + attribute(1, b"\7") + PATH, b""), first=False)
    assert result == "reset" and result.error == (3, 6)


def test_rfc7606_5_2_mp_reach_without_routes_is_no_error(cast):
    assert judge(cast, update(ORIGIN + PATH + PREF + reach([]), b"")) == "announced"


def test_rfc4271_4_3_a_prefix_in_both_mp_attributes_is_announced(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(SIX, "fd00:9::70")
    heard(ear, SIX)
    mouth.send(update(unreach([SIX]) + ORIGIN + PATH + PREF + reach([SIX]), b""))
    heard(ear, SIX, [HOP6])


# RFC 7606 5.1: what is sent.

def test_rfc7606_5_1_mp_reach_is_the_very_first_attribute(cast):
    ears = cast(families=BOTH), cast("outside", families=BOTH), cast("all", families=BOTH)
    mouth = cast(families=BOTH)
    mouth.send(six(ORIGIN + PATH + attribute(4, u32(1)) + PREF + attribute(8, u32(1)) + attribute(32, u32(1, 2, 3), 0xC0)
                   + attribute(99, b"x", 0xC0)))
    for ear in ears:
        heard(ear, SIX)
        codes = [c for _, c, _ in told(ear, SIX)]
        assert codes[0] == bgp.MP_REACH and len(set(codes)) == len(codes)


def test_rfc7606_5_1_a_message_has_routes_in_one_field_alone(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    for octets in (update(GOOD + reach([SIX])), update(ORIGIN + PATH + NEXT_HOP + PREF + unreach([SIX]), bgp.nlri(["10.1.0.0/16"]), NLRI)):
        mouth.send(octets)
    settled(mouth, ear)
    for got in updates(ear):
        n = struct.unpack_from("!H", got.body)[0]
        m = struct.unpack_from("!H", got.body, 2 + n)[0]
        attributes = bgp.decode_attributes(got.body[4 + n:4 + n + m])
        fields = [n > 0, len(got.body) > 4 + n + m, bgp.MP_REACH in attributes, bgp.MP_UNREACH in attributes]
        assert sum(fields) <= 1


def test_rfc4760_4_a_withdrawal_of_ipv6_routes_is_mp_unreach_alone(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(SIX, HOP6)
    heard(ear, SIX)
    mark = len(ear.messages)
    mouth.withdraw(SIX)
    lost(ear, SIX)
    (got,) = updates(ear, mark)
    assert got.body[:2] == b"\0\0" and [(f & 0xE0, c, v) for f, c, v in tlvs(got.body[4:])] == [(0x80, 15, unreach([SIX])[3:])]


def test_rfc4760_3_next_hop_is_not_sent_with_mp_reach_alone(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.send(six(GOOD))
    heard(ear, SIX)
    assert value(ear, bgp.NEXT_HOP, SIX) is None and flags(ear, bgp.MP_REACH, SIX) & 0xE0 == 0x80
    assert last_update(ear, SIX)[:2] == b"\0\0"


# Towards the outside.

def test_rfc2545_2_the_next_hop_of_ipv6_routes_towards_the_outside_is_an_ipv6_address_of_ours(cast):
    """The next hop of the route is not on the peer's link, so it cannot stay (RFC 4271 5.1.3); over IPv4 and over IPv6 alike."""
    ear4, ear6 = cast("outside", families=BOTH), cast("outside", families=BOTH, six=True)
    mouth = cast(families=BOTH)
    mouth.announce(SIX, "fd00:16::5")
    for ear in (ear4, ear6):
        assert heard(ear, SIX).next_hop == "fd00:9::1"
        assert value(ear, bgp.MP_REACH, SIX)[3] in (16, 32)
        assert value(ear, bgp.AS_PATH, SIX) == segment(SEQUENCE, 65021)


def test_rfc4271_5_1_3_the_next_hop_of_ipv4_routes_on_an_ipv6_session_towards_the_outside(cast):
    """An IPv4 address of ours on that link."""
    ear, mouth = cast("outside", families=BOTH, six=True), cast()
    mouth.announce(PREFIX, "172.16.5.5")
    assert heard(ear).next_hop == "10.9.0.1" and bgp.MP_REACH not in heard(ear).attributes


def test_rfc4760_3_an_ipv6_route_from_outside_goes_inside_as_it_is(cast):
    ear, mouth = cast(families=BOTH), cast("outside", families=BOTH)
    mouth.send(update(ORIGIN + attribute(2, segment(SEQUENCE, OUTSIDE_AS)) + reach([SIX]), b""))
    path = heard(ear, SIX)
    assert path.next_hop == HOP6 and path.as_path == [OUTSIDE_AS] and path.local_pref == 100


# RFC 4724 2

@pytest.mark.offers(64)
def test_rfc4724_2_end_of_rib_comes_for_each_family_once(cast):
    mouth = cast(families=BOTH)
    mouth.announce(PREFIX, HOP)
    mouth.announce(SIX, HOP6)
    settled(mouth, cast("all"))
    ear = cast(families=BOTH)
    wait_until(lambda: ear.ended == set(BOTH), 5, "both End-of-RIBs")
    settled(mouth, ear)
    assert [m.body for m in updates(ear)].count(bytes(4)) == 1
    assert [m.body for m in updates(ear)].count(bgp.end_of_rib(IPV6)[19:]) == 1


def test_rfc4724_2_end_of_rib_from_a_peer_changes_nothing(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(PREFIX, HOP)
    mouth.announce(SIX, HOP6)
    heard(ear, SIX)
    for octets in (bgp.end_of_rib(), bgp.end_of_rib(IPV6), bgp.end_of_rib((25, 70)), update(unreach([], IPV4), b"")):
        mouth.send(octets)
    settled(mouth, ear)
    assert ear.paths(PREFIX) and ear.paths(SIX)
