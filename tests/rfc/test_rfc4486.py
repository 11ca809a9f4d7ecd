"""What an operator does to a session, as its peer sees it: Cease by RFC 4271 6.7 and RFC 4486, its text by RFC 9003, and the
request for routes by RFC 2918. Events ManualStop and ManualStart of RFC 4271 8.1.2.

The neighbors are configured ones: of a dynamic one nothing is left to be operated on.
"""
import pytest

from lab import bgp
from lab.net import Failed
from lab.wait import wait_until
from rfc.sessions import (AS4, ESTABLISHED, HIGH_ID, MP4, OPEN_SENT, STATES, advance, capabilities, comes_back, end_of, expect_open,
                          raw_open, received, still_up)

pytestmark = pytest.mark.hub(fixed=40)
SHUTDOWN, RESET = (6, 2), (6, 4)


@pytest.fixture
def at(world):
    """Makes a connection of the speaker's own in that state, at a neighbor that is configured."""
    if "soon" in world.target.CANNOT:
        pytest.skip(world.target.CANNOT["soon"])

    def make(state=ESTABLISHED, caps=(MP4, AS4)):
        speaker = world.speaker(local=world.fixed_address()).open()
        advance(speaker, state, raw_open(capabilities(*caps), ident=HIGH_ID))
        if state == ESTABLISHED:
            wait_until(lambda: speaker.local in world.target.known(), 5, "the session to be up at the daemon, too")
        return speaker
    return make


def operate(world, verb, speaker, text=""):
    for thing in (verb, f"text of a {verb}" if text else None):
        if thing in world.target.CANNOT:
            pytest.skip(world.target.CANNOT[thing])
    world.target.operate(verb, speaker.local, text)


@pytest.mark.parametrize("verb,error", [("shutdown", SHUTDOWN), ("reset", RESET)], ids=["shutdown", "reset"])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_rfc4486_4_what_an_operator_ends_is_told_why(world, at, state, verb, error):
    """Before Established the end of the connection alone, or the other Cease, would be right, too (RFC 4271 8.2.2)."""
    speaker = at(state)
    assert state > OPEN_SENT or received(speaker, bgp.OPEN)
    operate(world, verb, speaker)
    end = end_of(speaker)
    assert end.error == error or state < ESTABLISHED and end.code in (None, 6)
    assert end.data in (b"", b"\0")
    if verb == "shutdown":
        world.target.operate("enable", speaker.local)


def test_rfc4271_8_2_2_a_session_that_was_reset_comes_again(world, at):
    speaker = at()
    operate(world, "reset", speaker)
    assert end_of(speaker).error == RESET
    comes_back(world, speaker.local, raw_open(capabilities(MP4, AS4), ident=HIGH_ID))


def test_rfc4271_8_2_2_in_idle_connections_are_refused(world, at):
    """After ManualStop, until ManualStart: neither does the daemon connect."""
    speaker = at()
    operate(world, "shutdown", speaker)
    assert end_of(speaker).error == SHUTDOWN
    listener = bgp.Listener(world.place, speaker.local)
    with pytest.raises(TimeoutError):
        listener.accept(2)
    again = world.speaker(local=speaker.local).open()
    assert end_of(again).code in (None, 6)
    world.target.operate("enable", speaker.local)
    out = listener.accept(12)
    out.send(raw_open(capabilities(MP4, AS4), ident=HIGH_ID))
    expect_open(out).send(bgp.message(bgp.KEEPALIVE))
    still_up(out)
    listener.close()


TEXTS = {"short": "maintenance at 03:00", "utf8": "Wartung für 5 Minuten ☂", "of_128_octets": "x" * 128, "longest": "y" * 255}


@pytest.mark.parametrize("verb,error", [("shutdown", SHUTDOWN), ("reset", RESET)], ids=["shutdown", "reset"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_rfc9003_2_the_text_comes_with_its_length(world, at, verb, error, text):
    speaker = at()
    operate(world, verb, speaker, text)
    end = end_of(speaker)
    octets = text.encode()
    assert end.error == error and end.data == bytes([len(octets)]) + octets
    if verb == "shutdown":
        world.target.operate("enable", speaker.local)


def test_rfc4271_8_2_2_the_routes_of_a_session_that_is_shut_down_go(world, at):
    ear = world.new_speaker("all").establish()
    speaker = at().send(bgp.announcement(["198.51.100.0/24"], "10.9.0.77"))
    ear.wait_for_routes("198.51.100.0/24", ["10.9.0.77"])
    operate(world, "shutdown", speaker)
    ear.wait_for_routes("198.51.100.0/24", [])
    world.target.operate("enable", speaker.local)
    world.gone(ear)


# RFC 2918 3 and 4: the request.

REFRESH = bgp.capability(bgp.CAP_REFRESH)
MP6 = bgp.capability(bgp.CAP_MP, b"\0\2\0\1")


def requests(speaker):
    """Bodies of the ROUTE-REFRESH messages until it is silent; the session stands."""
    found = []
    while True:
        try:
            got = speaker.receive(1)
        except TimeoutError:
            return found
        assert got is not None and got.kind != bgp.NOTIFICATION, "the session was ended"
        if got.kind == bgp.ROUTE_REFRESH:
            found.append(got.body)


@pytest.mark.parametrize("caps,wanted", [((MP4, AS4, REFRESH), {b"\0\1\0\1"}), ((MP4, MP6, AS4, REFRESH), {b"\0\1\0\1", b"\0\2\0\1"})],
                         ids=["ipv4", "both"])
def test_rfc2918_3_a_request_names_a_family_and_says_nothing_else(world, at, caps, wanted):
    """The reserved octet is zero, for the families that were agreed on and no other."""
    speaker = at(caps=caps)
    operate(world, "refresh", speaker)
    found = requests(speaker)
    assert found and set(found) <= wanted and b"\0\1\0\1" in found


def test_rfc2918_4_who_did_not_offer_it_is_not_asked(world, at):
    speaker = at(caps=(MP4, AS4))
    try:
        operate(world, "refresh", speaker)
    except Failed:
        pass  # it may well be refused
    try:
        assert not requests(speaker)
    except AssertionError as e:
        assert "was ended" in str(e)


def test_rfc2918_4_the_answer_changes_what_was_there(world, at):
    ear = world.new_speaker("all").establish()
    speaker = at(caps=(MP4, AS4, REFRESH)).send(bgp.announcement(["198.51.100.0/24", "192.0.2.0/24"], "10.9.0.77"))
    ear.wait_for_routes("192.0.2.0/24", ["10.9.0.77"])
    operate(world, "refresh", speaker)
    assert requests(speaker)
    speaker.send(bgp.announcement(["198.51.100.0/24"], "10.9.0.78"))
    ear.wait_for_routes("198.51.100.0/24", ["10.9.0.78"])
    assert ear.paths("192.0.2.0/24")
    world.gone(ear)
