"""Several paths of a prefix: RFC 7911, with every outcome of the negotiation and path identifiers as peers use and misuse them."""
import struct

import pytest

from lab import bgp
from lab.bgp import ADD_PATH_BOTH, ADD_PATH_RECEIVE, ADD_PATH_SEND, IPV4, IPV6, attribute
from lab.wait import wait_until
from rfc.routes import (BOTH, GOOD, HOP, HOP2, HOP6, NLRI, ORIGIN, PATH, PREF, PREFIX, SECOND, SIX, SIX2, base, heard, lost,
                        reach, settled, u32, unreach, update, updates)

pytestmark = pytest.mark.offers(69, "all")
SERVER = {"client": 0, "receive-only": ADD_PATH_RECEIVE, "send-only": ADD_PATH_SEND, "all": ADD_PATH_BOTH}
NONE = 0


def multi(cast, group="all", v4=ADD_PATH_BOTH, v6=NONE, **more):
    """A speaker that offers these modes."""
    modes = {f: m for f, m in ((IPV4, v4), (IPV6, v6)) if m}
    return cast(group, kind="speaker", families=BOTH, add_path=modes, **more)


def ids(ear, prefix=PREFIX):
    return {p.next_hop: p.path_id for p in ear.paths(prefix)}


# 4 and 5: the capability, each mode of ours by each mode of the peer.

@pytest.mark.parametrize("mine", [NONE, ADD_PATH_RECEIVE, ADD_PATH_SEND, ADD_PATH_BOTH], ids=["none", "receive", "send", "both"])
@pytest.mark.parametrize("group", SERVER.keys())
@pytest.mark.parametrize("family", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_rfc7911_4_ids_go_in_a_direction_where_one_side_sends_and_the_other_receives(cast, group, mine, family):
    peer = multi(cast, group, **({"v4": mine} if family == IPV4 else {"v4": NONE, "v6": mine}))
    server = SERVER[group]
    assert peer.peer.add_path(family) == server
    hears = bool(mine & ADD_PATH_RECEIVE and server & ADD_PATH_SEND)
    says = bool(mine & ADD_PATH_SEND and server & ADD_PATH_RECEIVE)
    one, two, ear = cast(families=BOTH), cast(families=BOTH), cast("all", families=BOTH)
    for family_now, prefix, hops, other in ((IPV4, PREFIX, (HOP, HOP2), SECOND), (IPV6, SIX, ("fd00:9::71", "fd00:9::72"), SIX2)):
        one.announce(prefix, hops[0])
        two.announce(prefix, hops[1])
        with_ids = hears and family_now == family
        wait_until(lambda p=prefix, n=2 if with_ids else 1: len(peer.paths(p)) == n, 5, f"{prefix} at the peer")
        assert all((p.path_id != 0) == with_ids for p in peer.paths(prefix))
        numbers = [7] if says and family_now == family else None
        peer.announce(other, hops[0], path_ids=numbers)
        heard(ear, other)
        peer.withdraw(other, path_ids=numbers)
        lost(ear, other)
    assert not peer.closed


def test_rfc7911_4_families_are_agreed_on_one_by_one(cast):
    peer = multi(cast, "all", ADD_PATH_SEND, ADD_PATH_RECEIVE)
    one, two, ear = cast(families=BOTH), cast(families=BOTH), cast("all", families=BOTH)
    for mouth, hop, hop6 in ((one, HOP, "fd00:9::71"), (two, HOP2, "fd00:9::72")):
        mouth.announce(PREFIX, hop)
        mouth.announce(SIX, hop6)
    wait_until(lambda: len(peer.paths(SIX)) == 2 and len(peer.paths(PREFIX)) == 1, 5, "both paths of IPv6, one of IPv4")
    peer.announce(SECOND, HOP, path_ids=[1])
    peer.announce(SECOND, HOP2, path_ids=[2])
    peer.announce(SIX2, HOP6)
    settled(peer, ear)
    assert heard(ear, SECOND) and heard(ear, SIX2)


@pytest.mark.parametrize("value", [b"\0\1\1\0", b"\0\1\1\4", b"\0\1\1\xff", b"\0\1\1\3\0\2\1\4", b"\0\1\x80\3", b"\0\x19\x46\3"],
                        ids=["mode_0", "mode_4", "mode_255", "mode_4_of_another_family", "other_safi", "other_afi"])
def test_rfc7911_4_a_mode_or_family_without_meaning_is_ignored(cast, value):
    peer = cast("all", more=[bgp.capability(bgp.CAP_ADD_PATH, value)])
    one, two = cast(), cast()
    one.announce(PREFIX, HOP)
    two.announce(PREFIX, HOP2)
    heard(peer)
    settled(one, peer)
    assert len(peer.paths(PREFIX)) == 1


# 3: identifiers.

@pytest.mark.parametrize("ident", [0, 1, 2147483648, 4294967295])
def test_rfc7911_3_an_identifier_is_any_number_of_4_octets(cast, ident):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[ident])
    heard(ear, hops=[HOP])
    mouth.withdraw(PREFIX, path_ids=[(ident + 1) % (1 << 32)])
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]
    mouth.withdraw(PREFIX, path_ids=[ident])
    lost(ear)


def test_rfc7911_3_many_paths_of_one_prefix(cast):
    ear, best, mouth = multi(cast), cast(), multi(cast)
    hops = {i: f"10.9.0.{100 + i}" for i in range(64)}
    for i, hop in hops.items():
        mouth.announce(PREFIX, hop, path_ids=[i])
    heard(ear, hops=hops.values())
    assert len(set(ids(ear).values())) == 64
    for i in range(0, 64, 2):
        mouth.withdraw(PREFIX, path_ids=[i])
    heard(ear, hops=[h for i, h in hops.items() if i % 2])
    settled(mouth, best)
    assert len(best.paths(PREFIX)) == 1


def test_rfc7911_3_the_same_identifier_from_two_peers_names_two_paths(cast):
    ear, one, two = multi(cast), multi(cast), multi(cast)
    one.announce(PREFIX, HOP, path_ids=[1])
    two.announce(PREFIX, HOP2, path_ids=[1])
    heard(ear, hops=[HOP, HOP2])
    assert len(set(ids(ear).values())) == 2
    one.withdraw(PREFIX, path_ids=[1])
    heard(ear, hops=[HOP2])


def test_rfc7911_3_prefix_and_identifier_together_name_a_path(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce([PREFIX, SECOND, PREFIX], HOP, path_ids=[1, 1, 2])
    wait_until(lambda: len(ear.routes) == 3, 5, "three paths")
    mouth.announce(PREFIX, HOP2, path_ids=[1])
    heard(ear, hops=[HOP, HOP2])
    assert ear.next_hops(SECOND) == [HOP]
    mouth.withdraw(PREFIX, path_ids=[2])
    heard(ear, hops=[HOP2])


def test_rfc7911_3_equal_paths_under_two_identifiers_are_two(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[1])
    mouth.announce(PREFIX, HOP, path_ids=[2])
    heard(ear, hops=[HOP, HOP])
    mouth.withdraw(PREFIX, path_ids=[1])
    heard(ear, hops=[HOP])


def test_rfc7911_3_a_path_that_changes_its_identifier_is_withdrawn_under_the_old_one(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[1])
    heard(ear)
    mouth.send(update(GOOD, bgp.nlri([PREFIX], [2]), bgp.nlri([PREFIX], [1])))
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]
    mouth.withdraw(PREFIX, path_ids=[1])
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]
    mouth.withdraw(PREFIX, path_ids=[2])
    lost(ear)


def test_rfc7911_3_a_path_in_both_fields_is_announced(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP2, path_ids=[1])
    heard(ear)
    mouth.send(update(GOOD, bgp.nlri([PREFIX], [1]), bgp.nlri([PREFIX], [1])))
    heard(ear, hops=[HOP])
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]


def test_rfc7911_3_what_is_sent_keeps_its_identifier_while_it_changes(cast):
    ear, mouth = multi(cast), multi(cast)
    for i in (1, 2, 3):
        mouth.announce(PREFIX, f"10.9.0.7{i}", path_ids=[i])
    heard(ear, hops=["10.9.0.71", "10.9.0.72", "10.9.0.73"])
    before = ids(ear)
    mouth.announce(PREFIX, "10.9.0.72", path_ids=[2], local_pref=500, med=3)
    wait_until(lambda: any(p.local_pref == 500 for p in ear.paths(PREFIX)), 5, "the change")
    assert ids(ear) == before


def test_rfc7911_3_withdrawals_name_what_was_announced(cast):
    ear, one, two = multi(cast, v6=ADD_PATH_BOTH), multi(cast), multi(cast)
    mark = len(ear.messages)
    for i in range(8):
        one.announce(PREFIX, f"10.9.0.{110 + i}", path_ids=[i])
        two.announce([PREFIX, SECOND], f"10.9.0.{120 + i}", path_ids=[i, i])
    wait_until(lambda: len(ear.routes) == 24, 5, "all paths")
    one.close()
    for i in range(8):
        two.withdraw(PREFIX, path_ids=[i])
    lost(ear)
    held = set()
    for got in updates(ear, mark):
        withdrawn, paths, _ = bgp.decode_update(got.body, ear.add_path_in)
        for _, prefix, ident in withdrawn:
            assert (prefix, ident) in held, f"{prefix} {ident} was not held"
            held.remove((prefix, ident))
        held |= {(p.prefix, p.path_id) for p in paths}
    assert {p for p, _ in held} == {SECOND} and len(held) == 8


def test_rfc7911_3_withdrawing_an_unknown_identifier_is_harmless(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[5])
    heard(ear)
    for ident in (0, 4, 6, 4294967295):
        mouth.withdraw(PREFIX, path_ids=[ident])
    mouth.withdraw(SECOND, path_ids=[5])
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]


def test_rfc7911_3_ipv6_paths(cast):
    ear, mouth = multi(cast, v6=ADD_PATH_BOTH), multi(cast, v6=ADD_PATH_BOTH)
    mouth.announce(SIX, "fd00:9::71", path_ids=[1])
    mouth.announce(SIX, "fd00:9::72", path_ids=[2])
    heard(ear, SIX, ["fd00:9::71", "fd00:9::72"])
    mouth.withdraw(SIX, path_ids=[1])
    heard(ear, SIX, ["fd00:9::72"])
    mouth.send(update(unreach([SIX], ids=[2]), b""))
    lost(ear, SIX)


# What does not have the form agreed on.

@pytest.mark.parametrize("octets", [update(), update(b"", b"", NLRI), update(base(hop=None) + reach([SIX]), b""),
                                    update(unreach([SIX]), b""), update(GOOD, NLRI * 3)],
                        ids=["nlri", "withdrawn", "mp_reach", "mp_unreach", "several"])
def test_rfc7911_5_routes_without_the_identifier_that_is_due_cannot_be_read(cast, octets):
    ear, mouth = multi(cast), multi(cast, v6=ADD_PATH_BOTH)
    mouth.send(octets)
    assert mouth.wait_for_end()[0] == 3
    settled(cast(), ear)
    assert not ear.paths(PREFIX) and not ear.paths(SIX)


@pytest.mark.parametrize("group,mode", [("client", ADD_PATH_BOTH), ("send-only", ADD_PATH_BOTH), ("all", ADD_PATH_RECEIVE)])
def test_rfc7911_5_routes_with_an_identifier_that_is_not_due_cannot_be_read(cast, group, mode):
    mouth = multi(cast, group, mode)
    mouth.send(update(GOOD, bgp.nlri([PREFIX], [7])))
    assert mouth.wait_for_end() == (3, 10)


@pytest.mark.parametrize("octets", [b"\0\0\0\1", b"\0\0\0\1\x18\x0a\1", b"\0\0\0\1\x21\1\1\1\1\1", b"\0\0\0\1\x08\x0a\0\0"],
                        ids=["no_prefix", "cut", "33_bits", "second_cut"])
def test_rfc7606_5_3_a_bad_prefix_behind_an_identifier(cast, octets):
    mouth = multi(cast)
    mouth.send(update(GOOD, octets))
    assert mouth.wait_for_end() == (3, 10)


def test_rfc7606_2_treat_as_withdraw_names_the_path(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[1])
    mouth.announce(PREFIX, HOP2, path_ids=[2])
    heard(ear, hops=[HOP, HOP2])
    mouth.send(update(ORIGIN + PATH + PREF, bgp.nlri([PREFIX], [1])))
    heard(ear, hops=[HOP2])
    settled(mouth, ear)


# What is sent to whom.

def test_rfc7911_a_peer_without_add_path_hears_the_best_of_several(cast):
    ear, mouth = cast(), multi(cast)
    for ident, pref in ((1, 100), (2, 300), (3, 200)):
        mouth.announce(PREFIX, f"10.9.0.7{ident}", path_ids=[ident], local_pref=pref)
    heard(ear, hops=["10.9.0.72"])
    mouth.withdraw(PREFIX, path_ids=[2])
    heard(ear, hops=["10.9.0.73"])
    mouth.withdraw(PREFIX, path_ids=[3])
    heard(ear, hops=["10.9.0.71"])
    mouth.withdraw(PREFIX, path_ids=[1])
    lost(ear)


def test_rfc7911_a_peer_is_not_told_its_own_paths_but_all_others(cast):
    one, two = multi(cast), multi(cast)
    for ident in (1, 2):
        one.announce(PREFIX, f"10.9.0.7{ident}", path_ids=[ident])
        two.announce(PREFIX, f"10.9.0.8{ident}", path_ids=[ident])
    heard(one, hops=["10.9.0.81", "10.9.0.82"])
    heard(two, hops=["10.9.0.71", "10.9.0.72"])


def test_rfc1997_no_advertise_is_judged_path_by_path(cast):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[1])
    mouth.announce(PREFIX, HOP2, path_ids=[2], more=attribute(8, u32(0xFFFFFF02)))
    settled(mouth, ear)
    assert ear.next_hops(PREFIX) == [HOP]
    mouth.announce(PREFIX, HOP, path_ids=[1], more=attribute(8, u32(0xFFFFFF02)))
    mouth.announce(PREFIX, HOP2, path_ids=[2])
    heard(ear, hops=[HOP2])


def test_rfc2918_a_refresh_brings_all_paths_under_the_same_identifiers(cast):
    ear, mouth = multi(cast), multi(cast)
    for ident in (1, 2, 3):
        mouth.announce(PREFIX, f"10.9.0.7{ident}", path_ids=[ident])
    heard(ear, hops=["10.9.0.71", "10.9.0.72", "10.9.0.73"])
    before = ids(ear)
    ear.routes.clear()
    ear.send(bgp.message(bgp.ROUTE_REFRESH, struct.pack("!HBB", 1, 0, 1)))
    heard(ear, hops=before.keys())
    assert ids(ear) == before


def test_rfc7911_a_session_that_comes_back_starts_anew(cast, world):
    ear, mouth = multi(cast), multi(cast)
    mouth.announce(PREFIX, HOP, path_ids=[1])
    heard(ear)
    mouth.close()
    lost(ear)
    again = multi(cast, local=mouth.local)
    again.announce(PREFIX, HOP2, path_ids=[1])
    heard(ear, hops=[HOP2])
