"""Two connections with one peer: RFC 4271 6.8 in every state with both orders of the identifiers, and how the daemon's own connections come
about and end, RFC 4271 8.2.2 (Connect and Active).

    out: the daemon's connection to the speaker        in: the speaker's connection to the daemon
"""
import struct

import pytest

from lab import bgp, hub
from rfc.sessions import (HIGH_ID, KEEPALIVE, LOW_ID, MP4, OPEN_CONFIRM, answer, capabilities, comes_up, connect, end_of,
                          expect_open, header, raw_open, received, say, still_up)

HIGH_AS, LOW_AS = 65100, 64900  # above and below the daemon's
pytestmark = pytest.mark.hub(fixed=40, foreign=[HIGH_AS] * 8 + [LOW_AS] * 8)
BOTH_IDS = pytest.mark.parametrize("ident", [LOW_ID, HIGH_ID], ids=["lower", "higher"])
REFUSED = ((6, 7), (6, 5), (6, 0), None)  # Connection Collision Resolution, Connection Rejected, Cease, or the end of the connection alone


def own_open(ident, asn=hub.AS):
    return raw_open(capabilities(MP4, bgp.capability(bgp.CAP_AS4, struct.pack("!I", asn))), ident=ident, asn=asn)


@pytest.fixture
def asn():
    """Which AS the daemon expects behind the door."""
    return hub.AS


@pytest.fixture
def door(world, asn):
    """Listens where the daemon connects to. accept(): its connection, on which its OPEN has come."""
    if "soon" in world.target.CANNOT:
        pytest.skip(world.target.CANNOT["soon"])
    address = world.fixed_address(asn)
    listener = bgp.Listener(world.place, address)

    class Door:
        local = address

        @staticmethod
        def accept(timeout=12):
            speaker = listener.accept(timeout)
            assert received(speaker, bgp.OPEN)
            return speaker

        @staticmethod
        def enter():
            """The speaker's own connection, on which nothing was said."""
            return world.speaker(local=address).open()

    yield Door
    listener.close()


def survives(speaker):
    """Of two this one goes on: it comes up and stands."""
    say(speaker, KEEPALIVE)
    still_up(speaker)


def confirm(speaker, ident, asn=hub.AS):
    """Says OPEN; True when it was taken, False when the connection was ended by a Cease."""
    say(speaker, own_open(ident, asn))
    try:
        expect_open(speaker)
    except AssertionError as refused:
        assert any(f"({end})" in str(refused) for end in ("6, 7", "6, 5", "6, 0")) or "without a NOTIFICATION" in str(refused), refused
        return False
    return True


# 6.8: one from each side.

@BOTH_IDS
@pytest.mark.parametrize("first", ["out", "in"])
def test_rfc4271_6_8_both_have_sent_open(door, ident, first):
    """The connection stays that was begun by who has the higher identifier; the other one gets Cease. Only in OpenConfirm: of the one on
    which nothing was said the identifier is not known from outside of the protocol."""
    speakers = {"out": door.accept(), "in": door.enter()}
    second = "in" if first == "out" else "out"
    winner = "in" if ident == HIGH_ID else "out"
    loser = "out" if winner == "in" else "in"
    assert confirm(speakers[first], ident)
    assert confirm(speakers[second], ident) == (second == winner)
    if second == winner:
        assert end_of(speakers[loser]).error in REFUSED
    survives(speakers[winner])


@BOTH_IDS
def test_rfc4271_6_8_cease_names_the_collision(door, ident):
    """RFC 4486: Connection Collision Resolution."""
    out, came_in = door.accept(), door.enter()
    loser = out if ident == HIGH_ID else came_in
    for speaker in (out, came_in):
        say(speaker, own_open(ident))
    assert end_of(loser).error == (6, 7)


@BOTH_IDS
@pytest.mark.parametrize("first", ["out", "in"])
def test_rfc4271_6_8_the_established_one_stays(door, ident, first):
    """Whatever the identifiers are: the one whose OPEN comes later is closed."""
    speakers = {"out": door.accept(), "in": door.enter()}
    up, late = speakers[first], speakers["in" if first == "out" else "out"]
    assert confirm(up, ident)
    up.send(KEEPALIVE)
    say(late, own_open(ident))
    assert end_of(late).error in REFUSED
    still_up(up)


@BOTH_IDS
def test_rfc4271_6_8_one_that_says_nothing_is_no_collision(door, ident):
    """In OpenSent: the other one comes up all the same."""
    out, came_in = door.accept(), door.enter()
    assert confirm(came_in, ident)
    survives(came_in)
    out.close()


@BOTH_IDS
def test_rfc4271_6_8_the_silent_one_is_the_speakers(door, ident):
    out, came_in = door.accept(), door.enter()
    assert confirm(out, ident)
    survives(out)
    came_in.close()


@BOTH_IDS
def test_rfc4271_6_8_the_one_that_was_closed_first_leaves_the_other(world, door, ident):
    """The loser goes away by itself before the collision is decided."""
    out, came_in = door.accept(), door.enter()
    assert confirm(out, ident)
    out.close()
    comes_up(connect(world), own_open(LOW_ID))  # a whole session later the daemon has seen it
    assert confirm(came_in, ident)
    survives(came_in)


@BOTH_IDS
def test_rfc4271_6_8_an_error_on_one_is_no_matter_to_the_other(door, ident):
    """RFC 4271 8.2: each connection has a state machine of its own until the collision is decided."""
    out, came_in = door.accept(), door.enter()
    assert confirm(came_in, ident)
    assert answer(out, header(19, 100)).error == (1, 3)
    survives(came_in)


@pytest.mark.parametrize("asn", [HIGH_AS, LOW_AS], ids=["higher", "lower"])
@pytest.mark.parametrize("first", ["out", "in"])
def test_rfc6286_2_3_where_the_identifiers_are_equal_the_higher_as_wins(door, asn, first):
    """Between ASes they may be equal; then the connection stays that the speaker with the larger AS number began."""
    speakers = {"out": door.accept(), "in": door.enter()}
    second = "in" if first == "out" else "out"
    winner = "in" if asn == HIGH_AS else "out"
    assert confirm(speakers[first], hub.RRD, asn)
    assert confirm(speakers[second], hub.RRD, asn) == (second == winner)
    if second == winner:
        assert end_of(speakers["out" if winner == "in" else "in"]).error in REFUSED
    survives(speakers[winner])


@pytest.mark.parametrize("asn", [HIGH_AS, LOW_AS], ids=["higher_as", "lower_as"])
@BOTH_IDS
def test_rfc6286_2_3_where_they_are_not_the_as_is_no_matter(door, asn, ident):
    """The identifiers decide as within an AS."""
    speakers = {"out": door.accept(), "in": door.enter()}
    winner = "in" if ident == HIGH_ID else "out"
    assert confirm(speakers["out"], ident, asn)
    assert confirm(speakers["in"], ident, asn) == (winner == "in")
    survives(speakers[winner])


@BOTH_IDS
@pytest.mark.parametrize("first", ["out", "in"])
def test_rfc4271_6_8_two_that_say_nothing_stay_until_one_speaks(world, door, ident, first):
    """In OpenSent the identifier is not known yet: neither is closed."""
    speakers = {"out": door.accept(), "in": door.enter()}
    comes_up(connect(world), own_open(LOW_ID))  # a whole session later both still stand
    second = "in" if first == "out" else "out"
    assert confirm(speakers[first], ident)
    say(speakers[first], KEEPALIVE)
    say(speakers[second], own_open(ident))
    assert end_of(speakers[second]).error in REFUSED
    still_up(speakers[first])


# 6.8: both from the speaker.

@BOTH_IDS
def test_rfc4271_6_8_two_connections_of_the_peer(world, ident):
    """The existing one is in OpenConfirm: where the peer's identifier is higher the new one stays, otherwise the existing one."""
    old = connect(world, OPEN_CONFIRM, opened=own_open(ident))
    new = world.speaker(local=old.local).open()
    taken = confirm(new, ident)
    assert taken == (ident == HIGH_ID)
    assert not taken or end_of(old).error in REFUSED
    survives(new if taken else old)


def test_rfc4271_6_8_a_silent_connection_keeps_nobody_out(world):
    """In OpenSent the identifier of the other side is not known, so there is no collision yet; each incoming connection has a state
    machine of its own (8.2.1)."""
    silent = world.speaker().open()
    assert silent.receive().kind == bgp.OPEN
    comes_up(world.speaker(local=silent.local).open(), own_open(LOW_ID))


@BOTH_IDS
def test_rfc4271_6_8_one_of_two_stays_when_the_first_is_established(world, ident):
    """Which one may be configured; the other is closed by a Cease, and the one that stays works."""
    old = connect(world, OPEN_CONFIRM, opened=own_open(ident)).send(KEEPALIVE)
    new = world.speaker(local=old.local).open()
    taken = confirm(new, ident)
    if taken:
        assert end_of(old).error in REFUSED
    survives(new if taken else old)


def test_rfc4271_6_8_another_identifier_is_another_speaker(world):
    """A second speaker behind the address of one that is up does not end the first one's session."""
    old = connect(world, OPEN_CONFIRM, opened=own_open(LOW_ID)).send(KEEPALIVE)
    assert not confirm(world.speaker(local=old.local).open(), "9.9.9.9")
    still_up(old)


@pytest.mark.parametrize("octets", [header(19, 4, bytes(16)), header(19, 77), raw_open(version=3), raw_open(asn=1), KEEPALIVE, bgp.update(),
                                    bgp.notification(6, 2)],
                         ids=["marker", "type", "version", "as", "keepalive", "update", "notification"])
def test_rfc4271_6_8_an_error_on_a_second_connection_leaves_the_established_one(world, octets):
    old = connect(world, OPEN_CONFIRM, opened=own_open(LOW_ID)).send(KEEPALIVE)
    new = world.speaker(local=old.local).open()
    assert answer(new, octets)
    still_up(old)


# 8.2.2: Connect and Active.

def test_rfc4271_8_2_2_the_daemon_connects_and_sends_open(door):
    out = door.accept()
    assert advance_out(out)


def advance_out(out, ident=LOW_ID):
    say(out, own_open(ident))
    assert received(out, bgp.KEEPALIVE)
    out.send(KEEPALIVE)
    still_up(out)
    return True


def test_rfc4271_8_2_2_it_comes_again_after_a_connection_that_was_closed(door):
    """By the ConnectRetryTimer."""
    door.accept().close()
    assert advance_out(door.accept())


def test_rfc4271_8_2_2_it_comes_again_after_a_connection_that_was_reset(door):
    door.accept().close(reset=True)
    assert advance_out(door.accept())


def test_rfc4271_8_2_2_it_comes_again_after_a_session_that_ended(door):
    out = door.accept()
    say(out, own_open(LOW_ID))
    assert received(out, bgp.KEEPALIVE)
    out.send(KEEPALIVE + bgp.notification(6, 4))
    end_of(out)
    assert advance_out(door.accept())


def test_rfc4271_8_2_2_it_comes_again_after_an_error(door):
    assert answer(door.accept(), raw_open(version=3)).error == (2, 1)
    assert advance_out(door.accept())


def test_rfc4271_8_2_2_the_peers_connection_is_taken_while_none_of_its_own_succeeds(world):
    """Nobody listens: Connect or Active."""
    address = world.fixed_address()
    speaker = world.speaker(local=address).open()
    comes_up(speaker, own_open(LOW_ID))


def test_rfc4271_8_2_2_no_second_connection_beside_an_established_session(world):
    """The daemon does not connect while the session stands."""
    address = world.fixed_address()
    speaker = world.speaker(local=address).open()
    speaker.send(own_open(LOW_ID))
    expect_open(speaker)
    speaker.send(KEEPALIVE)
    listener = bgp.Listener(world.place, address)
    with pytest.raises(TimeoutError):
        listener.accept(2)
    listener.close()
    still_up(speaker)
