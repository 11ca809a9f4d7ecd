"""What the reflector does to a route on its way, seen from outside. RFC 4456, 7911, 7606, 2918.

    ears (test speakers, clients without policy) -- reflector (rrd) -- mouths (test speakers in pods on n1..n3)
"""
import ipaddress
import struct

import pytest

from lab import bgp, daemons, fig4
from lab.bgp import IPV4
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import holds, wait_until

NON_CLIENT = "10.0.0.120"
BARRIER = "10.1.99.0/24"


@pytest.fixture
def reflector(fig):
    """Pods may hear as well, each kind of group is there; a neighbor that is no client at NON_CLIENT."""
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("export")
    config["peer-groups"]["k8s"].pop("import")
    config["peer-groups"]["plain"] = {"peer-as": fig4.AS, "passive": True, "route-reflector-client": False}
    config["peer-groups"]["best-two"] = {"peer-as": fig4.AS, "passive": True, "route-reflector-client": True,
                                         "add-paths": {"send": "best 2"}}
    config["neighbors"] += [{"address": NON_CLIENT, "peer-group": "plain"},
                            {"address": "10.0.0.121", "peer-group": "best-two"}]
    return daemons.reflector(fig, config).wait_until_ready()


@pytest.fixture
def place(fig):
    """Other members of the node network: speakers at .120 and .121."""
    ns = fig.attach("place", NON_CLIENT, "fd00:10::120")
    ns.ip("addr add 10.0.0.121/16 dev eth0")
    return ns


def ear(fig, **more):
    """The router's place: hears all paths."""
    return bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER,
                       add_path={IPV4: bgp.ADD_PATH_RECEIVE}, **more).establish()


def test_next_hop_and_attributes_pass_untouched_and_the_reflector_signs(fig, reflector):
    heard = ear(fig)
    pod = fig.add_pod(1)
    community = bgp.attribute(bgp.COMMUNITIES, struct.pack("!HH", 65021, 7))
    pod.speaker().establish().announce(SERVICE, "10.0.0.105", path=(65100,), local_pref=150, med=42, origin=2,
                                       more=community)
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    path = heard.paths(SERVICE)[0]
    assert path.originator_id == pod.address
    assert path.cluster_list == [REFLECTOR]
    assert path.attributes[bgp.LOCAL_PREF] == struct.pack("!I", 150)
    assert path.attributes[bgp.MED] == struct.pack("!I", 42)
    assert path.attributes[bgp.ORIGIN] == b"\2"
    assert path.attributes[bgp.AS_PATH] == bgp.as_path(65100)
    assert path.attributes[bgp.COMMUNITIES] == struct.pack("!HH", 65021, 7)


def test_an_originator_and_a_cluster_list_that_are_there_are_kept_and_prepended(fig, reflector):
    heard = ear(fig)
    more = bgp.attribute(bgp.ORIGINATOR_ID, ipaddress.IPv4Address("9.9.9.9").packed)
    more += bgp.attribute(bgp.CLUSTER_LIST, ipaddress.IPv4Address("8.8.8.8").packed)
    fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105", more=more)
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    path = heard.paths(SERVICE)[0]
    assert path.originator_id == "9.9.9.9"
    assert path.cluster_list == [REFLECTOR, "8.8.8.8"]


@pytest.mark.parametrize("code", [bgp.ORIGINATOR_ID, bgp.CLUSTER_LIST])
def test_a_route_that_has_been_here_before_is_dropped(fig, reflector, code):
    heard = ear(fig)
    speaker = fig.add_pod(1).speaker().establish()
    own = bgp.attribute(code, ipaddress.IPv4Address(REFLECTOR).packed)
    speaker.announce(SERVICE, "10.0.0.105", more=own)
    speaker.announce(BARRIER, "10.0.0.105")
    heard.wait_for_routes(BARRIER, ["10.0.0.105"])
    assert heard.paths(SERVICE) == []
    assert speaker.closed is None


def test_never_back_to_the_source(fig, reflector):
    one, two = fig.add_pod(1).speaker().establish(), fig.add_pod(2).speaker().establish()
    one.announce(SERVICE, "10.0.0.105")
    two.wait_for_routes(SERVICE, ["10.0.0.105"])
    assert one.routes == {}


def test_a_non_client_is_heard_by_clients_and_hears_clients(fig, reflector, place):
    stranger = bgp.Speaker(place, REFLECTOR, local=NON_CLIENT, router_id=NON_CLIENT).establish()
    client = fig.add_pod(1).speaker().establish()
    stranger.announce("10.1.7.0/24", NON_CLIENT)
    client.wait_for_routes("10.1.7.0/24", [NON_CLIENT])
    client.announce("10.1.8.0/24", "10.0.0.105")
    stranger.wait_for_routes("10.1.8.0/24", ["10.0.0.105"])


def test_all_paths_go_to_who_asked_for_all_and_the_best_to_who_did_not(fig, reflector, place):
    all_of_them = ear(fig)
    two_of_them = bgp.Speaker(place, REFLECTOR, local="10.0.0.121", router_id="10.0.0.121",
                              add_path={IPV4: bgp.ADD_PATH_RECEIVE}).establish()
    one_of_them = bgp.Speaker(place, REFLECTOR, local=NON_CLIENT, router_id=NON_CLIENT).establish()
    hops = ["10.0.0.105", "10.0.0.106", "10.0.0.107"]
    for node, hop in enumerate(hops, 1):
        fig.add_pod(node).speaker().establish().announce(SERVICE, hop)
    all_of_them.wait_for_routes(SERVICE, hops)
    wait_until(lambda: len(two_of_them.paths(SERVICE)) == 2, 5, "two paths where the best two are sent")
    wait_until(lambda: len(one_of_them.paths(SERVICE)) == 1, 5, "one path without add-path")
    assert len({p.path_id for p in all_of_them.paths(SERVICE)}) == 3


def test_the_equal_cost_set_goes_to_who_asked_for_multipath(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["routers"]["add-paths"]["send"] = "multipath"
    daemons.reflector(fig, config).wait_until_ready()
    heard = ear(fig)
    for node, pref in ((1, 100), (2, 100), (3, 50)):
        speaker = fig.add_pod(node).speaker().establish()
        speaker.announce(SERVICE, f"10.0.0.{104 + node}", local_pref=pref)
    heard.wait_for_routes(SERVICE, ["10.0.0.105", "10.0.0.106"])
    holds(lambda: heard.next_hops(SERVICE) == ["10.0.0.105", "10.0.0.106"], 0.2, "without the lesser one")


def test_path_ids_are_stable_and_a_withdrawal_names_the_path_that_went(fig, reflector):
    heard = ear(fig)
    speakers = [fig.add_pod(n).speaker().establish() for n in (1, 2, 3)]
    for number, speaker in enumerate(speakers):
        speaker.announce(SERVICE, f"10.0.0.{105 + number}")
    heard.wait_for_routes(SERVICE, ["10.0.0.105", "10.0.0.106", "10.0.0.107"])
    ids = {p.next_hop: p.path_id for p in heard.paths(SERVICE)}
    before = heard.count(bgp.UPDATE)
    speakers[1].withdraw(SERVICE)
    heard.wait_for_routes(SERVICE, ["10.0.0.105", "10.0.0.107"])
    left = {p.next_hop: p.path_id for p in heard.paths(SERVICE)}
    assert left == {h: i for h, i in ids.items() if h != "10.0.0.106"}
    assert heard.count(bgp.UPDATE) == before + 1
    speakers[0].announce(SERVICE, "10.0.0.105", med=5)
    wait_until(lambda: any(bgp.MED in p.attributes for p in heard.paths(SERVICE)), 5, "the changed path")
    assert {p.next_hop: p.path_id for p in heard.paths(SERVICE)} == left


def test_the_best_path_moves_when_it_goes(fig, reflector, place):
    heard = bgp.Speaker(place, REFLECTOR, local=NON_CLIENT, router_id=NON_CLIENT).establish()
    one, two = fig.add_pod(1).speaker().establish(), fig.add_pod(2).speaker().establish()
    one.announce(SERVICE, "10.0.0.105", local_pref=200)
    two.announce(SERVICE, "10.0.0.106", local_pref=100)
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    one.close()
    heard.wait_for_routes(SERVICE, ["10.0.0.106"])
    two.withdraw(SERVICE)
    heard.wait_for_routes(SERVICE, [])


def test_unknown_transitive_attributes_pass_with_the_partial_bit_and_others_do_not(fig, reflector):
    heard = ear(fig)
    more = bgp.attribute(201, b"passes", 0xC0) + bgp.attribute(202, b"stays", 0x80)
    fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105", more=more)
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    attributes = heard.paths(SERVICE)[0].attributes
    assert attributes[201] == b"passes"
    assert 202 not in attributes
    raw = next(m.body for m in heard.messages if m.kind == bgp.UPDATE and b"passes" in m.body)
    assert raw[raw.index(b"passes") - 3] & 0xE0 == 0xE0


def test_an_unknown_well_known_attribute_does_not_pass(fig, reflector):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, "10.0.0.105", more=bgp.attribute(203, b"what", 0x40))
    # RFC 7606 leaves RFC 4271's answer for this one: Unrecognized Well-known Attribute.
    assert speaker.wait_for_end() == (3, 2)


def test_a_malformed_attribute_withdraws_the_route_and_keeps_the_session(fig, reflector):
    heard = ear(fig)
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, "10.0.0.105")
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    bad_origin = bgp.attribute(bgp.ORIGIN, b"\7") + bgp.attribute(bgp.AS_PATH, b"")
    bad_origin += bgp.attribute(bgp.NEXT_HOP, bytes([10, 0, 0, 105])) + bgp.attribute(bgp.LOCAL_PREF, b"\0\0\0\1")
    speaker.send(bgp.update(attributes=bad_origin, reachable=bgp.nlri([SERVICE])))
    heard.wait_for_routes(SERVICE, [])
    assert speaker.closed is None


def test_end_of_rib_comes_after_the_table_and_also_when_there_is_none(fig, reflector):
    empty = ear(fig)
    wait_until(lambda: IPV4 in empty.ended, 5, "End-of-RIB of an empty table")
    empty.close()
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce([f"10.1.{i}.0/24" for i in range(100)], "10.0.0.105")
    wait_until(lambda: len(reflector.show("routes")) == 100, 5, "a hundred routes")
    full = ear(fig)
    wait_until(lambda: IPV4 in full.ended, 5, "End-of-RIB")
    assert len(full.routes) == 100


def test_a_refresh_sends_everything_again(fig, reflector):
    heard = ear(fig)
    fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105")
    heard.wait_for_routes(SERVICE, ["10.0.0.105"])
    before = heard.count(bgp.UPDATE)
    heard.send(bgp.message(bgp.ROUTE_REFRESH, struct.pack("!HBB", 1, 0, 1)))
    wait_until(lambda: heard.count(bgp.UPDATE) > before, 5, "the route again")
    assert heard.next_hops(SERVICE) == ["10.0.0.105"]


def test_a_peer_of_two_octet_as_numbers_gets_them_mapped(fig, reflector):
    families = bgp.capability(bgp.CAP_MP, struct.pack("!HBB", 1, 0, 1))
    old = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER, capabilities=[families]).establish()
    fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105", path=(400000, 65100))
    old.wait_for_routes(SERVICE, ["10.0.0.105"])
    attributes = old.paths(SERVICE)[0].attributes
    assert attributes[bgp.AS_PATH] == bgp.as_path(bgp.AS_TRANS, 65100, four_octets=False)
    assert attributes[17] == bgp.as_path(400000, 65100)


def test_a_peer_without_any_capability_is_an_ipv4_peer(fig, reflector):
    old = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER, capabilities=[]).establish()
    fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105")
    old.wait_for_routes(SERVICE, ["10.0.0.105"])


def test_attributes_that_outgrow_a_message_cost_that_route_to_that_peer_only(fig, reflector):
    heard = ear(fig)
    speaker = fig.add_pod(1).speaker().establish()
    # The message in which it comes has just the 4096 octets a message may have; ORIGINATOR_ID and CLUSTER_LIST are too much.
    room = 4096 - len(bgp.announcement([SERVICE], "10.0.0.105", more=bgp.attribute(204, bytes(256), 0xC0)))
    big = bgp.attribute(204, bytes(256 + room), 0xC0)
    assert len(bgp.announcement([SERVICE], "10.0.0.105", more=big)) == 4096
    speaker.announce(SERVICE, "10.0.0.105", more=big)
    speaker.announce(BARRIER, "10.0.0.105")
    heard.wait_for_routes(BARRIER, ["10.0.0.105"])
    assert heard.paths(SERVICE) == []
    assert heard.closed is None and speaker.closed is None
    reflector.wait_for_log(SERVICE)


def test_a_thousand_routes_and_none_is_missing(fig, reflector):
    heard = ear(fig)
    speaker = fig.add_pod(1).speaker().establish()
    prefixes = [f"10.{100 + i // 250}.{i % 250}.0/24" for i in range(1000)]
    for start in range(0, 1000, 250):
        speaker.announce(prefixes[start:start + 250], "10.0.0.105")
    wait_until(lambda: {p for p, _ in heard.routes} == set(prefixes), 10, "all thousand")
    speaker.close()
    wait_until(lambda: heard.routes == {}, 10, "none")
    holds(lambda: heard.closed is None, 0.1, "the session")
