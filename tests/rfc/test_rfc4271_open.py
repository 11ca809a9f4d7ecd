"""OPEN by RFC 4271 4.2 and 6.2, identifiers by RFC 6286, AS 0 by RFC 7607, the AS of four octets in an OPEN by RFC 6793."""
import struct

import pytest

from lab import bgp, hub
from lab.bgp import capability, message
from lab.target import EXTERNAL_AS
from rfc.sessions import (AS4, ESTABLISHED, HIGH_ID, KEEPALIVE, LOW_ID, MP4, answer, capabilities, comes_back, comes_up, connect,
                          daemons_open, expect_open, header, parameter, raw_open, still_up)

OWN = hub.RRD


def as4(number):
    return capability(bgp.CAP_AS4, struct.pack("!I", number))


# 4.2: what the daemon says.

def test_rfc4271_4_2_version_4_and_the_header(world):
    opened = daemons_open(world).peer
    assert opened.version == 4 and len(opened.raw) >= 10 and opened.raw[9] == len(opened.raw) - 10


def test_rfc4271_4_2_my_autonomous_system(world):
    assert struct.unpack_from("!H", daemons_open(world).peer.raw, 1)[0] == hub.AS


def test_rfc4271_4_2_the_identifier_is_the_same_to_every_peer(world):
    ids = {daemons_open(world, group).peer.router_id for group in ("client", "plain", "outside", "all")}
    assert ids == {OWN} == {daemons_open(world, six=True).peer.router_id}


@pytest.mark.parametrize("group,hold", [("client", 90), ("short", 3)])
def test_rfc4271_4_2_the_hold_time_is_the_configured_one(world, group, hold):
    assert daemons_open(world, group).peer.hold_time == hold


def test_rfc4271_8_2_2_open_is_sent_without_waiting_for_the_peers(world):
    """On TcpConnectionConfirmed an OPEN is sent."""
    assert world.speaker().open().receive(3).kind == bgp.OPEN


def test_rfc5492_4_an_open_without_parameters_is_enough(world):
    comes_up(connect(world), raw_open())


@pytest.mark.parametrize("ident", [LOW_ID, HIGH_ID], ids=["lower", "higher"])
def test_rfc4271_4_2_it_is_confirmed_by_a_keepalive(world, ident):
    speaker = connect(world).send(raw_open(capabilities(MP4, AS4), ident=ident))
    assert [speaker.receive().kind, speaker.receive().kind] == [bgp.OPEN, bgp.KEEPALIVE]


# 6.2: version.

@pytest.mark.parametrize("version", [0, 1, 3, 5, 255])
def test_rfc4271_6_2_unsupported_version_number(world, version):
    """The data is the version that the daemon has, in two octets."""
    end = answer(connect(world), raw_open(capabilities(MP4, AS4), version=version))
    assert end.error == (2, 1) and end.data == b"\0\4"


# 6.2: AS.

@pytest.mark.parametrize("group,asn,more", [
    ("client", 65099, [as4(65099)]), ("client", 65099, []), ("client", hub.AS, [as4(65099)]), ("client", 23456, [as4(70000)]),
    ("client", 23456, []), ("client", 23456, [as4(23456)]), ("client", 65535, [as4(65535)]), ("plain", EXTERNAL_AS, [as4(EXTERNAL_AS)]),
    ("outside", hub.AS, [as4(hub.AS)]),
], ids=["other", "other_of_2_octets", "other_in_the_capability", "of_4_octets", "as_trans", "as_trans_twice", "last", "external_to_non_client",
        "internal_to_external"])
def test_rfc4271_6_2_bad_peer_as(world, group, asn, more):
    assert answer(connect(world, group=group), raw_open(capabilities(MP4, *more), asn=asn)).error == (2, 2)


@pytest.mark.parametrize("group", ["client", "outside"])
@pytest.mark.parametrize("octets", [
    lambda own: raw_open(asn=0), lambda own: raw_open(capabilities(MP4, as4(0)), asn=own), lambda own: raw_open(capabilities(MP4, as4(own)), asn=0),
    lambda own: raw_open(capabilities(MP4, as4(0)), asn=23456),
], ids=["field", "capability", "field_only", "capability_with_as_trans"])
def test_rfc7607_2_as_0_is_a_bad_peer_as(world, group, octets):
    own = hub.AS if group == "client" else EXTERNAL_AS
    assert answer(connect(world, group=group), octets(own)).error == (2, 2)


@pytest.mark.parametrize("asn", [EXTERNAL_AS], ids=["external"])
def test_rfc4271_6_2_the_right_as_is_taken(world, asn):
    comes_up(connect(world, group="outside"), raw_open(capabilities(MP4, as4(asn)), asn=asn))


@pytest.mark.parametrize("field", [23456, hub.AS], ids=["as_trans", "as_itself"])
def test_rfc6793_4_1_the_capability_says_the_as(world, field):
    comes_up(connect(world), raw_open(capabilities(MP4, as4(hub.AS)), asn=field))


def test_rfc6793_4_1_an_as_of_4_octets(world):
    comes_up(connect(world, group="any"), raw_open(capabilities(MP4, as4(4200000001)), asn=23456))


# 6.2 and RFC 6286: identifier.

@pytest.mark.parametrize("group,asn", [("client", hub.AS), ("plain", hub.AS), ("outside", EXTERNAL_AS)], ids=["client", "plain", "outside"])
def test_rfc6286_2_1_identifier_0_is_bad(world, group, asn):
    assert answer(connect(world, group=group), raw_open(capabilities(MP4, as4(asn)), asn=asn, ident="0.0.0.0")).error == (2, 3)


@pytest.mark.parametrize("group", ["client", "plain"])
def test_rfc6286_2_2_the_daemons_own_identifier_is_bad_inside_the_as(world, group):
    assert answer(connect(world, group=group), raw_open(capabilities(MP4, AS4), ident=OWN)).error == (2, 3)


def test_rfc6286_2_1_the_daemons_own_identifier_is_good_in_another_as(world):
    comes_up(connect(world, group="outside"), raw_open(capabilities(MP4, as4(EXTERNAL_AS)), asn=EXTERNAL_AS, ident=OWN))


@pytest.mark.parametrize("ident", ["0.0.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "10.255.255.255", "169.254.1.1"])
def test_rfc6286_2_1_any_other_number_is_good(world, ident):
    """It need not be an address of a host."""
    comes_up(connect(world), raw_open(capabilities(MP4, AS4), ident=ident))


# 6.2: hold time.

@pytest.mark.parametrize("hold", [1, 2])
@pytest.mark.parametrize("group", ["client", "any", "short"])
def test_rfc4271_6_2_unacceptable_hold_time(world, group, hold):
    assert answer(connect(world, group=group), raw_open(capabilities(MP4, AS4), hold=hold)).error == (2, 6)


@pytest.mark.parametrize("hold", [3, 90, 32768, 65535])
def test_rfc4271_6_2_any_other_hold_time_is_taken(world, hold):
    comes_up(connect(world), raw_open(capabilities(MP4, AS4), hold=hold))


def test_rfc4271_4_2_hold_time_0_is_taken_or_refused_as_unacceptable(world):
    """RFC 4271 4.2: it is an offer; 6.2: any may be rejected."""
    speaker = connect(world).send(raw_open(capabilities(MP4, AS4), hold=0))
    try:
        expect_open(speaker)
    except AssertionError as refused:
        assert "(2, 6)" in str(refused)
    else:
        speaker.send(KEEPALIVE)
        still_up(speaker)


# 6.2: optional parameters.

@pytest.mark.parametrize("options", [
    parameter(b"", 0), parameter(b"", 3), parameter(bytes(20), 100), parameter(b"\1", 254),
    capabilities(MP4, AS4) + parameter(b"\0", 3), parameter(b"\0", 3) + capabilities(MP4, AS4), capabilities(MP4, AS4) + parameter(b"\0", 255),
], ids=["0", "3", "100", "254", "behind_capabilities", "before_capabilities", "255_not_in_front"])
def test_rfc4271_6_2_unsupported_optional_parameter(world, options):
    assert answer(connect(world), raw_open(options)).error == (2, 4)


def test_rfc4271_6_2_authentication_information_is_no_parameter_any_more(world):
    """RFC 4271 appendix A: it was removed, with its own subcode."""
    assert answer(connect(world), raw_open(parameter(b"\0\0", 1))).error in ((2, 4), (2, 5))


MALFORMED = {
    "one_octet": (b"\2", 1), "no_length": (capabilities(MP4, AS4) + b"\2", None), "runs_past_the_end": (b"\2\7\1", None),
    "runs_past_the_end_of_the_second": (capabilities(MP4, AS4) + b"\2\7\1", None), "fewer_than_told": (b"", 10), "half_of_what_was_told": (capabilities(MP4, AS4), 100),
    "more_than_told": (capabilities(MP4, AS4), 0), "one_more_than_told": (capabilities(MP4, AS4) + b"\0", 14),
}


@pytest.mark.parametrize("options,length", MALFORMED.values(), ids=MALFORMED)
def test_rfc4271_6_2_malformed_optional_parameters(world, options, length):
    """Unspecific; or Bad Message Length where the lengths of the message and of the parameters contradict each other."""
    end = answer(connect(world), raw_open(options, length=length))
    assert end.error == (2, 0) or end.error == (1, 2) and length is not None


def test_rfc4271_6_2_no_octet_of_the_parameters_is_read_beyond_the_message(world):
    """What stands behind the OPEN is the next message."""
    assert answer(connect(world), raw_open(b"\2\6\x41\4", length=4) + b"\0\0\xfd\xfd" + KEEPALIVE).error in ((2, 0), (1, 1))


def test_rfc4271_6_2_after_an_error_the_peer_may_come_again(world):
    speaker = connect(world)
    assert answer(speaker, raw_open(version=3)).error == (2, 1)
    comes_back(world, speaker.local)


def test_rfc4271_6_2_errors_of_one_peer_are_no_matter_to_another(world):
    other = connect(world, ESTABLISHED)
    for octets in (raw_open(version=3), raw_open(asn=1), raw_open(hold=1), raw_open(b"\7\0"), header(18, 1), message(bgp.OPEN, b"\4")):
        answer(connect(world), octets)
    still_up(other)


def test_rfc4271_4_2_an_open_of_4096_octets(world):
    """By the long form of RFC 9072: unknown capabilities up to the end."""
    room = 4096 - 29 - 3 - 3
    caps = MP4 + AS4 + b"".join(capability(200, bytes(255)) for _ in range((room - 16) // 257))
    caps += capability(201, bytes(room - len(caps) - 2))
    octets = raw_open(b"\xff" + struct.pack("!HBH", 3 + len(caps), 2, len(caps)) + caps, length=255)
    assert len(octets) == 4096
    comes_up(connect(world), octets)


@pytest.mark.parametrize("size", [4097, 5000])
def test_rfc4271_4_1_an_open_of_more_is_not_taken(world, size):
    """Nor by RFC 8654 4, whatever was offered."""
    end = answer(connect(world), message(bgp.OPEN, bytes(size - 19)))
    assert end.error == (1, 2) and end.data == struct.pack("!H", size)
