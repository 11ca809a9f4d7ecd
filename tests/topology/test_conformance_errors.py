"""Errors as a hostile peer makes them: what rrd answers, to the octet, and that nothing else happens.

RFC 4271 6, RFC 5492, RFC 6286, RFC 6608, RFC 7606. The topology is lab/hub.py's; one rrd serves the whole file.
"""
import struct

import pytest

from lab import Lab, bgp, hub
from lab.bgp import IPV4, IPV6, attribute, message
from lab.wait import holds, stopwatch, wait_until

OPEN_SENT, OPEN_CONFIRM, ESTABLISHED = 1, 2, 3
PREFIX = "198.51.100.0/24"
BARRIER = "203.0.113.0/24"
REFRESH = struct.pack("!HBB", 1, 0, 1)


@pytest.fixture(scope="module")
def world():
    with Lab("conformance-errors") as lab:
        yield hub.Hub(lab)


def raw_header(length, kind, marker=b"\xff" * 16):
    return marker + struct.pack("!HB", length, kind)


def answer(speaker):
    """(code, subcode, data) of the NOTIFICATION that comes; then the connection ends."""
    while (got := speaker.receive()) is not None:
        if got.kind == bgp.NOTIFICATION:
            error = got.body[0], got.body[1], got.body[2:]
            assert speaker.receive() is None
            return error
    return None


def in_state(world, state, group="client", **more):
    """A speaker whose session is in that state at rrd, without its thread."""
    speaker = world.speaker(group, **more).open()
    if state >= OPEN_CONFIRM:
        speaker.send_open()
        while speaker.receive().kind != bgp.KEEPALIVE:
            pass
    if state == ESTABLISHED:
        speaker.send(message(bgp.KEEPALIVE))
        # End-of-RIB comes only when it is up.
        while speaker.receive().kind != bgp.UPDATE:
            pass
    return speaker


@pytest.mark.parametrize("octets,expected", [
    (raw_header(19, 4, b"\xff" * 15 + b"\0"), (1, 1, b"")),
    (raw_header(18, 4), (1, 2, b"\0\x12")),
    (raw_header(0, 4), (1, 2, b"\0\0")),
    (raw_header(4097, 2), (1, 2, struct.pack("!H", 4097))),
    (raw_header(65535, 2), (1, 2, b"\xff\xff")),
    (raw_header(20, 4) + b"\0", (1, 2, struct.pack("!H", 20))),
    (raw_header(28, 1) + bytes(9), (1, 2, struct.pack("!H", 28))),
    (raw_header(22, 2) + bytes(3), (1, 2, struct.pack("!H", 22))),
    (raw_header(20, 3) + bytes(1), (1, 2, struct.pack("!H", 20))),
    (raw_header(19, 0), (1, 3, b"\0")),
    (raw_header(19, 6), (1, 3, b"\6")),
    (raw_header(19, 255), (1, 3, b"\xff")),
])
@pytest.mark.parametrize("state", [OPEN_SENT, OPEN_CONFIRM, ESTABLISHED])
def test_a_bad_header_is_answered_in_every_state(world, state, octets, expected):
    speaker = in_state(world, state)
    speaker.send(octets)
    assert answer(speaker) == expected


OPEN_OK = bgp.open_message(hub.AS, 90, "1.2.3.4", [bgp.capability(bgp.CAP_AS4, struct.pack("!I", hub.AS))])


@pytest.mark.parametrize("state,octets,kind", [
    (OPEN_SENT, message(bgp.KEEPALIVE), 4),
    (OPEN_SENT, bgp.update(), 2),
    (OPEN_SENT, message(bgp.ROUTE_REFRESH, REFRESH), 5),
    (OPEN_CONFIRM, OPEN_OK, 1),
    (OPEN_CONFIRM, bgp.update(), 2),
    (OPEN_CONFIRM, message(bgp.ROUTE_REFRESH, REFRESH), 5),
    (ESTABLISHED, OPEN_OK, 1),
])
def test_a_message_out_of_place_is_an_fsm_error_that_names_state_and_type(world, state, octets, kind):
    speaker = in_state(world, state)
    speaker.send(octets)
    assert answer(speaker) == (5, state, bytes([kind]))


@pytest.mark.parametrize("state", [OPEN_SENT, OPEN_CONFIRM, ESTABLISHED])
def test_a_notification_is_never_answered(world, state):
    speaker = in_state(world, state)
    speaker.send(bgp.notification(6, 2))
    while (got := speaker.receive()) is not None:
        assert got.kind != bgp.NOTIFICATION


def raw_open(options=b"", asn=hub.AS, hold=90, ident=b"\1\2\3\4", version=4, length=None):
    length = len(options) if length is None else length
    return message(bgp.OPEN, struct.pack("!BHH", version, asn, hold) + ident + bytes([length]) + options)


AS4 = bgp.capability(bgp.CAP_AS4, struct.pack("!I", hub.AS))


def capabilities(*caps):
    caps = b"".join(caps)
    return bytes([2, len(caps)]) + caps


@pytest.mark.parametrize("octets,expected", [
    (raw_open(version=3), (2, 1, b"\0\4")),
    (raw_open(version=5), (2, 1, b"\0\4")),
    (raw_open(asn=65099), (2, 2, b"")),
    (raw_open(asn=0), (2, 2, b"")),
    (raw_open(capabilities(bgp.capability(bgp.CAP_AS4, bytes(4)))), (2, 2, b"")),
    (raw_open(capabilities(bgp.capability(bgp.CAP_AS4, struct.pack("!I", 65099)))), (2, 2, b"")),
    (raw_open(ident=bytes(4)), (2, 3, b"")),
    (raw_open(ident=bytes([10, 9, 0, 1])), (2, 3, b"")),
    (raw_open(bytes([1, 2, 0, 0])), (2, 4, b"")),
    (raw_open(hold=1), (2, 6, b"\0\1")),
    (raw_open(hold=2), (2, 6, b"\0\2")),
    (raw_open(hold=0), (2, 6, b"")),
    (raw_open(b"\2", length=1), (2, 0, b"")),
    (raw_open(b"\2\7\1", length=3), (2, 0, b"")),
    (raw_open(b"", length=10), (2, 0, b"")),
    (raw_open(capabilities(AS4), length=0), (2, 0, b"")),
    (raw_open(capabilities(bytes([65, 3, 0, 0, 0]))), (2, 0, b"")),
    (raw_open(capabilities(bytes([1, 4, 0, 1]))), (2, 0, b"")),
    (raw_open(b"\xff\0", length=255), (2, 0, b"")),
    (raw_open(b"\xff\0\5\2\0\x09", length=255), (2, 0, b"")),
])
def test_a_bad_open_is_answered_by_its_fault(world, octets, expected):
    speaker = world.speaker().open().send(octets)
    code, subcode, data = answer(speaker)
    assert (code, subcode) == expected[:2]
    assert not expected[2] or data == expected[2]


@pytest.mark.parametrize("octets", [
    raw_open(),
    raw_open(capabilities(bytes([73, 9, 200, 1]) + bytes(7), AS4)),
    raw_open(capabilities(bytes([75, 1, 99]), AS4)),
    raw_open(capabilities(bytes([200, 0]), AS4) + capabilities(AS4)),
    raw_open(capabilities(bytes([69, 4, 0, 1, 1, 9]), AS4)),
    raw_open(capabilities(bytes([69, 4, 0, 9, 9, 3]), AS4)),
    raw_open(b"\xff" + struct.pack("!H", 9) + b"\2\0\6" + AS4, length=255),
])
def test_an_odd_open_is_good_enough(world, octets):
    speaker = world.speaker().open().send(octets)
    assert [speaker.receive().kind, speaker.receive().kind] == [bgp.OPEN, bgp.KEEPALIVE]


def test_no_family_in_common_is_an_unsupported_capability_that_is_named(world):
    six = bgp.capability(bgp.CAP_MP, struct.pack("!HBB", 2, 0, 1))
    speaker = world.speaker("four").open().send(raw_open(capabilities(six, AS4)))
    assert answer(speaker) == (2, 7, bgp.capability(bgp.CAP_MP, struct.pack("!HBB", 1, 0, 1)))
    foreign = bgp.capability(bgp.CAP_MP, struct.pack("!HBB", 25, 0, 70))
    speaker = world.speaker("client").open().send(raw_open(capabilities(foreign, AS4)))
    both = b"".join(bgp.capability(bgp.CAP_MP, struct.pack("!HBB", afi, 0, 1)) for afi in (1, 2))
    assert answer(speaker) == (2, 7, both)


# UPDATEs. What is expected: the NOTIFICATION, or "withdraw", or "discard".

ORIGIN = attribute(bgp.ORIGIN, b"\0")
PATH = attribute(bgp.AS_PATH, b"")
HOP = attribute(bgp.NEXT_HOP, bytes([10, 9, 0, 77]))
PREF = attribute(bgp.LOCAL_PREF, struct.pack("!I", 100))
GOOD = ORIGIN + PATH + HOP + PREF
NLRI = bgp.nlri([PREFIX])


@pytest.fixture
def ear(world):
    speaker = world.new_speaker("all", families=(IPV4, IPV6)).establish()
    yield speaker
    world.gone(speaker)


def judge(world, ear, octets, group="client", first=True, **more):
    """What became of PREFIX, announced before, when octets came: ("reset", error), "withdraw" or the Path."""
    speaker = world.new_speaker(group, families=(IPV4, IPV6), **more).establish()
    if first:
        speaker.announce(PREFIX, "10.9.0.70", path=(65100,) if group == "outside" else ())
        wait_until(lambda: ear.paths(PREFIX), 5, "the first announcement")
    speaker.send(octets)
    speaker.announce(BARRIER, "10.9.0.77", path=(65100,) if group == "outside" else ())
    wait_until(lambda: speaker.closed or ear.paths(BARRIER), 5, "the barrier, or the end")
    paths = ear.paths(PREFIX)
    closed = speaker.closed
    note = next((m.body for m in speaker.messages if m.kind == bgp.NOTIFICATION), None)
    speaker.close()
    wait_until(lambda: not ear.paths(BARRIER) and not ear.paths(PREFIX), 5, "everything to be withdrawn")
    if closed:
        return "reset", (note[0], note[1], note[2:])
    return paths[0] if paths else "withdraw"


@pytest.mark.parametrize("attributes,what", [
    (PATH + HOP + PREF, "no ORIGIN"),
    (ORIGIN + HOP + PREF, "no AS_PATH"),
    (ORIGIN + PATH + PREF, "no NEXT_HOP"),
    (attribute(1, b"\3") + PATH + HOP, "ORIGIN unknown"),
    (attribute(1, b"\0\0") + PATH + HOP, "ORIGIN length"),
    (attribute(1, b"\0", flags=0xC0) + PATH + HOP, "ORIGIN optional"),
    (attribute(1, b"\0", flags=0x00) + PATH + HOP, "ORIGIN not transitive"),
    (ORIGIN + attribute(2, b"\2\2\0\0\0\1") + HOP, "AS_PATH short"),
    (ORIGIN + attribute(2, b"\2\0") + HOP, "AS_PATH empty segment"),
    (ORIGIN + attribute(2, b"\7\1\0\0\0\1") + HOP, "AS_PATH segment type"),
    (ORIGIN + attribute(2, b"\2\1\0\0\0\0") + HOP, "AS 0"),
    (ORIGIN + attribute(2, b"\2") + HOP, "AS_PATH one octet"),
    (ORIGIN + PATH + attribute(3, b"\1\2\3"), "NEXT_HOP length"),
    (ORIGIN + PATH + attribute(3, bytes(4)), "NEXT_HOP 0.0.0.0"),
    (ORIGIN + PATH + attribute(3, b"\xe0\0\0\1"), "NEXT_HOP multicast"),
    (GOOD + attribute(4, b"\0"), "MED length"),
    (GOOD + attribute(4, bytes(4), flags=0xC0), "MED transitive"),
    (ORIGIN + PATH + HOP + attribute(5, b"\0"), "LOCAL_PREF length"),
    (GOOD + attribute(8, b"\0\0\0"), "COMMUNITIES length"),
    (GOOD + attribute(8, b""), "COMMUNITIES empty"),
    (GOOD + attribute(9, b"\1\2\3"), "ORIGINATOR_ID length"),
    (GOOD + attribute(10, b"\1\2\3"), "CLUSTER_LIST length"),
    (GOOD + attribute(10, b""), "CLUSTER_LIST empty"),
    (GOOD + attribute(16, b"\1\2\3"), "EXTENDED_COMMUNITIES length"),
    (GOOD + attribute(16, b""), "EXTENDED_COMMUNITIES empty"),
    (GOOD + attribute(32, b"\1\2\3", flags=0xC0), "LARGE_COMMUNITIES length"),
    (GOOD + b"\x40\6\5", "runs past the end"),
    (GOOD + b"\x40", "half a header"),
])
def test_treat_as_withdraw(world, ear, attributes, what):
    assert judge(world, ear, bgp.update(attributes=attributes, reachable=NLRI)) == "withdraw", what


@pytest.mark.parametrize("extra,missing", [
    (attribute(6, b"\0", flags=0x40), 6),
    (attribute(7, b"\0" * 7, flags=0xC0), 7),
    (attribute(7, b"\0\0\1\1\1\1", flags=0xC0), 7),
    (attribute(7, struct.pack("!I", 0) + b"\1\1\1\1", flags=0xC0), 7),
    (attribute(17, b"\2\1\0\0\0\1", flags=0xC0), 17),
    (attribute(18, b"\0\0\0\1\1\1\1\1", flags=0xC0), 18),
    (attribute(200, b"local", flags=0x80), 200),
])
def test_attribute_discard(world, ear, extra, missing):
    path = judge(world, ear, bgp.update(attributes=GOOD + extra, reachable=NLRI))
    assert path not in ("withdraw",) and path.next_hop == "10.9.0.77"
    assert missing not in path.attributes


def test_of_a_repeated_attribute_the_first_counts(world, ear):
    more = attribute(4, struct.pack("!I", 7)) + attribute(4, struct.pack("!I", 8))
    path = judge(world, ear, bgp.update(attributes=GOOD + more, reachable=NLRI))
    assert path.attributes[bgp.MED] == struct.pack("!I", 7)


def mp_reach(value):
    return attribute(14, value)


@pytest.mark.parametrize("octets,error", [
    (bgp.message(2, struct.pack("!H", 50) + bytes(10)), (3, 1, b"")),
    (bgp.message(2, struct.pack("!HH", 0, 50) + bytes(10)), (3, 1, b"")),
    (bgp.update(attributes=GOOD, reachable=b"\x21\1\2\3\4\5"), (3, 10, b"")),
    (bgp.update(attributes=GOOD, reachable=b"\x18\1\2"), (3, 10, b"")),
    (bgp.update(withdrawn=b"\x21\1\2\3\4\5"), (3, 10, b"")),
    (bgp.update(attributes=GOOD + b"\x40\x63\1\7", reachable=NLRI), (3, 2, b"\x40\x63\1\7")),
    (bgp.update(attributes=ORIGIN + PATH + mp_reach(b"\0\2\1\3\1\2\3\0")),
     (3, 9, mp_reach(b"\0\2\1\3\1\2\3\0"))),
    (bgp.update(attributes=ORIGIN + PATH + mp_reach(b"\0\2\1\x10\1\2\3")), (3, 9, mp_reach(b"\0\2\1\x10\1\2\3"))),
    (bgp.update(attributes=ORIGIN + PATH + mp_reach(b"\0\2")), (3, 9, mp_reach(b"\0\2"))),
    (bgp.update(attributes=attribute(15, b"\0\2")), (3, 9, attribute(15, b"\0\2"))),
    (bgp.update(attributes=attribute(15, b"\0\2\1\x81\0")), (3, 9, attribute(15, b"\0\2\1\x81\0"))),
    (bgp.update(attributes=attribute(15, b"\0\2\1") * 2), (3, 1, b"")),
])
def test_what_leaves_the_routes_unknown_resets_the_session(world, ear, octets, error):
    assert judge(world, ear, octets, first=False) == ("reset", error)


@pytest.mark.parametrize("octets,error", [
    # Crashers of other daemons, and what is right.
    (bgp.update(attributes=attribute(15, b"\0\2\1\0"), reachable=NLRI), None),
    (bgp.update(attributes=ORIGIN + PATH + PREF + mp_reach(struct.pack("!HBB", 2, 1, 16) + b"\x20\1" + bytes(15)
                                                            + b"\0" + bgp.nlri(["2001:db8::/32"])),
                reachable=NLRI), None),
    (bgp.update(attributes=GOOD + attribute(255, b"", flags=0xC0), reachable=NLRI), None),
    (bgp.update(attributes=attribute(128, b"", flags=0xC0)), None),
    (bgp.update(attributes=attribute(17, b"\2\1\0\0\0\1", flags=0xC0) + GOOD, reachable=NLRI), None),
    (bgp.update(attributes=GOOD + attribute(23, b"\0\1\0", flags=0xC0), reachable=NLRI), None),
    (bgp.update(attributes=GOOD + attribute(40, b"\1\0\1\0", flags=0xC0), reachable=NLRI), None),
    (bgp.update(attributes=GOOD + attribute(25, b"\1", flags=0xC0), reachable=NLRI), None),
    (bgp.update(attributes=attribute(1, b"\7")), (3, 6)),
    # Without RFC 7313 its error is none.
    (message(bgp.ROUTE_REFRESH, b"\0\1\0"), (1, 2)),
    (message(bgp.ROUTE_REFRESH, struct.pack("!HBB", 1, 1, 1) + b"x"), None),
    (message(bgp.ROUTE_REFRESH, struct.pack("!HBB", 25, 0, 70)), None),
    (message(bgp.ROUTE_REFRESH, struct.pack("!HBB", 1, 99, 1)), None),
    (message(bgp.ROUTE_REFRESH, REFRESH + b"\1\x80\0\5\0\0\0\0\0"), None),
])
def test_what_has_killed_others(world, ear, octets, error):
    result = judge(world, ear, octets, first=False)
    if error:
        assert result[0] == "reset" and result[1][:2] == error
    else:
        assert result[0] != "reset" if isinstance(result, tuple) else True
    assert world.rrd.process.running


def test_attributes_of_the_inside_mean_nothing_from_the_outside(world, ear):
    more = attribute(bgp.ORIGINATOR_ID, b"\1\2\3\4") + attribute(bgp.CLUSTER_LIST, b"\1\2\3")
    out = ORIGIN + attribute(2, bgp.as_path(65100)) + HOP + attribute(5, struct.pack("!I", 7)) + more
    path = judge(world, ear, bgp.update(attributes=out, reachable=NLRI), group="outside", asn=65100)
    assert path.attributes[bgp.LOCAL_PREF] == struct.pack("!I", 100)
    assert bgp.ORIGINATOR_ID not in path.attributes and bgp.CLUSTER_LIST not in path.attributes


def test_a_confederation_segment_from_outside_is_malformed(world, ear):
    out = ORIGIN + attribute(2, b"\3\1\0\0\0\7" + bgp.as_path(65100)) + HOP
    octets = bgp.update(attributes=out, reachable=NLRI)
    assert judge(world, ear, octets, group="outside", asn=65100) == "withdraw"


def test_the_limit_of_prefixes_ends_in_a_cease_that_says_which(world):
    speaker = world.up("few")
    speaker.announce([f"10.{i}.0.0/16" for i in range(4)], "10.9.0.77")
    assert speaker.wait_for_end() == (6, 1)
    note = next(m.body for m in speaker.messages if m.kind == bgp.NOTIFICATION)
    assert note[2:] == struct.pack("!HBI", 1, 1, 3)


# Timers.

def test_the_hold_timer_is_on_time_while_half_a_message_waits(world):
    speaker = in_state(world, ESTABLISHED, "short")
    elapsed = stopwatch()
    speaker.send(message(bgp.KEEPALIVE) + bgp.update(attributes=GOOD, reachable=NLRI)[:30])
    assert answer(speaker) == (4, 0, b"")
    assert 2950 < elapsed() < 3200


def test_the_hold_timer_is_on_time_while_octets_trickle_in(world):
    speaker = in_state(world, ESTABLISHED, "short")
    octets = bgp.update(attributes=GOOD + attribute(200, bytes(800), flags=0xC0), reachable=NLRI)
    elapsed = stopwatch()
    speaker.send(message(bgp.KEEPALIVE))
    drops = iter(octets)
    holds(lambda: speaker.send(bytes([next(drops)])), 2.7)
    assert answer(speaker) == (4, 0, b"")
    assert 2950 < elapsed() < 3200


def test_a_silent_connection_ends_with_the_hold_timer_and_blocks_nobody(world):
    address = world.address("client")
    silent = world.speaker(local=address).open()
    assert silent.receive().kind == bgp.OPEN
    elapsed = stopwatch()
    world.up(local=address)
    assert elapsed() < 2000
    assert answer(silent)[:2] == (6, 7)
