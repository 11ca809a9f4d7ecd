"""Sessions as a peer sees them: connecting, retrying, collisions, timers. RFC 4271 6.8 and 8.

    the router's place (a listening socket or speaker of the test) ==== reflector (rrd, connects to its neighbor)
"""
import time

import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR, ROUTER
from lab.wait import holds, stopwatch, wait_until


def test_the_first_connection_comes_at_once(fig):
    listener = bgp.Listener(fig.router, ROUTER)
    elapsed = stopwatch()
    daemons.reflector(fig)
    listener.accept().establish()
    # The program's start, in a sanitizer build, and nothing else.
    assert elapsed() < 3000


def test_a_refused_connection_is_tried_again_after_a_second_then_two(fig, reflector):
    # Nobody listens yet: the kernel refuses at once, and the interval doubles from 1 s.
    reflector.wait_for_log(ROUTER)
    listener = bgp.Listener(fig.router, ROUTER)
    elapsed = stopwatch()
    listener.accept(timeout=10).establish()
    assert elapsed() < 4500


def test_a_session_that_was_up_for_a_while_and_closed_is_connected_again_at_once(fig):
    listener = bgp.Listener(fig.router, ROUTER)
    daemons.reflector(fig)
    speaker = listener.accept(hold_time=3).establish()
    wait_until(lambda: speaker.count(bgp.KEEPALIVE) >= 4, 8, "three seconds of keepalives")
    speaker.close()
    elapsed = stopwatch()
    listener.accept(timeout=5)
    assert elapsed() < 700


def test_a_cease_is_no_error_and_costs_no_back_off(fig):
    listener = bgp.Listener(fig.router, ROUTER)
    daemons.reflector(fig)
    speaker = listener.accept().establish()
    speaker.send(bgp.notification(6, 2))
    speaker.close()
    elapsed = stopwatch()
    listener.accept(timeout=5).establish()
    assert elapsed() < 2500


def test_a_passive_neighbor_is_let_in_whatever_happened_before(fig, reflector):
    pod = fig.add_pod(1)
    for _ in range(3):
        bad = pod.speaker().open()
        bad.send(b"\0" * 19)
        while bad.receive() is not None:
            pass
        bad.close()
    pod.speaker().establish()


@pytest.mark.parametrize("router_id,ours_stays", [("1.1.1.1", True), ("223.1.1.1", False)])
def test_of_two_colliding_connections_the_one_of_the_higher_identifier_stays(fig, router_id, ours_stays):
    listener = bgp.Listener(fig.router, ROUTER)
    daemons.reflector(fig)
    theirs = listener.accept(router_id=router_id)
    # Their connection is in OpenSent; ours comes beside it, and both say OPEN.
    ours = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=router_id).open()
    theirs.send_open()
    ours.send_open()
    winner, loser = (theirs, ours) if ours_stays else (ours, theirs)
    loser.run()
    assert loser.wait_for_end() in ((6, 7), None)
    while (got := winner.receive()).kind != bgp.KEEPALIVE:
        assert got.kind == bgp.OPEN
    winner.send(bgp.message(bgp.KEEPALIVE))
    winner.hold_time = 9
    winner.run()
    holds(lambda: winner.closed is None, 0.3, "the session that won")


def test_keepalives_come_at_a_third_of_the_hold_time(fig, reflector):
    speaker = fig.add_pod(1).speaker(hold_time=3).establish()
    seen = speaker.count(bgp.KEEPALIVE)
    times = []
    for _ in range(3):
        seen += 1
        wait_until(lambda: speaker.count(bgp.KEEPALIVE) >= seen, 3, "a keepalive")
        times.append(time.monotonic())
    # With jitter downwards, RFC 4271 section 10.
    assert all(0.5 <= b - a <= 1.3 for a, b in zip(times, times[1:])), times


def test_a_peer_that_never_sends_an_open_is_in_nobodys_way(fig, reflector):
    pod = fig.add_pod(1)
    silent = pod.speaker().open()
    wait_until(lambda: silent.receive(), 5, "rrd's OPEN")
    holds(lambda: pod.address not in reflector.neighbors()
          or reflector.state(pod.address) != "established", 0.3, "no session")
    pod.speaker().establish()


def test_a_route_refresh_for_an_unknown_family_is_ignored(fig, reflector):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.send(bgp.message(bgp.ROUTE_REFRESH, b"\x00\x19\x00\x46"))
    holds(lambda: speaker.closed is None, 0.3, "the session")


@pytest.mark.parametrize("octets,error", [
    (b"\xff" * 16 + b"\0\x13\x09", (1, 3)),          # unknown type
    (b"\xff" * 16 + b"\0\x12\x04", (1, 2)),          # shorter than a header
    (b"\xff" * 16 + b"\0\x14\x04\0", (1, 2)),        # a KEEPALIVE with a body
    (b"\xff" * 15 + b"\0" + b"\0\x13\x04", (1, 1)),  # a broken marker
], ids=["type", "short", "keepalive", "marker"])
def test_header_errors_have_their_code(fig, reflector, octets, error):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.send(octets)
    assert speaker.wait_for_end() == error


def test_a_second_open_is_an_fsm_error(fig, reflector):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.send_open()
    assert speaker.wait_for_end() == (5, 3)
