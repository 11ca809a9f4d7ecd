"""The state machine as a peer sees it: RFC 4271 8.2.2 in every state, FSM errors by RFC 6608, NOTIFICATION by RFC 4271 4.5 and 6.4, its
subcodes and texts by RFC 4486, 4724, 8203, 8538 and 9003."""
import struct

import pytest

from lab import bgp
from lab.bgp import message
from rfc.sessions import (AS4, ESTABLISHED, KEEPALIVE, MP4, OPEN_CONFIRM, OPEN_SENT, REFRESH, STATES, again, answer, capabilities,
                          comes_back, connect, end_of, expect_open, raw_open, received, say, still_up)

EACH_STATE = pytest.mark.parametrize("state", STATES.values(), ids=STATES)
GOOD_OPEN = raw_open(capabilities(MP4, AS4))
UPDATE = bgp.announcement(["198.51.100.0/24"], "10.9.0.77")
FREE_TEXT = "maintenance at 03:00, ask the operators".encode()


# 6.5 and RFC 6608 3: messages that the state does not expect.

UNEXPECTED = {
    "keepalive_in_open_sent": (OPEN_SENT, KEEPALIVE, 4), "update_in_open_sent": (OPEN_SENT, UPDATE, 2),
    "end_of_rib_in_open_sent": (OPEN_SENT, bgp.end_of_rib(), 2), "refresh_in_open_sent": (OPEN_SENT, message(5, REFRESH), 5),
    "open_in_open_confirm": (OPEN_CONFIRM, GOOD_OPEN, 1), "update_in_open_confirm": (OPEN_CONFIRM, UPDATE, 2),
    "end_of_rib_in_open_confirm": (OPEN_CONFIRM, bgp.end_of_rib(), 2), "refresh_in_open_confirm": (OPEN_CONFIRM, message(5, REFRESH), 5),
    "open_in_established": (ESTABLISHED, GOOD_OPEN, 1),
}


@pytest.mark.parametrize("state,octets,kind", UNEXPECTED.values(), ids=UNEXPECTED)
def test_rfc6608_3_a_message_out_of_place(world, state, octets, kind):
    """The subcode names the state, the data the message's type."""
    end = answer(connect(world, state), octets)
    assert end.error == (5, state) and end.data == bytes([kind])


@pytest.mark.parametrize("state,octets,kind", UNEXPECTED.values(), ids=UNEXPECTED)
def test_rfc4271_6_5_a_message_out_of_place_is_an_fsm_error(world, state, octets, kind):
    """The code alone, as it was before RFC 6608; what follows is not looked at."""
    end = answer(connect(world, state), octets + KEEPALIVE * 3 + octets)
    assert end.code == 5 and kind


def test_rfc4271_6_5_a_malformed_update_in_open_sent_is_out_of_place_too(world):
    assert answer(connect(world), message(bgp.UPDATE, b"\xff\xff\xff\xff")).code == 5


def test_rfc4271_8_2_2_nothing_of_an_update_that_came_too_early_is_used(world):
    """Neither by this session nor by the next one."""
    ear = world.new_speaker("all").establish()
    early = connect(world, OPEN_CONFIRM)
    assert answer(early, UPDATE + KEEPALIVE).code == 5
    again = world.new_speaker(local=early.local).establish()
    again.announce("192.0.2.0/24", "10.9.0.77")
    ear.wait_for_routes("192.0.2.0/24", ["10.9.0.77"])
    assert not ear.paths("198.51.100.0/24")
    world.gone(ear, again)


# 8.2.2: the ways up.

def test_rfc4271_8_2_2_open_sent_to_open_confirm_to_established(world):
    speaker = connect(world)
    speaker.send(GOOD_OPEN)
    expect_open(speaker)
    speaker.send(KEEPALIVE + UPDATE)
    still_up(speaker)


def test_rfc4271_8_2_2_more_keepalives_are_no_error(world):
    speaker = connect(world, ESTABLISHED)
    speaker.send(KEEPALIVE * 20)
    still_up(speaker)


def test_rfc4271_8_2_2_open_confirm_waits_for_the_keepalive(world):
    """No route is told before."""
    mouth = world.new_speaker().establish()
    mouth.announce("192.0.2.0/24", "10.9.0.77")
    other = world.new_speaker("all").establish()
    other.wait_for_routes("192.0.2.0/24", ["10.9.0.77"])
    speaker = connect(world, OPEN_CONFIRM)
    with pytest.raises(TimeoutError):
        assert received(speaker, bgp.UPDATE, 0.5) is None
    speaker.send(KEEPALIVE)
    assert received(speaker, bgp.UPDATE)
    world.gone(mouth, other, speaker)


def test_rfc4271_8_2_2_established_after_the_peer_came_back(world):
    """Many times in a row, each by another end."""
    ends = [lambda s: s.close(), lambda s: s.close(reset=True), lambda s: answer(s, bgp.notification(6, 2)),
            lambda s: answer(s, bgp.notification(6, 4)), lambda s: answer(s, GOOD_OPEN)]
    local = world.address("client")
    for end in ends * 2:
        end(again(world, local))
    comes_back(world, local)


# 8.2.2 and 6.7: the ways down.

def silently(end, state, version=False):
    """No NOTIFICATION answers one (6.4). But for OpenSent 8.2.2 names event 25 among those that are an FSM error, unless it is about
    the version."""
    return end.code is None or state == OPEN_SENT and not version and end.error in ((5, 0), (5, 1))


@EACH_STATE
def test_rfc4271_8_2_2_a_notification_ends_the_connection_without_an_answer(world, state):
    assert silently(answer(connect(world, state), bgp.notification(6, 2)), state)


@EACH_STATE
@pytest.mark.parametrize("code,subcode", [(1, 1), (1, 2), (2, 1), (2, 2), (2, 6), (2, 7), (3, 1), (4, 0), (5, 0), (6, 0), (6, 7), (7, 1), (8, 0)])
def test_rfc4271_6_4_whatever_a_notification_says_it_is_not_answered(world, state, code, subcode):
    assert silently(answer(connect(world, state), bgp.notification(code, subcode)), state, (code, subcode) == (2, 1))


@pytest.mark.parametrize("octets", [
    bgp.notification(0, 0), bgp.notification(9, 0), bgp.notification(255, 255), bgp.notification(3, 200), bgp.notification(6, 200),
    bgp.notification(1, 2, bytes(4000)), bgp.notification(6, 6, bytes(4075)), bgp.notification(2, 7, b"\x41"), bgp.notification(3, 3, b"\0" * 300),
], ids=["code_0", "code_9", "code_255", "unknown_update_error", "unknown_cease", "long_data", "longest", "half_a_capability", "zeros"])
@EACH_STATE
def test_rfc4271_6_4_a_notification_that_makes_no_sense_is_one_too(world, state, octets):
    assert silently(answer(connect(world, state), octets), state)


@EACH_STATE
def test_rfc4271_8_2_2_what_follows_a_notification_is_not_looked_at(world, state):
    assert silently(answer(connect(world, state), bgp.notification(6, 4) + bytes(500)), state)


@EACH_STATE
def test_rfc4271_8_2_2_the_peer_that_sent_a_notification_may_come_again(world, state):
    speaker = connect(world, state)
    answer(speaker, bgp.notification(6, 4))
    comes_back(world, speaker.local)


@pytest.mark.parametrize("how", ["close", "reset", "cease", "hard_reset", "error", "fsm_error"])
def test_rfc4271_8_2_2_all_routes_of_the_peer_go_with_its_session(world, how):
    ear, mouth = world.new_speaker("all").establish(), world.new_speaker().establish()
    mouth.announce(["198.51.100.0/24", "192.0.2.0/24"], "10.9.0.77")
    ear.wait_for_routes("192.0.2.0/24", ["10.9.0.77"])
    if how in ("close", "reset"):
        mouth.close(reset=how == "reset")
    else:
        mouth.send({"cease": bgp.notification(6, 2), "hard_reset": bgp.notification(6, 9, b"\6\4"), "error": message(77), "fsm_error": GOOD_OPEN}[how])
    for prefix in ("198.51.100.0/24", "192.0.2.0/24"):
        ear.wait_for_routes(prefix, [])
    world.gone(ear, mouth)


# RFC 8203 and 9003: what a Cease has to say.

TEXTS = {
    "none": b"", "empty": b"\0", "short": bytes([len(FREE_TEXT)]) + FREE_TEXT, "longest": b"\xff" + b"x" * 255, "of_128": b"\x80" + b"y" * 128,
    "utf8": bytes([len("Wartung für 5 Minuten ☂".encode())]) + "Wartung für 5 Minuten ☂".encode(), "not_utf8": b"\4\xff\xfe\xc0\x80",
    "longer_than_there_is": b"\xc8short", "shorter_than_there_is": b"\2" + b"z" * 100, "zero_octets": b"\5" + bytes(5),
    "control": b"\x0a" + b"\x1b[2J\n\r\x07\x08\x7f\0", "incomplete_utf8": b"\3ab\xe2",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("subcode", [2, 4])
def test_rfc9003_2_a_text_is_taken_whatever_is_in_it(world, subcode, text):
    speaker = connect(world, ESTABLISHED)
    assert answer(speaker, bgp.notification(6, subcode, text)).code is None
    comes_back(world, speaker.local)


@pytest.mark.parametrize("data", [b"", b"\6", b"\6\2", b"\6\2\4stop", b"\3\1" + bytes(40), b"\6\x09\6\x09"])
def test_rfc8538_3_a_hard_reset_is_a_cease(world, data):
    speaker = connect(world, ESTABLISHED)
    assert answer(speaker, bgp.notification(6, 9, data)).code is None
    comes_back(world, speaker.local)


def test_rfc4486_4_the_limit_of_prefixes(world):
    """Cease/1; the data may name the family and the limit."""
    speaker = connect(world, ESTABLISHED, "few")
    end = answer(speaker, bgp.announcement([f"10.{i}.0.0/16" for i in range(5)], "10.9.0.77"))
    assert end.error == (6, 1) and end.data in (b"", struct.pack("!HBI", 1, 1, 3))


def test_rfc4486_4_up_to_the_limit_nothing_happens(world):
    speaker = connect(world, ESTABLISHED, "few")
    speaker.send(bgp.announcement([f"10.{i}.0.0/16" for i in range(3)], "10.9.0.77"))
    speaker.send(bgp.announcement([f"10.{i}.0.0/16" for i in range(3)], "10.9.0.78"))
    speaker.send(bgp.withdrawal(["10.0.0.0/16"]) + bgp.announcement(["10.9.0.0/16"], "10.9.0.78"))
    still_up(speaker)


def test_rfc4486_4_more_neighbors_than_the_range_takes_are_rejected(world):
    ups = [world.up("limited") for _ in range(5)]
    over = world.speaker("limited").open()
    assert end_of(over).error == (6, 5)
    world.gone(*ups)


@pytest.mark.parametrize("value", [b"\0\x78\0\1\1\x80", b"\x80\x78\0\1\1\x80"], ids=["first", "restarted"])
def test_rfc4724_4_without_a_common_capability_the_end_is_as_ever(world, value):
    """The daemon keeps nothing stale for a peer that says it can restart."""
    ear = world.new_speaker("all").establish()
    mouth = world.new_speaker(more=[bgp.capability(64, value)]).establish()
    if mouth.peer.has(64):
        pytest.skip("the daemon helps who restarts gracefully")
    mouth.announce("198.51.100.0/24", "10.9.0.77")
    ear.wait_for_routes("198.51.100.0/24", ["10.9.0.77"])
    mouth.close()
    ear.wait_for_routes("198.51.100.0/24", [])
    world.gone(ear)


# Last, for it ends the daemon.

def test_rfc4486_4_the_end_of_the_daemon_is_a_cease(world):
    speakers = {state: connect(world, state) for state in STATES.values()}
    bystander = world.up()
    world.target.stop()
    ceases = (6, 2), (6, 3)  # Administrative Shutdown, or Peer De-configured
    try:
        assert bystander.wait_for_end() in ceases
        for state, speaker in speakers.items():
            end = end_of(say(speaker, b""))
            assert end.error in ceases or end.error is None and state < ESTABLISHED
    finally:
        world.target.again()
    comes_back(world, bystander.local)
