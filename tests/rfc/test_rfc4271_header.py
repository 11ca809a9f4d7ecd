"""Messages as octets: the header and its errors, RFC 4271 4.1 and 6.1, in every state, and messages in pieces."""
import struct

import pytest

from lab import bgp
from lab.bgp import message
from rfc.sessions import (AS4, ESTABLISHED, KEEPALIVE, MP4, STATES, answer, capabilities, comes_back, connect,
                          end_of, expect_open, header, raw_open, say, still_up)


def in_each_state(cases):
    """Parameters for octets and what they are answered with, in each state."""
    return [pytest.param(state, *case, id=f"{name}-{where}") for name, case in cases.items() for where, state in STATES.items()]


MARKERS = {
    "all_zero": bytes(16),
    "the_first_bit_missing": b"\x7f" + b"\xff" * 15,
    "the_last_bit_missing": b"\xff" * 15 + b"\xfe",
    "one_octet_in_the_middle": b"\xff" * 8 + b"\x00" + b"\xff" * 7,
}


@pytest.mark.parametrize("state,marker", in_each_state({k: (v,) for k, v in MARKERS.items()}))
def test_rfc4271_6_1_connection_not_synchronized(world, state, marker):
    end = answer(connect(world, state), header(19, bgp.KEEPALIVE, marker))
    assert end.error == (1, 1)


LENGTHS = {
    "0": (0, 4, b""), "1": (1, 4, b""), "18": (18, 4, b""),
    "4097": (4097, 2, b""), "65535": (65535, 2, b""), "65535_keepalive": (65535, 4, b""),
    "keepalive_20": (20, 4, b"\0"), "keepalive_4096": (4096, 4, bytes(4077)),
    "open_28": (28, 1, bytes(9)), "open_19": (19, 1, b""),
    "update_22": (22, 2, bytes(3)), "update_19": (19, 2, b""),
    "notification_20": (20, 3, b"\6"), "notification_19": (19, 3, b""),
}


@pytest.mark.parametrize("state,length,kind,rest", in_each_state(LENGTHS))
def test_rfc4271_6_1_bad_message_length(world, state, length, kind, rest):
    """The data is the erroneous Length field."""
    end = answer(connect(world, state), header(length, kind) + rest)
    assert end.error == (1, 2) and end.data == struct.pack("!H", length)


@pytest.mark.parametrize("state,kind", in_each_state({str(n): (n,) for n in (0, 6, 7, 128, 255)}))
def test_rfc4271_6_1_bad_message_type(world, state, kind):
    """The data is the erroneous Type field."""
    end = answer(connect(world, state), header(19, kind))
    assert end.error == (1, 3) and end.data == bytes([kind])


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_rfc4271_6_1_an_unknown_type_with_a_body(world, state):
    end = answer(connect(world, state), message(9, bytes(100)))
    assert end.error == (1, 3) and end.data == b"\x09"


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_rfc4271_6_1_the_error_is_told_without_waiting_for_the_rest(world, state):
    """A length that no message may have is known from the header."""
    end = answer(connect(world, state), header(60000, bgp.UPDATE))
    assert end.error == (1, 2) and end.data == struct.pack("!H", 60000)


def test_rfc4271_6_1_the_marker_is_looked_at_first(world):
    end = answer(connect(world), header(3, 200, bytes(16)))
    assert end.error == (1, 1)


def test_rfc4271_6_1_nothing_behind_an_error_is_looked_at(world):
    speaker = connect(world, ESTABLISHED)
    end = answer(speaker, header(19, 100) + header(18, 4) + bgp.update() + bytes(3000))
    assert end.error == (1, 3)


def test_rfc4271_6_1_octets_in_front_of_an_error_count(world):
    end = answer(connect(world, ESTABLISHED), KEEPALIVE * 50 + bgp.update() + header(19, 100))
    assert end.error == (1, 3)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_rfc4271_6_1_the_notification_arrives_though_more_is_on_its_way(world, state):
    """No RST that overtakes it: what the peer still sends is read."""
    speaker = connect(world, state)
    say(speaker, header(19, 100) + bytes(60000))
    say(speaker, bytes(60000))
    assert end_of(speaker).error == (1, 3)


def test_rfc4271_4_1_a_message_of_4096_octets_is_taken(world):
    """An UPDATE with one unknown optional attribute and no route."""
    room = 4096 - 23 - 4
    octets = bgp.update(attributes=bgp.attribute(99, bytes(room), 0xC0))
    assert len(octets) == 4096
    speaker = connect(world, ESTABLISHED)
    speaker.send(octets)
    still_up(speaker)


def test_rfc4271_4_1_messages_in_single_octets(world):
    speaker = connect(world)
    for octet in raw_open(capabilities(MP4, AS4)):
        speaker.send(bytes([octet]))
    expect_open(speaker)
    for octet in KEEPALIVE + bgp.update():
        speaker.send(bytes([octet]))
    still_up(speaker)


def test_rfc4271_4_1_all_messages_in_one_segment(world):
    """OPEN, KEEPALIVE and UPDATEs at once, before the daemon has said anything."""
    speaker = connect(world)
    speaker.send(raw_open(capabilities(MP4, AS4)) + KEEPALIVE + bgp.update() * 3)
    expect_open(speaker)
    still_up(speaker)


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 18, 19, 20, 40])
def test_rfc4271_4_1_a_message_cut_anywhere(world, cut):
    octets = bgp.announcement(["198.51.100.0/24"], "10.9.0.77")
    speaker = connect(world, ESTABLISHED)
    speaker.send(octets[:cut])
    speaker.send(octets[cut:] + KEEPALIVE[:cut % 19])
    speaker.send(KEEPALIVE[cut % 19:])
    still_up(speaker)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("octets", [b"", b"\xff" * 7, header(19, 4)[:18], header(40, 2) + bytes(3)],
                         ids=["nothing", "marker", "no_type", "half"])
def test_rfc4271_8_2_2_the_end_of_the_connection_inside_a_message(world, state, octets):
    """No crash, and the peer may come again."""
    speaker = connect(world, state)
    speaker.send(octets)
    speaker.close()
    comes_back(world, speaker.local)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_rfc4271_8_2_2_the_connection_is_reset(world, state):
    speaker = connect(world, state)
    speaker.close(reset=True)
    comes_back(world, speaker.local)


def test_rfc4271_4_1_the_daemons_header(world):
    """Marker of ones, lengths that are true; all its messages of a handshake."""
    speaker = world.speaker().open().send_open().send(KEEPALIVE)
    octets, kinds = b"", []
    while len(kinds) < 2:
        while len(octets) < 19 or len(octets) < struct.unpack_from("!H", octets, 16)[0]:
            more = speaker.socket.recv(4096)
            assert more, "the connection was closed"
            octets += more
        length, kind = struct.unpack_from("!HB", octets, 16)
        assert octets[:16] == b"\xff" * 16 and 19 <= length <= 4096
        kinds.append(kind)
        octets = octets[length:]
    assert kinds == [bgp.OPEN, bgp.KEEPALIVE]
