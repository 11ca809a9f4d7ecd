"""Route reflection, RFC 4456: who is told what, what is added, what must not be changed, loops."""
import pytest

from lab import hub
from lab.bgp import attribute
from rfc.routes import (BOTH, GOOD, HOP, HOP2, HOP6, NLRI, OUTSIDE_AS, PREFIX, SECOND, SEQUENCE, SET, SIX, base, flags, heard, ip,
                        judge, lost, parts, reach, segment, settled, told, u32, update, value)

CLUSTER = ip(hub.RRD)


# 6: who hears whom.

HEARS = {("client", "client"): True, ("client", "plain"): True, ("client", "outside"): True,
         ("plain", "client"): True, ("plain", "plain"): False, ("plain", "outside"): True,
         ("outside", "client"): True, ("outside", "plain"): True, ("outside", "elsewhere"): True}


@pytest.mark.parametrize("source,target", HEARS.keys(), ids=lambda k: k)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_rfc4456_6_who_is_told(cast, source, target, family):
    ear, mouth, witness = cast(target, families=BOTH), cast(source, families=BOTH), cast("all", families=BOTH)
    path = (OUTSIDE_AS,) if source == "outside" else ()
    prefix, hop = (SIX, HOP6) if family == "ipv6" else (PREFIX, HOP)
    mouth.announce(prefix, hop, path=path, local_pref=None if path else 100)
    heard(witness, prefix)
    if HEARS[source, target]:
        heard(ear, prefix)
    else:
        # Through a client that says something afterwards, since from this source the ear hears nothing.
        settled(cast(), ear)
        assert not ear.paths(prefix)


def test_rfc4456_6_withdrawals_go_the_same_way(cast):
    client, outside, plain = cast(), cast("outside"), cast("plain")
    mouth = cast("plain")
    mouth.announce(PREFIX, HOP)
    heard(client)
    heard(outside)
    mouth.withdraw(PREFIX)
    lost(client)
    lost(outside)
    assert not plain.paths(PREFIX)


def test_rfc4456_6_a_best_route_that_moves_to_a_non_client_leaves_other_non_clients(cast):
    ear, client, plain = cast("plain"), cast(), cast("plain")
    client.announce(PREFIX, HOP)
    heard(ear, hops=[HOP])
    plain.announce(PREFIX, HOP2, local_pref=200)
    lost(ear)
    plain.withdraw(PREFIX)
    heard(ear, hops=[HOP])


# 8: what is added.

@pytest.mark.parametrize("source,target", [("client", "client"), ("client", "plain"), ("plain", "client"), ("client", "all")])
def test_rfc4456_8_originator_and_cluster_are_added(cast, source, target):
    ear, mouth = cast(target), cast(source)
    mouth.announce(PREFIX, HOP)
    heard(ear)
    assert (flags(ear, 9), value(ear, 9)) == (0x80, ip(mouth.router_id))
    assert (flags(ear, 10), value(ear, 10)) == (0x80, CLUSTER)


def test_rfc4456_8_the_originator_is_the_identifier_and_not_the_address(cast):
    ear, mouth = cast(), cast(router_id="77.1.2.3")
    mouth.announce(PREFIX, HOP)
    assert heard(ear).originator_id == "77.1.2.3"


def test_rfc4456_8_an_originator_that_is_there_is_kept(cast):
    for group in ("client", "plain"):
        ear, mouth = cast(), cast(group)
        mouth.send(update(GOOD + attribute(9, ip("9.8.7.6"))))
        assert heard(ear).originator_id == "9.8.7.6" and heard(ear).cluster_list == [hub.RRD]
        mouth.withdraw(PREFIX)
        lost(ear)


@pytest.mark.parametrize("clusters", [(1,), (1, 2), (1, 2, 1), tuple(range(100, 164)), tuple(range(1, 400))],
                        ids=lambda c: str(len(c)))
def test_rfc4456_8_our_cluster_goes_in_front(cast, clusters):
    ear, mouth = cast(), cast()
    mouth.send(update(GOOD + attribute(9, ip("9.8.7.6")) + attribute(10, u32(*clusters))))
    heard(ear)
    assert value(ear, 10) == CLUSTER + u32(*clusters)
    assert flags(ear, 10) == (0x90 if len(clusters) > 62 else 0x80)


def test_rfc4456_8_a_cluster_list_without_originator_gets_one(cast):
    ear, mouth = cast(), cast()
    mouth.send(update(GOOD + attribute(10, u32(1))))
    heard(ear)
    assert value(ear, 9) == ip(mouth.router_id) and value(ear, 10) == CLUSTER + u32(1)


@pytest.mark.parametrize("source,target", [("outside", "client"), ("outside", "plain"), ("client", "outside"),
                                           ("plain", "outside"), ("outside", "elsewhere")])
def test_rfc4456_8_nothing_is_added_where_the_outside_is_on_one_side(cast, source, target):
    ear, mouth = cast(target), cast(source)
    if source == "outside":
        mouth.announce(PREFIX, HOP, path=(OUTSIDE_AS,), local_pref=None)
    else:
        mouth.send(update(GOOD + attribute(9, ip("9.8.7.6")) + attribute(10, u32(1))))
    heard(ear)
    assert not {9, 10} & {c for _, c, _ in told(ear)}


def test_rfc4456_8_both_families_alike(cast):
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(SIX, HOP6)
    path = heard(ear, SIX)
    assert path.originator_id == mouth.router_id and path.cluster_list == [hub.RRD]


# 8: loops.

@pytest.mark.parametrize("more", [attribute(9, ip(hub.RRD)), attribute(10, CLUSTER), attribute(10, u32(1, 2) + CLUSTER),
                                  attribute(9, ip("9.8.7.6")) + attribute(10, u32(1) + CLUSTER + u32(2))],
                        ids=["originator", "cluster", "last_cluster", "middle_cluster"])
@pytest.mark.parametrize("group", ["client", "plain"])
def test_rfc4456_8_what_comes_back_is_ignored(cast, more, group):
    assert judge(cast, update(GOOD + more), group) == "withdrawn"


def test_rfc4456_8_a_loop_costs_its_own_routes_alone(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    heard(ear, SECOND)
    mouth.send(update(GOOD + attribute(10, CLUSTER), NLRI))
    lost(ear)
    settled(mouth, ear)
    assert ear.paths(SECOND)


def test_rfc4456_8_a_loop_in_ipv6_routes_is_seen(cast):
    assert judge(cast, update(base(hop=None) + reach([SIX]) + attribute(10, CLUSTER), b""), prefix=SIX) == "withdrawn"
    assert judge(cast, update(base(hop=None) + reach([SIX]) + attribute(9, ip(hub.RRD)), b""), prefix=SIX) == "withdrawn"


def test_rfc4456_8_another_originator_that_is_a_peer_is_no_loop_of_ours(cast):
    ear, mouth = cast("all"), cast()
    mouth.send(update(GOOD + attribute(9, ip(ear.router_id))))
    settled(mouth, ear)
    # The ear may be told, who will ignore it; whoever else is here is.
    other = cast()
    assert heard(other).originator_id == ear.router_id


# 10: what must not be changed.

def test_rfc4456_10_next_hop_as_path_local_pref_and_med_are_not_changed(cast):
    ear, mouth = cast(), cast()
    path = segment(SEQUENCE, 65001, 4200000001) + segment(SET, 1, 2)
    mouth.send(update(base(path=path, hop="172.31.255.254", pref=4000000000, origin=2) + attribute(4, u32(4294967294))))
    heard(ear)
    assert [value(ear, c) for c in (1, 2, 3, 4, 5)] == [b"\2", path, ip("172.31.255.254"), u32(4294967294), u32(4000000000)]


@pytest.mark.parametrize("more", [
    attribute(6, b"", 0x40), attribute(7, u32(65001) + ip("1.2.3.4"), 0xC0), attribute(8, u32(*range(70))),
    attribute(16, bytes(range(240))), attribute(25, bytes(40), 0xC0), attribute(32, u32(*range(60)), 0xC0),
], ids=["atomic_aggregate", "aggregator", "communities", "extended", "ipv6_extended", "large"])
def test_rfc4456_10_other_attributes_are_not_changed_either(cast, more):
    ear, mouth = cast(), cast()
    mouth.send(update(GOOD + more))
    heard(ear)
    code, sent = more[1], more[4 if more[0] & 0x10 else 3:]
    size = {8: 4, 16: 8, 32: 12}.get(code, len(sent) or 1)
    assert parts(value(ear, code), size) == parts(sent, size)
    # An attribute that a daemon does not know gets the Partial bit.
    assert flags(ear, code) & (0xC0 if code == 25 else 0xE0) == more[0] & 0xE0


def test_rfc4456_10_what_others_in_between_say_does_not_mix(cast):
    """Two originators with the same attributes: each route keeps its own."""
    ear, one, two = cast("all"), cast(), cast()
    one.announce(PREFIX, HOP)
    two.announce(SECOND, HOP)
    assert heard(ear).originator_id == one.router_id and heard(ear, SECOND).originator_id == two.router_id
