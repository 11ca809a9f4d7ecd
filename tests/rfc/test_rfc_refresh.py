"""Routes told again: route refresh (RFC 2918), enhanced route refresh (RFC 7313) and what both mean for Adj-RIB-In and -Out."""
import struct

import pytest

from lab import bgp, hub
from lab.bgp import IPV4, IPV6, capability, message
from lab.wait import wait_until
from rfc.routes import (BOTH, ENHANCED, HOP, HOP2, HOP6, OUTSIDE_AS, PREFIX, SECOND, SIX, SIX2, heard, lost, settled,
                        u32, updates)

REQUEST, BEGIN, END = 0, 1, 2
GRACEFUL_RESTART = capability(64, struct.pack("!H", 120))


def refresh(subtype=REQUEST, family=IPV4):
    return message(bgp.ROUTE_REFRESH, struct.pack("!HBB", family[0], subtype, family[1]))


def marks(peer, since=0):
    """(family, subtype) of the ROUTE-REFRESH messages."""
    found = []
    for got in peer.messages[since:]:
        if got.kind == bgp.ROUTE_REFRESH:
            afi, subtype, safi = struct.unpack("!HBB", got.body)
            found.append(((afi, safi), subtype))
    return found


def told_again(peer, family, octets=None):
    """Asks, and waits until all of the family is there again."""
    held = {k for k in peer.routes if (":" in k[0]) == (family == IPV6)}
    for key in held:
        peer.routes.pop(key)
    peer.send(octets or refresh(REQUEST, family))
    wait_until(lambda: held <= set(peer.routes), 5, f"{held} again")
    return held


# RFC 2918

def test_rfc2918_4_a_request_brings_the_family_again(cast):
    mouth, peer = cast(families=BOTH), cast(families=BOTH)
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.announce([SIX, SIX2], HOP6)
    heard(peer, SECOND)
    heard(peer, SIX2)
    for family, other in ((IPV4, SIX), (IPV6, PREFIX)):
        mark = len(peer.messages)
        assert len(told_again(peer, family)) == 2
        settled(mouth, peer)
        again = [p for m in updates(peer, mark) for p in bgp.decode_update(m.body, ())[1] if not p.prefix.startswith("203.0.")]
        assert sorted(p.prefix for p in again) == sorted([PREFIX, SECOND] if family == IPV4 else [SIX, SIX2])
    assert not marks(peer)


def test_rfc2918_4_attributes_are_the_same_again(cast):
    mouth, peer = cast(), cast()
    mouth.announce(PREFIX, HOP, path=(1, 2), med=5, local_pref=77)
    before = heard(peer)
    told_again(peer, IPV4)
    assert peer.paths(PREFIX) == [before]


def test_rfc2918_4_a_request_may_come_from_who_cannot_be_asked(cast):
    """Only the receiver of a request must have offered the capability."""
    mouth = cast()
    peer = cast(kind="speaker", capabilities=[capability(bgp.CAP_MP, b"\0\1\0\1"), capability(bgp.CAP_AS4, u32(hub.AS))])
    mouth.announce(PREFIX, HOP)
    heard(peer)
    told_again(peer, IPV4)


@pytest.mark.parametrize("family", [(1, 128), (2, 1), (25, 70), (0, 0), (65535, 255)], ids=lambda f: f"{f[0]}-{f[1]}")
def test_rfc2918_4_a_request_for_a_family_not_agreed_on_is_ignored(cast, family):
    mouth, peer = cast(families=BOTH), cast(families=(IPV4,))
    mouth.announce(PREFIX, HOP)
    mouth.announce(SIX, HOP6)
    heard(peer)
    mark = len(peer.messages)
    peer.send(refresh(REQUEST, family))
    settled(mouth, peer)
    assert not marks(peer) and PREFIX not in {p.prefix for m in updates(peer, mark) for p in bgp.decode_update(m.body)[1]}


def test_rfc2918_4_what_came_since_is_in_it_and_what_went_is_not(cast):
    mouth, peer = cast(), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    heard(peer, SECOND)
    mouth.withdraw(SECOND)
    mouth.announce(PREFIX, HOP2)
    heard(peer, hops=[HOP2])
    lost(peer, SECOND)
    told_again(peer, IPV4)
    settled(mouth, peer)
    assert peer.next_hops(PREFIX) == [HOP2] and not peer.paths(SECOND)


def test_rfc2918_4_only_what_the_peer_may_have_is_in_it(cast):
    """What is not for an external peer is not, and its own routes only with its AS in the path (RFC 4271 9.1.2: it sees a loop)."""
    mouth, peer = cast(), cast("outside")
    mouth.announce(PREFIX, HOP)
    mouth.announce(SECOND, HOP, more=bgp.attribute(8, u32(0xFFFFFF01)))
    peer.announce("10.4.0.0/16", HOP, path=(OUTSIDE_AS,), local_pref=None)
    heard(mouth, "10.4.0.0/16")
    heard(peer)
    told_again(peer, IPV4)
    settled(mouth, peer)
    assert not peer.paths(SECOND) and {p for p, _ in peer.routes} <= {PREFIX, "10.4.0.0/16"}
    assert all(OUTSIDE_AS in path.as_path for path in peer.paths("10.4.0.0/16"))


def test_rfc2918_4_a_request_right_behind_the_handshake(cast):
    mouth = cast(families=BOTH)
    mouth.announce([f"10.5.{i}.0/24" for i in range(100)], HOP)
    settled(mouth, cast("all"))
    for more in ((), (ENHANCED,)):
        peer = cast(families=BOTH, more=more)
        peer.send(refresh() + refresh(REQUEST, IPV6))
        if more:
            wait_until(lambda p=peer: sorted(marks(p)) == sorted((f, s) for f in BOTH for s in (BEGIN, END)), 5, "both refreshes")
        settled(mouth, peer)
        assert len(peer.routes) == 100


# RFC 7313: what we send.

@pytest.mark.offers(70)
def test_rfc7313_4_the_answer_stands_between_begin_and_end(cast):
    mouth, peer = cast(families=BOTH), cast(families=BOTH, more=[ENHANCED])
    mouth.announce([f"10.5.{i}.0/24" for i in range(100)], HOP)
    mouth.announce([PREFIX], HOP2)
    mouth.announce(SIX, HOP6)
    wait_until(lambda: len(peer.routes) == 102, 5, "the table")
    mark = len(peer.messages)
    peer.send(refresh())
    wait_until(lambda: marks(peer, mark) == [(IPV4, BEGIN), (IPV4, END)], 5, "begin and end")
    inside, is_inside = set(), False
    for got in peer.messages[mark:]:
        if got.kind == bgp.ROUTE_REFRESH:
            is_inside = got.body[2] == BEGIN
        elif got.kind == bgp.UPDATE and is_inside:
            inside |= {p.prefix for p in bgp.decode_update(got.body)[1]}
    assert len(inside) == 101 and SIX not in inside


@pytest.mark.offers(70)
def test_rfc7313_4_an_empty_answer_has_begin_and_end_too(cast):
    for group in ("client", "silent"):
        peer = cast(group, families=BOTH, more=[ENHANCED])
        peer.send(refresh(REQUEST, IPV6))
        wait_until(lambda p=peer: marks(p) == [(IPV6, BEGIN), (IPV6, END)], 5, "begin and end")


@pytest.mark.offers(70)
def test_rfc7313_4_who_did_not_offer_it_gets_no_marks(cast):
    mouth, peer = cast(), cast()
    mouth.announce(PREFIX, HOP)
    heard(peer)
    told_again(peer, IPV4)
    settled(mouth, peer)
    assert not marks(peer)


@pytest.mark.offers(70)
def test_rfc7313_4_families_are_refreshed_side_by_side(cast):
    mouth, peer = cast(families=BOTH), cast(families=BOTH, more=[ENHANCED])
    mouth.announce(PREFIX, HOP)
    mouth.announce(SIX, HOP6)
    heard(peer, SIX)
    peer.send(refresh() + refresh(REQUEST, IPV6))
    wait_until(lambda: len(marks(peer)) == 4, 5, "two answers")
    for family in BOTH:
        assert [s for f, s in marks(peer) if f == family] == [BEGIN, END]


@pytest.mark.offers(70)
def test_rfc7313_4_changes_during_a_refresh_are_told(cast):
    mouth, peer = cast(), cast(more=[ENHANCED])
    mouth.announce([f"10.5.{i}.0/24" for i in range(200)], HOP)
    wait_until(lambda: len(peer.routes) == 200, 5, "the table")
    peer.send(refresh())
    mouth.withdraw([f"10.5.{i}.0/24" for i in range(100)])
    mouth.announce([f"10.6.{i}.0/24" for i in range(50)], HOP)
    wait_until(lambda: len(marks(peer)) == 2, 5, "the answer")
    settled(mouth, peer)
    assert len(peer.routes) == 150


# RFC 7313: what the peer sends.

@pytest.mark.offers(70)
@pytest.mark.parametrize("family", BOTH, ids=["ipv4", "ipv6"])
def test_rfc7313_4_what_is_left_out_is_removed_at_the_end_and_not_before(cast, family):
    ear, mouth = cast("all", families=BOTH), cast(families=BOTH, more=[ENHANCED])
    kept, left_out, hop = (PREFIX, SECOND, HOP) if family == IPV4 else (SIX, SIX2, HOP6)
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.announce([SIX, SIX2], HOP6)
    heard(ear, SIX2)
    mouth.send(refresh(BEGIN, family))
    mouth.announce(kept, hop)
    settled(mouth, ear)
    assert len(ear.routes) == 4
    mouth.send(refresh(END, family))
    lost(ear, left_out)
    settled(mouth, ear)
    assert len(ear.routes) == 3


@pytest.mark.offers(70)
def test_rfc7313_4_what_is_new_or_changed_or_withdrawn_in_between_counts(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND, "10.7.0.0/16"], HOP)
    heard(ear, "10.7.0.0/16")
    mouth.send(refresh(BEGIN))
    mouth.announce(PREFIX, HOP2)
    mouth.announce("10.8.0.0/16", HOP)
    mouth.announce("10.7.0.0/16", HOP)
    mouth.withdraw("10.7.0.0/16")
    mouth.send(refresh(END))
    lost(ear, SECOND)
    settled(mouth, ear)
    assert {p: ear.next_hops(p) for p, _ in ear.routes} == {PREFIX: [HOP2], "10.8.0.0/16": [HOP]}


@pytest.mark.offers(70)
def test_rfc7313_4_begin_and_end_alone_remove_all(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(refresh(BEGIN) + refresh(END))
    lost(ear)
    lost(ear, SECOND)


@pytest.mark.offers(70)
def test_rfc7313_4_a_second_begin_makes_all_stale_again(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(refresh(BEGIN))
    mouth.announce(PREFIX, HOP)
    mouth.send(refresh(BEGIN))
    mouth.announce(SECOND, HOP)
    mouth.send(refresh(END))
    lost(ear)
    settled(mouth, ear)
    assert ear.paths(SECOND)


@pytest.mark.offers(70)
def test_rfc7313_4_an_end_without_a_begin_is_ignored(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(refresh(END))
    mouth.send(refresh(BEGIN, IPV6) + refresh(END, IPV6))
    settled(mouth, ear)
    assert ear.paths(PREFIX)
    mouth.send(refresh(BEGIN))
    mouth.announce(PREFIX, HOP)
    mouth.send(refresh(END) + refresh(END))
    settled(mouth, ear)
    assert ear.paths(PREFIX)


@pytest.mark.offers(70)
def test_rfc7313_4_a_begin_from_who_restarts_gracefully_is_ignored_before_end_of_rib(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED, GRACEFUL_RESTART])
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.send(refresh(BEGIN) + refresh(END))
    settled(mouth, ear)
    assert ear.paths(PREFIX) and ear.paths(SECOND)
    mouth.send(bgp.end_of_rib() + refresh(BEGIN))
    mouth.announce(PREFIX, HOP)
    mouth.send(refresh(END))
    lost(ear, SECOND)
    assert ear.paths(PREFIX)


@pytest.mark.offers(70)
def test_rfc7313_4_marks_from_who_did_not_offer_it_are_ignored(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP)
    heard(ear)
    mouth.send(refresh(BEGIN) + refresh(END))
    settled(mouth, ear)
    assert ear.paths(PREFIX)


@pytest.mark.offers(70)
@pytest.mark.parametrize("subtype", [BEGIN, END], ids=["begin", "end"])
@pytest.mark.parametrize("length", [0, 3, 5, 8, 100])
def test_rfc7313_5_a_mark_of_the_wrong_length_is_an_error_and_is_shown(cast, subtype, length):
    """ROUTE-REFRESH Message Error, Invalid Message Length; the data is the complete message. Of a body of less than three octets
    nobody knows the subtype; the header's length may be found fault with there (RFC 4271 6.1)."""
    peer = cast(more=[ENHANCED])
    octets = message(bgp.ROUTE_REFRESH, (struct.pack("!HBB", 1, subtype, 1) + bytes(100))[:length])
    peer.send(octets)
    error = peer.wait_for_end()
    if length >= 3:
        assert error == (7, 1) and next(m.body for m in peer.messages if m.kind == bgp.NOTIFICATION)[2:] == octets
    else:
        assert error in ((7, 1), (1, 2))


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("more", [(), (ENHANCED,)], ids=["plain", "enhanced"])
def test_rfc2918_3_a_request_that_is_too_short_is_an_error(cast, length, more):
    """RFC 4271 6.1: less than the minimum length of the message; RFC 7313 5 has a code of its own for it, for who has offered that."""
    peer = cast(more=more)
    peer.send(message(bgp.ROUTE_REFRESH, bytes([0, 1, 0, 1])[:length]))
    assert peer.wait_for_end() in (((1, 2), (7, 1)) if more else ((1, 2),))


@pytest.mark.parametrize("subtype", [0, 1, 2])
def test_rfc7313_5_its_error_is_not_for_who_did_not_offer_it(cast, subtype):
    """What stands in the octet of the subtype is nothing then (RFC 2918 3), so a longer request is no mark of the wrong length."""
    mouth, peer = cast(), cast()
    mouth.announce(PREFIX, HOP)
    heard(peer)
    peer.send(message(bgp.ROUTE_REFRESH, bytes([0, 1, subtype, 1, 0, 0])))
    settled(mouth, peer)
    assert not peer.closed


@pytest.mark.offers(70)
@pytest.mark.parametrize("subtype", [3, 4, 255])
def test_rfc7313_5_an_unknown_subtype_is_ignored(cast, subtype):
    mouth, peer = cast(), cast(more=[ENHANCED])
    mouth.announce(PREFIX, HOP)
    heard(peer)
    peer.send(refresh(subtype))
    settled(mouth, peer)
    assert not marks(peer) and not peer.closed


@pytest.mark.offers(70)
def test_rfc7313_4_the_end_of_the_session_in_between_removes_all(cast):
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(refresh(BEGIN))
    mouth.announce(PREFIX, HOP)
    mouth.close()
    lost(ear)
    lost(ear, SECOND)


@pytest.mark.offers(70)
def test_rfc7313_4_a_peers_refresh_is_no_change_for_others(cast):
    """What is told again unchanged is not told to others again."""
    ear, mouth = cast("all"), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mark = len(ear.messages)
    mouth.send(refresh(BEGIN))
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.send(refresh(END))
    settled(mouth, ear)
    said = {w[1] for m in updates(ear, mark) for w in bgp.decode_update(m.body)[0]}
    assert not {PREFIX, SECOND} & said
