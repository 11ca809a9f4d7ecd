"""Timers: hold time and keepalives by RFC 4271 4.2, 4.4, 6.5, 8 and 10, the send hold timer by RFC 9687.

All scenarios of this file run at the same time, each with speakers of its own, begun when the first case asks for its own; a case
looks at what came of it. What is measured is bounded generously: a timer that is a second late is late.
"""
import select
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import bgp
from lab.bgp import attribute
from rfc.sessions import (AS4, ESTABLISHED, KEEPALIVE, MP4, OPEN_CONFIRM, OPEN_SENT, capabilities, connect, end_of, pace, raw_open, received,
                          say)

SCENARIOS = {}
LATE_S, EARLY_S = 1.2, 0.15
UPDATE = bgp.announcement(["198.51.100.0/24"], "10.9.0.77")


def scenario(make):
    """make(world) prepares, and returns what is then done in a thread of its own."""
    SCENARIOS[make.__name__] = make
    return make


@pytest.fixture(scope="module")
def clock(world):
    """Results by the scenarios' names."""
    futures, failed = {}, {}
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        for name, make in SCENARIOS.items():
            try:
                futures[name] = pool.submit(make(world))
            except (pytest.skip.Exception, AssertionError, OSError) as e:
                failed[name] = e

        def result(make):
            if make.__name__ in failed:
                raise failed[make.__name__]
            return futures[make.__name__].result(30)
        yield result


def seconds_to_end(speaker, timeout=12):
    """(how it ended, after how many seconds)"""
    begun = time.monotonic()
    return end_of(speaker, timeout), time.monotonic() - begun


def is_silent(speaker, seconds):
    """Nothing comes, not even the end, for so long."""
    return not speaker.buffer and not select.select([speaker.socket], [], [], seconds)[0]


def in_time(seconds, wanted):
    return wanted - EARLY_S <= seconds <= wanted + LATE_S


# 6.5: the hold timer expires.

def expiry(name, state, group, hold):
    def make(world):
        speaker = connect(world, state, group, raw_open(capabilities(MP4, AS4), hold=hold))
        return lambda: seconds_to_end(speaker)
    make.__name__ = name
    return scenario(make)


EXPIRIES = {
    "in_open_confirm_by_the_peers_offer": expiry("e1", OPEN_CONFIRM, "client", 3),
    "in_open_confirm_by_the_daemons_offer": expiry("e2", OPEN_CONFIRM, "short", 90),
    "in_established_by_the_peers_offer": expiry("e3", ESTABLISHED, "client", 3),
    "in_established_by_the_daemons_offer": expiry("e4", ESTABLISHED, "short", 65535),
    "in_established_where_both_offer_the_same": expiry("e5", ESTABLISHED, "short", 3),
}


@pytest.mark.parametrize("make", EXPIRIES.values(), ids=EXPIRIES)
def test_rfc4271_6_5_hold_timer_expired(clock, make):
    """After the smaller of both offers, by NOTIFICATION Hold Timer Expired."""
    end, seconds = clock(make)
    assert end.error == (4, 0) and not end.data
    assert in_time(seconds, 3), f"after {seconds:.2f} s"


def kept_alive(name, octets, group="client"):
    def make(world):
        speaker = connect(world, ESTABLISHED, group, raw_open(capabilities(MP4, AS4), hold=3))

        def run():
            return seconds_to_end(pace(speaker, [octets] * 5, 1))
        return run
    make.__name__ = name
    return scenario(make)


KEPT = {"keepalives": kept_alive("k1", KEEPALIVE), "updates": kept_alive("k2", UPDATE), "end_of_ribs": kept_alive("k3", bgp.end_of_rib())}


@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
def test_rfc4271_8_2_2_keepalives_and_updates_restart_the_hold_timer(clock, make):
    end, seconds = clock(make)
    assert end.error == (4, 0) and in_time(seconds, 3), f"after {seconds:.2f} s"


def unfinished(name, send):
    def make(world):
        speaker = connect(world, ESTABLISHED, "client", raw_open(capabilities(MP4, AS4), hold=3))

        def run():
            begun = time.monotonic()
            send(speaker)
            return end_of(speaker, 12), time.monotonic() - begun
        return run
    make.__name__ = name
    return scenario(make)


def half(speaker):
    speaker.send(UPDATE[:30])


def drops(speaker):
    octets = bgp.update(attributes=attribute(200, bytes(800), 0xC0))
    pace(speaker, [octets[i:i + 1] for i in range(26)], 0.1)


HALVES = {"half_a_message": unfinished("h1", half), "a_message_in_drops": unfinished("h2", drops),
          "nothing": unfinished("h3", lambda speaker: None)}


@pytest.mark.parametrize("make", HALVES.values(), ids=HALVES)
def test_rfc4271_8_2_2_only_whole_messages_restart_the_hold_timer(clock, make):
    end, seconds = clock(make)
    assert end.error == (4, 0) and in_time(seconds, 3), f"after {seconds:.2f} s"


@scenario
def open_confirm_then_established(world):
    """The KEEPALIVE that ends OpenConfirm restarts it."""
    speaker = connect(world, OPEN_CONFIRM, "client", raw_open(capabilities(MP4, AS4), hold=3))

    return lambda: seconds_to_end(pace(speaker, [KEEPALIVE], 2))


def test_rfc4271_8_2_2_the_keepalive_that_ends_open_confirm_restarts_the_hold_timer(clock):
    end, seconds = clock(open_confirm_then_established)
    assert end.error == (4, 0) and in_time(seconds, 3), f"after {seconds:.2f} s"


@scenario
def silent_in_open_sent(world):
    speaker = connect(world, OPEN_SENT)
    speaker.receive()

    def run():
        quiet = is_silent(speaker, 5)
        say(speaker, raw_open(capabilities(MP4, AS4), hold=3))
        return quiet, received(speaker, bgp.KEEPALIVE, 3)
    return run


def test_rfc4271_8_2_2_open_sent_waits_for_long(clock):
    """The hold timer has a large value there: an OPEN that comes after 5 s is taken."""
    quiet, confirmed = clock(silent_in_open_sent)
    assert quiet and confirmed


@pytest.mark.long
def test_rfc4271_8_2_2_open_sent_does_not_wait_for_ever(world):
    """4 minutes are suggested."""
    end, seconds = seconds_to_end(connect(world, OPEN_SENT), 270)
    assert end.error == (4, 0) and seconds > 5


@scenario
def open_confirm_with_hold_time_0(world):
    speaker = connect(world, OPEN_CONFIRM, "zero", raw_open(capabilities(MP4, AS4), hold=0))
    return lambda: is_silent(speaker, 4)


@scenario
def established_with_hold_time_0(world):
    speaker = connect(world, ESTABLISHED, "zero", raw_open(capabilities(MP4, AS4), hold=0))

    def run():
        kinds, until = [], time.monotonic() + 5
        while (left := until - time.monotonic()) > 0:
            try:
                got = speaker.receive(left)
            except TimeoutError:
                break
            kinds.append(got and got.kind)
        speaker.send(UPDATE)
        return kinds, is_silent(speaker, 0.5)
    return run


def test_rfc4271_4_4_with_hold_time_0_no_keepalive_is_sent_and_none_missed(clock):
    kinds, stands = clock(established_with_hold_time_0)
    assert not {None, bgp.KEEPALIVE, bgp.NOTIFICATION} & set(kinds) and stands


def test_rfc4271_4_4_with_hold_time_0_open_confirm_is_silent_too(clock):
    assert clock(open_confirm_with_hold_time_0)


# 4.4: keepalives.

def gaps(speaker, count, timeout):
    """Seconds between the daemon's keepalives, while the peer keeps the session up."""
    times, until = [], time.monotonic() + timeout
    due = time.monotonic()
    while len(times) <= count:
        if time.monotonic() >= due:
            speaker.send(KEEPALIVE)
            due += 1
        try:
            got = speaker.receive(max(min(due, until) - time.monotonic(), 0.001))
        except TimeoutError:
            assert time.monotonic() < until, f"{len(times)} keepalives in {timeout} s"
            continue
        assert got is not None, "the session went down"
        if got.kind == bgp.KEEPALIVE:
            times.append(time.monotonic())
    return [b - a for a, b in zip(times, times[1:])]


def interval(name, group, hold, count):
    def make(world):
        speaker = connect(world, ESTABLISHED, group, raw_open(capabilities(MP4, AS4), hold=hold))
        return lambda: gaps(speaker, count, (count + 2) * max(hold, 3) / 3 + 3)
    make.__name__ = name
    return scenario(make)


def test_rfc4271_4_4_keepalives_come_each_third_of_the_hold_time(clock):
    found = clock(nine)
    assert all(2 <= gap <= 3.5 for gap in found), found


def test_rfc4271_4_4_not_more_than_one_keepalive_in_a_second(clock):
    """Nor does the jitter of 10 make it more."""
    found = clock(three)
    assert sum(found) / len(found) >= 0.97 and min(found) > 0.85, found
    assert max(found) < 1 + LATE_S, found


nine, three = interval("nine", "client", 9, 2), interval("three", "short", 3, 5)


@scenario
def keepalives_in_open_confirm(world):
    speaker = connect(world, OPEN_CONFIRM, "client", raw_open(capabilities(MP4, AS4), hold=6))

    def run():
        begun = time.monotonic()
        assert received(speaker, bgp.KEEPALIVE, 4)
        return time.monotonic() - begun
    return run


def test_rfc4271_8_2_2_open_confirm_sends_keepalives_too(clock):
    assert 1.3 <= clock(keepalives_in_open_confirm) <= 2 + LATE_S


def flood(noisy, quiet, seconds):
    """One sends as much as it can, the other keeps its session up. Seconds between the keepalives that come to the other."""
    octets, at = (bgp.withdrawal([f"10.0.{i}.0/24" for i in range(200)]) + KEEPALIVE * 20) * 100, 0
    seen, due, until = [], time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < until:
        if time.monotonic() >= due:
            quiet.send(KEEPALIVE)
            due += 1
        readable, writable, _ = select.select([quiet.socket, noisy.socket], [noisy.socket], [], 0.2)
        if noisy.socket in readable and not noisy.socket.recv(1 << 20):
            break
        if writable:
            at = (at + noisy.socket.send(octets[at:at + 65536])) % len(octets)
        if quiet.socket in readable:
            quiet.buffer += quiet.socket.recv(1 << 20)
        while got := quiet._take():
            assert got.kind != bgp.NOTIFICATION, got.error
            if got.kind == bgp.KEEPALIVE:
                seen.append(time.monotonic())
    return [b - a for a, b in zip(seen, seen[1:])]


def test_rfc4271_4_4_keepalives_go_on_while_another_peer_floods(world):
    quiet = connect(world, ESTABLISHED, "short", raw_open(capabilities(MP4, AS4), hold=3))
    noisy = connect(world, ESTABLISHED)
    noisy.socket.setblocking(False)
    found = flood(noisy, quiet, 4)
    noisy.close(reset=True)
    assert len(found) >= 2 and max(found) < 1 + LATE_S, found


# RFC 9687.

@pytest.mark.long
def test_rfc9687_3_a_peer_that_takes_nothing_is_given_up(world):
    """It sends keepalives and reads nothing; the session ends some seconds after it was full."""
    stuck = world.speaker("stuck", receive_buffer=2048).open().send_open()
    received(stuck, bgp.KEEPALIVE)
    stuck.send(KEEPALIVE)
    mouth = world.up()
    for i in range(2500):
        mouth.announce(f"10.{i // 256}.{i % 256}.0/24", "10.9.0.77", more=attribute(8, struct.pack("!980I", *range(i, i + 980))))
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        pace(stuck, [KEEPALIVE] * 60, 0.5)
    assert time.monotonic() - begun > 2 and not mouth.closed
