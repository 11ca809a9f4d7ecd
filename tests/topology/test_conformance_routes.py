"""Routes on their way through the reflector, octet by octet, and what each kind of peer is told.

RFC 4456, 4271 5, 6793, 7911, 8654, 2918, 7313, 4724 2. The topology is lab/hub.py's; one rrd serves the whole file.
"""
import ipaddress
import struct

import pytest

from lab import Lab, bgp, hub
from lab.bgp import IPV4, IPV6, attribute, message
from lab.wait import wait_until

PREFIX, SECOND, BARRIER = "198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"
SIX, SIX2 = "2001:db8:1::/48", "2001:db8:2::/48"
HOP = "10.9.0.77"
ENHANCED = bgp.capability(70)
EXTENDED = bgp.capability(bgp.CAP_EXTENDED_MESSAGE)


@pytest.fixture(scope="module")
def world():
    with Lab("conformance-routes") as lab:
        yield hub.Hub(lab)


@pytest.fixture
def cast(world):
    """Makes speakers; all are gone, and rrd's table empty, when the test is over."""
    made = []

    def make(group="client", kind="new_speaker", **more):
        speaker = getattr(world, kind)(group, **more)
        made.append(speaker)
        return speaker.establish()

    yield make
    world.gone(*made)


def ip(text):
    return ipaddress.ip_address(text).packed


def settled(source, ear, number=[0]):
    """What source sent before has reached ear by now."""
    number[0] += 1
    barrier = f"203.0.{number[0] % 256}.0/24"
    source.announce(barrier, HOP, path=(65100,) if source.asn != hub.AS else ())
    wait_until(lambda: ear.paths(barrier), 5, "the barrier")
    source.withdraw(barrier)
    wait_until(lambda: not ear.paths(barrier), 5, "the barrier's withdrawal")


def tlvs(octets):
    """[(flags, code, value)] in order."""
    found, at = [], 0
    while at < len(octets):
        flags, code = octets[at], octets[at + 1]
        n, head = (struct.unpack_from("!H", octets, at + 2)[0], 4) if flags & 0x10 else (octets[at + 2], 3)
        found.append((flags & 0xE0, code, octets[at + head:at + head + n]))
        at += head + n
    return found


def last_attributes(ear, prefix):
    """The attributes of the last UPDATE that announced a prefix, as tlvs()."""
    for got in reversed(ear.messages):
        if got.kind != bgp.UPDATE:
            continue
        _, paths, _ = bgp.decode_update(got.body, ear.add_path_in)
        if any(p.prefix == prefix for p in paths):
            n = struct.unpack_from("!H", got.body)[0]
            m = struct.unpack_from("!H", got.body, 2 + n)[0]
            return tlvs(got.body[4 + n:4 + n + m])
    return None


EVERYTHING = [
    (0x40, 1, b"\1"),
    (0x40, 2, bgp.as_path(65100, 4200000001, 65200) + b"\1\2" + struct.pack("!II", 7, 4200000002)),
    (0x40, 3, ip(HOP)),
    (0x80, 4, struct.pack("!I", 4294967295)),
    (0x40, 5, struct.pack("!I", 0)),
    (0x40, 6, b""),
    (0xC0, 7, struct.pack("!I", 4200000003) + b"\1\2\3\4"),
    (0xC0, 8, struct.pack("!III", 1, 0x12345678, 1)),
    (0xE0, 16, bytes(range(16))),
    (0xC0, 32, struct.pack("!IIIIII", 4200000001, 1, 2, 4200000001, 0, 2)),
]


def raw(parts):
    return b"".join(attribute(code, value, flags) for flags, code, value in parts)


def test_every_attribute_is_reflected_to_the_octet(cast):
    ear, mouth = cast("all"), cast()
    unknown = [(0xC0, 99, b"hello"), (0xE0, 200, b""), (0xC0, 255, bytes(300))]
    mouth.send(bgp.update(attributes=raw(EVERYTHING + unknown), reachable=bgp.nlri([PREFIX])))
    wait_until(lambda: ear.paths(PREFIX), 5)
    heard = last_attributes(ear, PREFIX)
    signed = [(0x80, 9, ip(mouth.router_id)), (0x80, 10, ip(hub.RRD))]
    passed = [(0xE0, 99, b"hello"), (0xE0, 200, b""), (0xE0, 255, bytes(300))]
    assert sorted(heard, key=lambda a: a[1]) == sorted(EVERYTHING + signed + passed, key=lambda a: a[1])
    assert [a[1] for a in heard] == sorted(a[1] for a in heard)


def test_an_ipv6_next_hop_of_32_octets_is_kept(cast):
    both = (IPV4, IPV6)
    ear, mouth = cast("all", families=both), cast(families=both, six=True)
    hop = ip("2001:db8::77") + ip("fe80::77")
    value = struct.pack("!HBB", 2, 1, 32) + hop + b"\0" + bgp.nlri([SIX])
    mouth.send(bgp.update(attributes=raw([EVERYTHING[0], EVERYTHING[1]]) + attribute(14, value)))
    wait_until(lambda: ear.paths(SIX), 5)
    assert ear.paths(SIX)[0].attributes[14][:3 + 1 + 32] == struct.pack("!HBB", 2, 1, 32) + hop


def test_a_missing_local_pref_is_100_inside(cast):
    # RFC 4271 5.1.5: every UPDATE to an internal peer SHALL have one.
    ear, mouth = cast("all"), cast()
    mouth.announce(PREFIX, HOP, local_pref=None)
    wait_until(lambda: ear.paths(PREFIX), 5)
    assert ear.paths(PREFIX)[0].attributes[bgp.LOCAL_PREF] == struct.pack("!I", 100)


def test_as4_path_and_as4_aggregator_are_made_for_an_old_peer_and_merged_from_one(cast):
    old = cast(kind="old_speaker", families=(IPV4,))
    new, ear = cast(), cast("all")
    new.send(bgp.update(attributes=raw(EVERYTHING), reachable=bgp.nlri([PREFIX])))
    wait_until(lambda: old.paths(PREFIX), 5)
    heard = {code: (flags, value) for flags, code, value in last_attributes(old, PREFIX)}
    assert heard[2][1] == (bgp.as_path(65100, bgp.AS_TRANS, 65200, four_octets=False)
                           + b"\1\2" + struct.pack("!HH", 7, bgp.AS_TRANS))
    assert heard[17] == (0xC0, EVERYTHING[1][2])
    assert heard[7][1] == struct.pack("!H", bgp.AS_TRANS) + b"\1\2\3\4"
    assert heard[18] == (0xC0, EVERYTHING[6][2])
    narrow = [(0x40, 1, b"\0"), (0x40, 2, heard[2][1]), (0x40, 3, ip(HOP)), (0x40, 5, struct.pack("!I", 100)),
              (0xC0, 7, heard[7][1]), (0xC0, 17, heard[17][1]), (0xC0, 18, heard[18][1])]
    old.send(bgp.update(attributes=raw(narrow), reachable=bgp.nlri([SECOND])))
    wait_until(lambda: ear.paths(SECOND), 5)
    wide = {code: value for _, code, value in last_attributes(ear, SECOND)}
    assert wide[2] == EVERYTHING[1][2] and wide[7] == EVERYTHING[6][2]
    assert 17 not in wide and 18 not in wide


def test_who_hears_whom(cast):
    """RFC 4456 6, with the outside."""
    kinds = {"client": {}, "plain": {}, "outside": {"asn": 65100}}
    mouths = {k: cast(k, **m) for k, m in kinds.items()}
    ears = {k: cast(k, **m) for k, m in kinds.items()}
    prefixes = {k: f"198.51.{100 + i}.0/24" for i, k in enumerate(kinds)}
    for kind, mouth in mouths.items():
        mouth.announce(prefixes[kind], HOP, path=(65100,) if kind == "outside" else (),
                       local_pref=None if kind == "outside" else 100)
    heard_by = {"client": {"client", "plain", "outside"}, "plain": {"client", "outside"},
                "outside": {"client", "plain"}}  # the outside's own AS would drop its routes: no matter here
    for kind, ear in ears.items():
        for source in heard_by[kind]:
            wait_until(lambda s=source, e=ear: e.paths(prefixes[s]), 5, f"{kind} to hear {source}")
    assert not ears["plain"].paths(prefixes["plain"])
    out = ears["outside"].paths(prefixes["client"])[0].attributes
    assert out[2] == bgp.as_path(hub.AS)
    assert not {bgp.LOCAL_PREF, bgp.ORIGINATOR_ID, bgp.CLUSTER_LIST} & set(out)
    inside = ears["client"].paths(prefixes["outside"])[0].attributes
    assert not {bgp.ORIGINATOR_ID, bgp.CLUSTER_LIST} & set(inside)


def test_attributes_that_outgrow_a_message_cost_that_route_and_its_earlier_version(cast):
    ear, mouth = cast("all"), cast()
    mouth.announce([PREFIX, SECOND], HOP)
    wait_until(lambda: ear.paths(PREFIX) and ear.paths(SECOND), 5)
    # 4096 without ORIGINATOR_ID and CLUSTER_LIST: fits here, not there.
    base = bgp.announcement([PREFIX], HOP)
    room = 4096 - len(base) - 4
    big = attribute(99, bytes(room), flags=0xC0)
    octets = bgp.announcement([PREFIX], HOP, more=big)
    assert len(octets) == 4096
    mouth.send(octets)
    wait_until(lambda: not ear.paths(PREFIX), 5, "the earlier version to be withdrawn")
    settled(mouth, ear)
    assert ear.paths(SECOND) and not ear.closed and not mouth.closed
    mouth.announce(PREFIX, HOP)
    wait_until(lambda: ear.paths(PREFIX), 5)


def test_one_prefix_that_does_not_fit_does_not_cost_a_shorter_one(cast):
    """Attributes that leave room for a prefix of 8 bits but not for one of 32."""
    ear, mouth = cast("all"), cast(more=[EXTENDED])
    mouth.announce([BARRIER], HOP)
    wait_until(lambda: ear.paths(BARRIER), 5)
    # To the ear: what comes in plus ORIGINATOR_ID (7) and CLUSTER_LIST (7).
    base = bgp.announcement(["11.0.0.0/8"], HOP)
    big = attribute(99, bytes(4096 - len(base) - 4 - 14), flags=0xC0)
    mouth.send(bgp.announcement(["11.0.0.0/8", "12.1.2.3/32", "13.0.0.0/8"], HOP, more=big))
    wait_until(lambda: ear.paths("11.0.0.0/8") and ear.paths("13.0.0.0/8"), 5, "the short ones")
    settled(mouth, ear)
    assert ear.paths("11.0.0.0/8") and ear.paths("13.0.0.0/8") and not ear.paths("12.1.2.3/32")


def test_long_messages_go_both_ways_where_both_can(cast):
    long_ear, short_ear = cast("client", more=[EXTENDED]), cast("client")
    mouth = cast(more=[EXTENDED])
    prefixes = [f"10.{i // 256}.{i % 256}.0/24" for i in range(15000)]
    octets = bgp.announcement(prefixes, HOP)
    assert 60000 < len(octets) <= 65535
    mouth.send(octets)
    for ear in (long_ear, short_ear):
        wait_until(lambda e=ear: len(e.routes) == 15000, 10, "the table")
    assert max(len(m.body) for m in short_ear.messages) <= 4096 - 19
    assert max(len(m.body) for m in long_ear.messages) > 4096
    base = bgp.announcement([PREFIX], HOP)
    more = attribute(99, bytes(65535 - len(base) - 4 - 14), flags=0xC0)
    mouth.send(bgp.announcement([PREFIX], HOP, more=more))
    wait_until(lambda: long_ear.paths(PREFIX), 5, "a message of 65535 octets")
    assert max(len(m.body) for m in long_ear.messages) == 65535 - 19
    assert not short_ear.paths(PREFIX)


def test_a_path_of_two_octet_numbers_that_cannot_be_widened_is_no_route(cast):
    mouth = cast(kind="old_speaker", more=[EXTENDED])
    ear = cast("client", more=[EXTENDED])
    segment = b"\2\xff" + struct.pack("!255H", *range(1, 256))
    path = attribute(2, segment * 60)
    rest = attribute(99, bytes(30000), flags=0xC0)
    head = attribute(1, b"\0") + attribute(3, ip(HOP)) + attribute(5, bytes(4))
    mouth.send(bgp.update(attributes=head + path + rest, reachable=bgp.nlri([PREFIX])))
    settled(mouth, ear)
    assert not ear.paths(PREFIX) and not mouth.closed


# Add-path.

@pytest.mark.parametrize("group,mode,hears_ids,says_ids", [
    ("all", bgp.ADD_PATH_BOTH, True, True),
    ("all", bgp.ADD_PATH_SEND, False, True),
    ("all", bgp.ADD_PATH_RECEIVE, True, False),
    ("send-only", bgp.ADD_PATH_BOTH, True, False),
    ("send-only", bgp.ADD_PATH_SEND, False, False),
    ("receive-only", bgp.ADD_PATH_BOTH, False, True),
    ("receive-only", bgp.ADD_PATH_RECEIVE, False, False),
    ("client", bgp.ADD_PATH_BOTH, False, False),
])
def test_path_ids_go_in_each_direction_both_sides_agreed_on(cast, group, mode, hears_ids, says_ids):
    peer = cast(group, kind="speaker", add_path={IPV4: mode}, families=(IPV4, IPV6))
    assert (IPV4 in peer.add_path_in, IPV4 in peer.add_path_out) == (hears_ids, says_ids)
    one, two = cast("client", families=(IPV4, IPV6)), cast("client")
    one.announce(PREFIX, "10.9.0.71")
    two.announce(PREFIX, "10.9.0.72")
    wait_until(lambda: len(peer.paths(PREFIX)) == (2 if hears_ids else 1), 5)
    assert all((p.path_id != 0) == hears_ids for p in peer.paths(PREFIX))
    # IPv6 was not offered: no ids there, in neither direction.
    one.announce(SIX, "2001:db8::1")
    wait_until(lambda: peer.paths(SIX), 5)
    ids = [7, 7] if says_ids else None
    peer.announce(["10.1.0.0/16", "10.2.0.0/16"], "10.9.0.73", path_ids=ids)
    wait_until(lambda: one.paths("10.1.0.0/16") and one.paths("10.2.0.0/16"), 5)
    peer.announce(SIX2, "2001:db8::3")
    wait_until(lambda: one.paths(SIX2), 5)
    peer.withdraw("10.1.0.0/16", path_ids=ids and [7])
    wait_until(lambda: not one.paths("10.1.0.0/16"), 5)
    assert one.paths("10.2.0.0/16")


def test_path_ids_live_as_long_as_their_paths_and_withdrawals_name_them(cast):
    ear = cast("all", kind="speaker", add_path={IPV4: bgp.ADD_PATH_RECEIVE})
    mouth = cast("all", kind="speaker", add_path={IPV4: bgp.ADD_PATH_SEND})
    for i in (1, 2, 3):
        mouth.announce(PREFIX, f"10.9.0.7{i}", path_ids=[i])
    wait_until(lambda: len(ear.paths(PREFIX)) == 3, 5)
    ids = {p.next_hop: p.path_id for p in ear.paths(PREFIX)}
    assert len(set(ids.values())) == 3
    for pref in (50, 300, 100):
        mouth.announce(PREFIX, "10.9.0.72", path_ids=[2], local_pref=pref)
    settled_by = lambda: {p.next_hop: p.path_id for p in ear.paths(PREFIX)} == ids  # noqa: E731
    mouth.announce(SECOND, HOP, path_ids=[1])
    wait_until(lambda: ear.paths(SECOND), 5)
    assert settled_by()
    before = len(ear.messages)
    mouth.withdraw(PREFIX, path_ids=[2])
    wait_until(lambda: len(ear.paths(PREFIX)) == 2, 5)
    named = [w for m in ear.messages[before:] if m.kind == bgp.UPDATE
             for w in bgp.decode_update(m.body, ear.add_path_in)[0]]
    assert named == [(IPV4, PREFIX, ids["10.9.0.72"])]
    mouth.withdraw(PREFIX, path_ids=[99])
    mouth.withdraw(SECOND, path_ids=[1])
    wait_until(lambda: not ear.paths(SECOND), 5)
    assert len(ear.paths(PREFIX)) == 2


# Refresh and End-of-RIB.

def updates_after(peer, mark):
    return [m for m in peer.messages[mark:] if m.kind in (bgp.UPDATE, bgp.ROUTE_REFRESH)]


def test_end_of_rib_comes_for_each_family_after_its_table(cast):
    mouth = cast(families=(IPV4, IPV6))
    mouth.announce([f"10.{i}.0.0/16" for i in range(200)], HOP)
    mouth.announce([f"2001:db8:{i:x}::/48" for i in range(200)], "2001:db8::1")
    settled(mouth, cast("all"))
    for group in ("client", "all", "plain"):
        peer = cast(group, families=(IPV4, IPV6))
        wait_until(lambda p=peer: p.ended == {IPV4, IPV6}, 5, "both End-of-RIBs")
        seen = {IPV4: 0, IPV6: 0}
        for got in [m for m in peer.messages if m.kind == bgp.UPDATE]:
            _, paths, ended = bgp.decode_update(got.body, peer.add_path_in)
            for path in paths:
                seen[IPV6 if ":" in path.prefix else IPV4] += 1
            assert ended is None or seen[ended] == 200
    mute = cast("silent", families=(IPV4, IPV6))
    wait_until(lambda: mute.ended == {IPV4, IPV6}, 5, "both End-of-RIBs with export none")
    only = cast("four", families=(IPV4, IPV6))
    wait_until(lambda: only.ended == {IPV4}, 5)
    assert not mute.routes


def refresh(subtype=0, family=IPV4):
    return message(bgp.ROUTE_REFRESH, struct.pack("!HBB", family[0], subtype, family[1]))


def test_a_refresh_brings_the_table_again_and_nothing_else(cast):
    mouth, peer = cast(families=(IPV4, IPV6)), cast(families=(IPV4, IPV6))
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.announce(SIX, "2001:db8::1")
    wait_until(lambda: len(peer.routes) == 3, 5)
    mark = len(peer.messages)
    peer.routes.clear()
    peer.send(refresh())
    wait_until(lambda: len(peer.routes) == 2, 5)
    settled(mouth, peer)
    assert not peer.paths(SIX)
    assert not [m for m in updates_after(peer, mark) if m.kind == bgp.ROUTE_REFRESH]
    peer.send(refresh(family=IPV6))
    wait_until(lambda: peer.paths(SIX), 5)


def test_an_enhanced_refresh_is_framed(cast):
    mouth, peer = cast(), cast(more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    wait_until(lambda: len(peer.routes) == 2, 5)
    mark = len(peer.messages)
    peer.send(refresh())
    wait_until(lambda: sum(m.kind == bgp.ROUTE_REFRESH for m in updates_after(peer, mark)) == 2, 5)
    kinds = [(m.kind, m.body[2] if m.kind == bgp.ROUTE_REFRESH else None) for m in updates_after(peer, mark)]
    assert kinds[0] == (bgp.ROUTE_REFRESH, 1) and kinds[-1] == (bgp.ROUTE_REFRESH, 2)
    assert 1 <= kinds[1:-1].count((bgp.UPDATE, None)) == len(kinds) - 2


def test_an_enhanced_refresh_of_nothing_is_framed_too(cast):
    peer = cast("silent", more=[ENHANCED])
    peer.send(refresh())
    wait_until(lambda: peer.count(bgp.ROUTE_REFRESH) == 2, 5, "begin and end")


def test_routes_that_a_peers_own_refresh_left_out_are_gone_at_its_end(cast):
    ear, mouth = cast("all", families=(IPV4, IPV6)), cast(families=(IPV4, IPV6), more=[ENHANCED])
    mouth.announce([PREFIX, SECOND], HOP)
    mouth.announce(SIX, "2001:db8::1")
    wait_until(lambda: len(ear.routes) == 3, 5)
    mouth.send(refresh(1)).announce(PREFIX, HOP).announce(BARRIER, HOP)
    wait_until(lambda: ear.paths(BARRIER), 5)
    assert ear.paths(SECOND)
    mouth.send(refresh(2))
    wait_until(lambda: not ear.paths(SECOND), 5, "the route left out to go")
    assert ear.paths(PREFIX) and ear.paths(SIX)
    mouth.send(refresh(2))  # without a beginning: means nothing
    settled(mouth, ear)
    assert ear.paths(PREFIX)


def test_many_refreshes_are_answered_by_few(cast):
    mouth, peer = cast(), cast(more=[ENHANCED])
    mouth.announce([PREFIX], HOP)
    wait_until(lambda: peer.paths(PREFIX), 5)
    peer.send(refresh() * 1000)
    wait_until(lambda: peer.messages and peer.messages[-1].kind == bgp.ROUTE_REFRESH
               and peer.messages[-1].body[2] == 2, 5)
    settled(mouth, peer)
    depth = 0
    for got in [m for m in peer.messages if m.kind == bgp.ROUTE_REFRESH]:
        depth += 1 if got.body[2] == 1 else -1
        assert depth in (0, 1)
    assert depth == 0


# Ranges.

def test_the_limit_of_a_range_is_exact_and_takes_ipv6_by_itself(world):
    ups = [world.up("limited") for _ in range(hub.LIMIT)]
    with pytest.raises(ConnectionError, match=r"\(6, 5\)"):
        world.up("limited")
    six = [world.up("limited", six=True) for _ in range(hub.LIMIT)]
    with pytest.raises(ConnectionError, match=r"\(6, 5\)"):
        world.up("limited", six=True)
    # Who is there already is not counted twice.
    again = world.speaker("limited", local=ups[0].local).establish()
    assert ups[0].wait_for_end() == (6, 7)
    world.gone(again, *ups, *six)
    world.gone(world.up("limited"))


def test_a_takeover_and_two_speakers(world):
    first = world.up()
    second = world.speaker(local=first.local).establish()
    assert first.wait_for_end() == (6, 7)
    other = world.speaker(local=first.local, router_id="9.9.9.9")
    with pytest.raises(ConnectionError, match=r"\(6, 7\)"):
        other.establish()
    assert not second.closed
    assert "two speakers" in str(world.rrd.show("neighbor", first.local))
    world.gone(second, other)


def test_memory_is_what_it_was_after_many_have_come_and_gone(world):
    def cycle(times):
        for i in range(times):
            world.place.lab.closers.clear()
            speaker = world.speaker("any", local=address, router_id=f"7.7.{i % 250}.7").establish()
            speaker.announce([f"10.{i % 200}.{j}.0/24" for j in range(50)], HOP, med=i)
            speaker.close(reset=i % 2 == 0)

    def rows():
        return {r.get("what") or r.get("name"): r.get("objects", r.get("count")) for r in world.rrd.show("memory")}

    address = world.address("any")
    wait_until(lambda: not world.rrd.neighbors(), 10)
    before = rows()
    cycle(60)
    wait_until(lambda: not world.rrd.neighbors(), 10, "nobody is here")

    def as_before():
        assert rows() == before, f"{rows()}, not {before}"
        return True
    wait_until(as_before, 10, "memory as it was")
