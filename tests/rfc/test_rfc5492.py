"""Capabilities, RFC 5492, and the form of those that the daemon knows: RFC 2918, 4724, 4760, 6793, 7313, 7911, 8654, 8950. The long
form of the optional parameters, RFC 9072."""
import struct

import pytest

from lab import bgp, hub
from lab.bgp import capability
from rfc.sessions import (AS4, KEEPALIVE, MP4, MP6, answer, capabilities, comes_up, connect, daemons_open, expect_open, parameter,
                          raw_open, received, say, still_up)

MARKS = {1: 4, 2: 0, 5: 6, 6: 0, 65: 4, 69: 4, 70: 0}


# What the daemon offers.

def test_rfc5492_4_the_daemons_capabilities_are_well_formed(world):
    """Each code with a length that its RFC allows, in parameters of type 2 alone, and none twice but Multiprotocol."""
    opened = daemons_open(world, "all").peer
    options, kinds = opened.raw[10:], []
    while options:
        kinds.append(options[0])
        options = options[2 + options[1]:]
    assert set(kinds) == {2}
    for code, value in opened.capabilities:
        assert code not in MARKS or (len(value) == MARKS[code] or code in (5, 69) and value and len(value) % MARKS[code] == 0), code
    codes = [c for c, _ in opened.capabilities if c != bgp.CAP_MP]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("group,values", [("client", {b"\0\1\0\1", b"\0\2\0\1"}), ("four", {b"\0\1\0\1"})])
def test_rfc4760_8_the_families_of_the_group_are_offered(world, group, values):
    assert {v for c, v in daemons_open(world, group).peer.capabilities if c == bgp.CAP_MP} == values


def test_rfc6793_3_the_as_of_four_octets_is_offered(world):
    assert (bgp.CAP_AS4, struct.pack("!I", hub.AS)) in daemons_open(world).peer.capabilities


def test_rfc2918_2_route_refresh_is_offered(world):
    assert (bgp.CAP_REFRESH, b"") in daemons_open(world).peer.capabilities


@pytest.mark.offers(70)
def test_rfc7313_3_1_enhanced_route_refresh_is_offered(world):
    assert (70, b"") in daemons_open(world).peer.capabilities


@pytest.mark.offers(6)
def test_rfc8654_3_extended_messages_are_offered(world):
    assert (bgp.CAP_EXTENDED_MESSAGE, b"") in daemons_open(world).peer.capabilities


@pytest.mark.parametrize("group,mode", [("all", 3), ("send-only", 2), ("receive-only", 1), ("client", 0)])
def test_rfc7911_4_add_path_is_offered_as_configured(world, group, mode):
    opened = daemons_open(world, group).peer
    assert opened.add_path(bgp.IPV4) == mode and opened.add_path(bgp.IPV6) == mode


# 3 and 4: what it makes of the peer's.

@pytest.mark.parametrize("caps", [
    [], [capability(0)], [capability(200, bytes(10))], [capability(255, bytes(200))], [capability(c, b"\1\2\3") for c in range(80, 90)],
    [capability(4, bytes(5))], [capability(7, bytes(2))], [capability(66)], [capability(67, b"\1")], [capability(71, bytes(7))],
    [capability(72)], [capability(128)], [capability(130, bytes(9))], [capability(3, b"\0\1\0\1\1\x40\x03")], [capability(131, b"\0\1")],
], ids=["none", "0", "200", "255", "80_to_89", "multiple_labels", "bgpsec", "unassigned", "dynamic", "llgr", "unassigned_72",
        "old_refresh", "old_orf", "orf", "multisession"])
def test_rfc5492_3_a_capability_that_is_not_known_is_ignored(world, caps):
    comes_up(connect(world), raw_open(capabilities(MP4, AS4, *caps)))


def test_rfc5492_3_many_unknown_ones(world):
    comes_up(connect(world), raw_open(capabilities(MP4, AS4, *(capability(200 + i % 50) for i in range(120)))))


def test_rfc5492_4_each_in_a_parameter_of_its_own(world):
    comes_up(connect(world), raw_open(b"".join(capabilities(c) for c in (MP4, AS4, capability(2), capability(77, b"x")))))


def test_rfc5492_4_a_parameter_without_any(world):
    comes_up(connect(world), raw_open(parameter(b"") + capabilities(MP4, AS4)))


@pytest.mark.parametrize("caps", [[MP4, MP4, AS4, AS4], [MP4, AS4, capability(2), capability(2), capability(70), capability(70)],
                                  [AS4, MP6, MP4, MP6, MP4], [capability(6), capability(6), AS4, MP4]],
                         ids=["families_and_as", "refreshes", "families", "long_messages"])
def test_rfc5492_4_the_same_twice_is_as_once(world, caps):
    comes_up(connect(world), raw_open(capabilities(*caps)))


def test_rfc5492_4_a_peer_with_all_of_them(world):
    known = [MP4, MP6, AS4, capability(2), capability(5, b"\0\1\0\1\0\2"), capability(6), capability(64, b"\x40\x78"),
             capability(69, b"\0\1\1\3\0\2\1\3"), capability(70), capability(71, b"\0\1\1\x80\0\0\x3c"), capability(73, b"\4pod1\0"),
             capability(75, b"\3abc")]
    comes_up(connect(world, group="all"), raw_open(capabilities(*known)))


MALFORMED = {
    "no_length": b"\x41", "runs_past_the_parameter": b"\x41\4\0\0\xfd", "unknown_one_runs_past": b"\xc8\x05\0", "second_runs_past": AS4 + b"\2\1",
    "multiprotocol_of_3": capability(1, bytes(3)), "multiprotocol_of_5": capability(1, b"\0\1\0\1\0"), "multiprotocol_of_0": capability(1),
    "as4_of_3": capability(65, bytes(3)), "as4_of_5": capability(65, bytes(5)), "as4_of_2": capability(65, struct.pack("!H", hub.AS)),
    "as4_of_0": capability(65),
}


@pytest.mark.parametrize("caps", MALFORMED.values(), ids=MALFORMED)
def test_rfc4271_6_2_a_malformed_capability_is_a_malformed_parameter(world, caps):
    """RFC 4271 6.2: a parameter that is recognized and malformed is an error without a subcode; where the AS is what is malformed, Bad
    Peer AS says it, too."""
    error = answer(connect(world), raw_open(parameter(caps))).error
    assert error == (2, 0) or caps[0] == bgp.CAP_AS4 and error == (2, 2)


MILD = {
    "refresh_with_a_value": capability(2, b"\0"), "long_messages_with_a_value": capability(6, b"\0"),
    "enhanced_refresh_with_a_value": capability(70, b"\0"), "add_path_of_3": capability(69, b"\0\1\1"),
    "add_path_of_5": capability(69, b"\0\1\1\3\0"), "next_hop_of_5": capability(5, bytes(5)), "graceful_restart_of_1": capability(64, b"\0"),
    "graceful_restart_of_3": capability(64, b"\0\x78\0"), "add_path_empty": capability(69),
    "fqdn_host_runs_past": capability(73, b"\xc8\1" + bytes(7)), "fqdn_domain_runs_past": capability(73, b"\1a\xff"), "fqdn_empty": capability(73),
    "fqdn_no_domain": capability(73, b"\1a"), "fqdn_of_zeros": capability(73, bytes(40)), "fqdn_control": capability(73, b"\3\n\x1b\0\0"),
    "software_runs_past": capability(75, b"\x63"), "software_empty": capability(75), "software_too_long": capability(75, b"\xfe" + b"v" * 200),
}

@pytest.mark.parametrize("caps", MILD.values(), ids=MILD)
def test_rfc5492_3_a_value_of_the_wrong_length_is_malformed_or_ignored(world, caps):
    """No RFC says which; whichever it is, nothing else happens."""
    speaker = connect(world, group="all").send(raw_open(capabilities(MP4, AS4, caps)))
    try:
        expect_open(speaker)
    except AssertionError as refused:
        assert "(2, 0)" in str(refused)
    else:
        speaker.send(KEEPALIVE)
        still_up(speaker)


@pytest.mark.parametrize("value", [b"\0\1\1\0", b"\0\1\1\4", b"\0\1\1\xff", b"\0\x63\x63\3", b"\0\1\1\x09\0\2\1\3"],
                         ids=["mode_0", "mode_4", "mode_255", "foreign_family", "one_good_one_bad"])
def test_rfc7911_4_an_unknown_mode_or_family_is_ignored(world, value):
    comes_up(connect(world, group="all"), raw_open(capabilities(MP4, AS4, capability(69, value))))


@pytest.mark.parametrize("value", [b"\0\x78", b"\x80\x78", b"\xf0\0", b"\0\x78\0\1\1\x80", b"\x80\x78\0\1\1\x80\0\2\1\0", b"\0\x78\0\x19\x46\x80"],
                         ids=["no_family", "restarted", "all_flags", "one", "two", "foreign"])
def test_rfc4724_3_graceful_restart_is_taken_note_of(world, value):
    comes_up(connect(world), raw_open(capabilities(MP4, AS4, capability(64, value))))


def test_rfc4724_3_of_several_the_last_one_counts(world):
    caps = [capability(64, b"\0\x78\0\1\1\x80"), capability(64, b"\0\x0a")]
    comes_up(connect(world), raw_open(capabilities(MP4, AS4, *caps)))


# Families.

def test_rfc4760_8_without_any_family_it_is_ipv4_unicast(world):
    """Refused would be who has no family in common."""
    comes_up(connect(world, group="four"), raw_open(capabilities(MP4, AS4)))


@pytest.mark.parametrize("families", [(bgp.IPV4,), (bgp.IPV6,), (bgp.IPV4, bgp.IPV6), (bgp.IPV4, (25, 70)), ((25, 70), bgp.IPV6), (bgp.IPV6, (1, 2))],
                         ids=["ipv4", "ipv6", "both", "ipv4_and_evpn", "evpn_and_ipv6", "ipv6_and_multicast"])
def test_rfc4760_8_one_family_in_common_is_enough(world, families):
    caps = [capability(1, struct.pack("!HBB", afi, 0, safi)) for afi, safi in families]
    comes_up(connect(world), raw_open(capabilities(*caps, AS4)))


def test_rfc4760_8_the_reserved_octet_is_ignored(world):
    comes_up(connect(world), raw_open(capabilities(capability(1, b"\0\1\xff\1"), AS4)))


def test_rfc5492_5_no_family_in_common_is_an_unsupported_capability_or_an_empty_session(world):
    """Where it is refused, the data names capabilities as they stand in an OPEN."""
    speaker = say(connect(world, group="four"), raw_open(capabilities(MP6, AS4)))
    got = speaker.receive()
    while got is not None and got.kind == bgp.OPEN:
        got = speaker.receive()
    assert got is not None and got.kind in (bgp.KEEPALIVE, bgp.NOTIFICATION)
    if got.kind == bgp.NOTIFICATION:
        assert got.error == (2, 7)
        data = got.body[2:]
        while data:
            assert len(data) >= 2 + data[1]
            data = data[2 + data[1]:]


# RFC 5492 3: with a peer that does not know the parameter.

@pytest.mark.parametrize("group", ["client", "four"])
def test_rfc5492_3_who_does_not_know_the_parameter_gets_an_open_without_it(world, group):
    """Who is answered Unsupported Optional Parameter should try again without the parameter."""
    speaker = daemons_open(world, group)
    assert answer(speaker, bgp.notification(2, 4)).code in (None, 5)
    again = daemons_open(world, group, local=speaker.local)
    assert again.peer.raw[9] == 0
    again.send(raw_open())
    assert received(again, bgp.KEEPALIVE)
    again.send(KEEPALIVE)
    still_up(again)


# RFC 9072.

def long_form(params, total=None, length=255):
    """params: (type, value) with lengths of two octets."""
    octets = b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in params)
    total = len(octets) if total is None else total
    return raw_open(b"\xff" + struct.pack("!H", total) + octets, length=length)


@pytest.mark.parametrize("length", [255, 1, 12, 254])
def test_rfc9072_2_the_long_form_of_little(world, length):
    """It may be used where it is not needed, and the short length is ignored then."""
    comes_up(connect(world), long_form([(2, MP4 + AS4)], length=length))


def test_rfc9072_2_the_long_form_of_much(world):
    caps = b"".join(capability(200 + i % 50, bytes(100)) for i in range(20))
    comes_up(connect(world), long_form([(2, caps + MP4 + AS4)]))


def test_rfc9072_2_the_long_form_in_several_parameters(world):
    comes_up(connect(world), long_form([(2, capability(200, bytes(255)) * 2), (2, MP4), (2, b""), (2, AS4)]))


def test_rfc9072_2_what_is_said_there_counts(world):
    as4 = capability(bgp.CAP_AS4, struct.pack("!I", 65099))
    assert answer(connect(world), long_form([(2, capability(200, bytes(255))), (2, MP4 + as4)])).error == (2, 2)


def test_rfc9072_2_nothing_in_it(world):
    comes_up(connect(world), long_form([]))


LONG_MALFORMED = {
    "total_too_long": lambda: long_form([(2, AS4)], total=100), "total_too_short": lambda: long_form([(2, AS4)], total=3),
    "total_0": lambda: long_form([(2, AS4)], total=0), "value_runs_past": lambda: raw_open(b"\xff\0\5\2\0\x09\0\0", length=255),
    "no_total": lambda: raw_open(b"\xff\0", length=255), "header_cut": lambda: raw_open(b"\xff\0\2\2\0", length=255),
    "capability_runs_past": lambda: long_form([(2, b"\x41\4\0")]),
}


@pytest.mark.parametrize("octets", LONG_MALFORMED.values(), ids=LONG_MALFORMED)
def test_rfc9072_2_a_malformed_long_form(world, octets):
    assert answer(connect(world), octets()).error in ((2, 0), (1, 2))


def test_rfc9072_2_an_unknown_parameter_in_the_long_form(world):
    assert answer(connect(world), long_form([(2, AS4), (3, bytes(300))])).error == (2, 4)


def test_rfc9072_2_the_long_form_inside_the_long_form_is_an_unknown_parameter(world):
    assert answer(connect(world), long_form([(2, AS4), (255, b"\0")])).error in ((2, 4), (2, 0))
