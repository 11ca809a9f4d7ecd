"""MinRouteAdvertisementIntervalTimer, RFC 4271 9.2.1.1: two announcements of a destination to a peer stand apart.

The RFC would hold withdrawals back, too. rrd does not, nor do others: what is gone must not be told to be there. So withdrawals are not
judged here.
"""
import time

import pytest

from lab import bgp
from lab.hub import INTERVAL_S
from rfc.routes import HOP, HOP2, PREFIX, SECOND, heard, lost, updates

# Jitter shortens it by up to a quarter (10); the clock of another process, a little more. Later than its end is later than allowed
# ("a constant upper bound"): by half of it, for a machine that is busy.
LEAST_S, MOST_S = INTERVAL_S * 0.74, INTERVAL_S * 1.5
HOPS = [f"10.9.0.{n}" for n in range(200, 205)]


def announcements(ear, prefix=PREFIX):
    """[(when, next hop)] of every announcement that the ear has heard."""
    found = []
    for got in updates(ear):
        found += [(got.when, p.next_hop) for p in bgp.decode_update(got.body, ear.add_path_in)[1] if p.prefix == prefix]
    return found


def apart(ear, prefix=PREFIX):
    times = [when for when, _ in announcements(ear, prefix)]
    return [b - a for a, b in zip(times, times[1:])]


def test_rfc4271_9_2_1_1_announcements_of_a_destination_stand_apart(cast):
    ear, mouth = cast("paced"), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    mouth.announce(PREFIX, HOP2)
    heard(ear, hops=[HOP2])
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    assert len(apart(ear)) == 2 and min(apart(ear)) >= LEAST_S, apart(ear)


def test_rfc4271_9_2_1_1_the_last_of_many_is_told_in_time(cast):
    """Of what changes within an interval only the end is told, not later than the interval's end."""
    ear, witness, mouth = cast("paced"), cast(), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    for hop in HOPS:
        mouth.announce(PREFIX, hop)
        heard(witness, hops=[hop])
    begun = time.monotonic()
    heard(ear, hops=[HOPS[-1]])
    assert time.monotonic() - begun <= MOST_S
    assert [hop for _, hop in announcements(ear)] == [HOP, HOPS[-1]]


def test_rfc4271_9_2_1_1_a_withdrawal_between_them_makes_no_difference(cast):
    ear, witness, mouth = cast("paced"), cast(), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    mouth.withdraw(PREFIX)
    lost(witness)
    mouth.announce(PREFIX, HOP2)
    heard(witness, hops=[HOP2])
    heard(ear, hops=[HOP2])
    assert len(apart(ear)) == 1 and apart(ear)[0] >= LEAST_S, apart(ear)


def test_rfc4271_9_2_1_1_what_is_gone_at_its_end_is_not_told(cast):
    ear, witness, mouth = cast("paced"), cast(), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND, [HOP])
    mouth.announce(PREFIX, HOP2)
    heard(witness, hops=[HOP2])
    mouth.withdraw(PREFIX)
    lost(witness)
    # What is announced behind it comes when the interval is over, and by then all is said.
    mouth.announce(SECOND, HOP2)
    heard(ear, SECOND, [HOP2])
    lost(ear)
    assert [hop for _, hop in announcements(ear)] == [HOP]


def test_rfc4271_9_2_1_1_peers_without_an_interval_do_not_wait(cast):
    ear, quick, mouth = cast("paced"), cast(), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    begun = time.monotonic()
    for hop in HOPS:
        mouth.announce(PREFIX, hop)
        heard(quick, hops=[hop])
    assert time.monotonic() - begun < LEAST_S
    assert [hop for _, hop in announcements(quick)] == [HOP, *HOPS]


@pytest.mark.offers(69, "paced")
def test_rfc4271_9_2_1_1_with_add_path_it_is_the_same(cast):
    ear = cast("paced", kind="speaker", add_path={bgp.IPV4: 1})
    mouth = cast()
    mouth.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    mouth.announce(PREFIX, HOP2)
    heard(ear, hops=[HOP2])
    assert len(apart(ear)) == 1 and apart(ear)[0] >= LEAST_S, apart(ear)
