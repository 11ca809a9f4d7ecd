"""BIRD, FRR, GoBGP, OpenBGPD and ExaBGP in every place that a speaker may have beside rrd.

    router ==== node network ==== reflector -- pods on n1..n3

Each case says in its marker what it tries; the run writes a table of what was tried and seen (conftest.py).
"""
import pytest

from lab import bgp, daemons, fig4, others
from lab.fig4 import REFLECTOR, REFLECTOR6, ROUTER, SERVICE, SERVICE2, SERVICE_V6
from lab.others import Link
from lab.wait import holds, wait_until

KEY = "of-the-range"
FAR_AS = 4200000001


@pytest.fixture(params=others.ALL, ids=lambda other: other.TITLE)
def other(request):
    lacks = request.node.get_closest_marker("needs")
    for what in lacks.args if lacks else ():
        if what in request.param.CANNOT:
            pytest.skip(request.param.CANNOT[what])
    return request.param


def reflector(fig, pods=None, routers=None, config=None):
    """rrd as the reflector, pods being told routes. pods, routers: more settings of the groups."""
    config = config or daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("export")
    config["peer-groups"]["k8s"].update(pods or {})
    config["peer-groups"]["routers"].update(routers or {})
    return daemons.reflector(fig, config).wait_until_ready()


def client(fig, other, node=1, announce=(), **link):
    pod = fig.add_pod(node)
    pod.other = other(pod.ns, pod.address, [Link(REFLECTOR, **link)],
                      announce=[(p, pod.node.address6 if ":" in p else pod.node.address) for p in announce])
    return pod


def announcers(fig, nodes=(1, 2, 3), prefixes=(SERVICE,), **more):
    pods = [fig.add_pod(node) for node in nodes]
    for pod in pods:
        daemons.announcer(pod, prefixes, **more)
    return pods


def hops(*nodes):
    return [f"10.0.0.{104 + node}" for node in nodes]


@pytest.mark.tried("client announces, rrd reflects")
def test_a_client_announces(fig, other):
    reflector(fig)
    upstream = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, add_path={bgp.IPV4: 1}).establish()
    pod = client(fig, other, announce=[SERVICE])
    upstream.wait_for_routes(SERVICE, hops(1), 30)
    path, = upstream.paths(SERVICE)
    assert (path.originator_id, path.cluster_list) == (pod.address, [REFLECTOR])
    pod.other.kill()
    upstream.wait_for_routes(SERVICE, [], 20)


@pytest.mark.tried("client without add-path holds the best path")
def test_a_client_without_add_path_holds_the_best_path(fig, other):
    reflector(fig)
    pod = client(fig, other, node=3)
    announcers(fig, (1, 2))
    wait_until(lambda: pod.other.held(SERVICE) in ([hop] for hop in hops(1, 2)), 30, "one path", poll_s=0.1)


@pytest.mark.tried("client with add-path holds all paths")
def test_a_client_with_add_path_holds_all_paths(fig, other):
    reflector(fig, pods={"add-paths": {"send": "all"}})
    pod = client(fig, other, node=3, add_path="rx")
    one, _ = announcers(fig, (1, 2))
    pod.other.wait_held(SERVICE, hops(1, 2), 30)
    one.cut()
    one.node.ns.ip("route flush cache")
    pod.other.wait_held(SERVICE, hops(2), 30)


@pytest.mark.tried("non-client hears clients and is heard by them alone")
def test_a_non_client(fig, other):
    config = daemons.reflector_config(routers=())
    plain = {"peer-as": fig4.AS, "passive": True, "hold-time": 9}
    config["peer-groups"]["plain"] = plain
    config["neighbors"] = [{"address": a, "peer-group": "plain"} for a in (ROUTER, "10.0.0.120")]
    reflector(fig, config=config)
    upstream = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER).establish()
    pod, = announcers(fig, (1,))
    ns = fig.attach("plain", "10.0.0.120", "fd00:10::120")
    neighbor = other(ns, "10.0.0.120", [Link(REFLECTOR)], announce=[(SERVICE2, "10.0.0.106")])
    receiver = bgp.Speaker(fig.add_pod(2).ns, REFLECTOR).establish()
    neighbor.wait_held(SERVICE, hops(1), 30)
    receiver.wait_for_routes(SERVICE2, hops(2), 30)
    assert receiver.paths(SERVICE2)[0].originator_id == "10.0.0.120"
    upstream.wait_for_routes(SERVICE, hops(1), 10)
    assert upstream.paths(SERVICE)[0].originator_id == pod.address
    assert upstream.paths(SERVICE2) == []


@pytest.mark.needs("reflector", "range")
@pytest.mark.tried("reflector in rrd's place: lb-announcer in pods by range, rrd as router by add-path")
def test_a_reflector_in_our_place(fig, other):
    between = other(fig.reflector, REFLECTOR, [Link("172.16.0.0/16", client=True),
                                               Link(ROUTER, client=True, add_path="tx")], families=["ipv4"])
    router = daemons.router(fig)
    pods = announcers(fig)
    router.wait_established(REFLECTOR, timeout=40)
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1, "n3": 1}, 40, "three next hops by rrd", poll_s=0.1)
    pods[0].cut()
    wait_until(lambda: fig.hops() == {"n2": 1, "n3": 1}, 30, "two next hops by rrd", poll_s=0.1)
    assert between.established(ROUTER)


@pytest.mark.tried("router in rrd's place: holds every path by add-path")
def test_a_router_in_our_place_holds_every_path(fig, other):
    reflector(fig)
    router = other(fig.router, ROUTER, [Link(REFLECTOR, add_path="rx")])
    announcers(fig)
    router.wait_held(SERVICE, hops(1, 2, 3), 40)


@pytest.mark.needs("kernel")
@pytest.mark.tried("router in rrd's place: one multipath route in the kernel")
def test_a_router_in_our_place_writes_one_multipath_route(fig, other):
    reflector(fig)
    other(fig.router, ROUTER, [Link(REFLECTOR, add_path="rx")], kernel=True)
    pods = announcers(fig)
    wait_until(lambda: set(fig.hops()) == {"n1", "n2", "n3"}, 40, "three next hops", poll_s=0.1)
    pods[2].cut()
    wait_until(lambda: set(fig.hops()) == {"n1", "n2"}, 30, "two next hops", poll_s=0.1)


@pytest.mark.tried("external session with an AS of four octets, both ways")
def test_an_external_session_with_an_as_of_four_octets(fig, other):
    config = daemons.reflector_config(routers=())
    config["peer-groups"]["far"] = {"peer-as": FAR_AS, "passive": True, "hold-time": 9}
    config["neighbors"] = [{"address": "10.0.0.120", "peer-group": "far"}]
    reflector(fig, config=config)
    receiver = bgp.Speaker(fig.add_pod(2).ns, REFLECTOR).establish()
    announcers(fig, (1,))
    ns = fig.attach("far", "10.0.0.120", "fd00:10::120")
    neighbor = other(ns, "10.0.0.120", [Link(REFLECTOR, asn=fig4.AS)], announce=[(SERVICE2, "10.0.0.120")], asn=FAR_AS)
    receiver.wait_for_routes(SERVICE2, ["10.0.0.120"], 30)
    assert receiver.paths(SERVICE2)[0].as_path == [FAR_AS]
    neighbor.wait_held(SERVICE, [REFLECTOR], 30)


@pytest.mark.needs("refresh")
@pytest.mark.tried("it asks for a route refresh and holds the same afterwards")
def test_it_asks_for_a_refresh(fig, other):
    daemon = reflector(fig)
    pod = client(fig, other, node=3)
    announcers(fig, (1,))
    pod.other.wait_held(SERVICE, hops(1), 30)

    def refreshes():
        return daemon.show(f"neighbor {pod.address}")[0]["messages"]["rx"]["route-refresh"]
    assert refreshes() == 0
    pod.other.refresh(REFLECTOR)
    wait_until(refreshes, 15, "its ROUTE-REFRESH", poll_s=0.1)
    holds(lambda: pod.other.held(SERVICE) == hops(1), 1, "it holds the path")


@pytest.mark.needs("password")
@pytest.mark.tried("TCP-MD5 with the key of a range; with another key nothing")
def test_tcp_md5(fig, other):
    daemon = reflector(fig, pods={"password": KEY})
    pod = client(fig, other, announce=[SERVICE], password=KEY)
    daemon.wait_established(pod.address, timeout=30)
    stranger = client(fig, other, node=2, announce=[SERVICE], password="another")
    holds(lambda: daemon.state(stranger.address) is None, 3, "the one with another key is not heard")


@pytest.mark.tried("IPv6 routes over IPv6")
def test_ipv6_over_ipv6(fig, other):
    daemon = reflector(fig, config=daemons.reflector_config(address6=REFLECTOR6))
    announcing = fig.add_pod(1)
    daemons.announcer(announcing, [SERVICE_V6])
    pod = fig.add_pod(3)
    pod.other = other(pod.ns, pod.address6, [Link(REFLECTOR6)], announce=[("fd00:1:2::/64", pod.node.address6)],
                      families=["ipv6"], router_id=pod.address)
    daemon.wait_established(pod.address6, timeout=30)
    pod.other.wait_held(SERVICE_V6, [announcing.node.address6], 30)
    receiver = bgp.Speaker(fig.add_pod(2).ns, REFLECTOR, families=(bgp.IPV6,)).establish()
    receiver.wait_for_routes("fd00:1:2::/64", [pod.node.address6], 20)


@pytest.mark.tried("killed and started again: its route goes and comes back")
def test_it_is_killed_and_comes_back(fig, other):
    reflector(fig)
    receiver = bgp.Speaker(fig.add_pod(2).ns, REFLECTOR).establish()
    pod = client(fig, other, announce=[SERVICE])
    receiver.wait_for_routes(SERVICE, hops(1), 30)
    pod.other.kill()
    receiver.wait_for_routes(SERVICE, [], 20)
    pod.other.start()
    receiver.wait_for_routes(SERVICE, hops(1), 30)
