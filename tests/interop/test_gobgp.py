"""GoBGP 3, the paper's reflector and router software, as a client and in the router's place (without a kernel table: that
would be zebra's).

    GoBGP as router ==== node network ==== reflector (rrd) -- pods on n1, n2 (lb-announcer), n3 (GoBGP)
"""
from lab import daemons, peers
from lab.fig4 import REFLECTOR, REFLECTOR6, ROUTER, ROUTER6, SERVICE, SERVICE_V6
from lab.wait import wait_until


def test_gobgp_in_the_routers_place_receives_every_path(fig, reflector):
    gobgp = peers.gobgp_client(fig.router, ROUTER, REFLECTOR)
    reflector.wait_established(ROUTER, timeout=20)
    pods = [fig.add_pod(n) for n in (1, 1, 2)]
    for pod in pods:
        pod.daemon = daemons.announcer(pod)
    wait_until(lambda: gobgp.next_hops(SERVICE) == ["10.0.0.105", "10.0.0.105", "10.0.0.106"], 15, "three paths")
    pods[0].daemon.process.kill()
    wait_until(lambda: gobgp.next_hops(SERVICE) == ["10.0.0.105", "10.0.0.106"], 5, "the killed pod's path to go")
    pods[1].daemon.process.terminate()
    wait_until(lambda: gobgp.next_hops(SERVICE) == ["10.0.0.106"], 5, "the next one's too")


def test_gobgp_without_add_path_receives_the_best(fig, reflector):
    pod = fig.add_pod(3)
    gobgp = peers.gobgp_client(pod.ns, pod.address, REFLECTOR, add_paths=False)
    reflector.wait_established(pod.address, timeout=20)
    for node in (1, 2):
        daemons.announcer(fig.add_pod(node))
    wait_until(lambda: len(reflector.show("routes")) == 2, 15, "two paths at the reflector")
    wait_until(lambda: len(gobgp.next_hops(SERVICE)) == 1, 5, "one path at GoBGP")


def test_gobgp_as_a_client_announces(fig, reflector):
    pod = fig.add_pod(1)
    gobgp = peers.gobgp_client(pod.ns, pod.address, REFLECTOR)
    reflector.wait_established(pod.address, timeout=20)
    pod.ns.run(["gobgp", "global", "rib", "add", SERVICE, "nexthop", pod.node.address])
    wait_until(lambda: pod.node.address in str(reflector.show("routes")), 10, "GoBGP's route")
    pod.ns.run(["gobgp", "global", "rib", "del", SERVICE])
    wait_until(lambda: reflector.show("routes") == [], 5, "the route to go")
    assert gobgp.established(REFLECTOR)


def test_gobgp_receives_ipv6_over_ipv6(fig):
    config = daemons.reflector_config([ROUTER6], address6=REFLECTOR6)
    reflector = daemons.reflector(fig, config).wait_until_ready()
    gobgp = peers.gobgp_client(fig.router, ROUTER, REFLECTOR6, families=("ipv4-unicast", "ipv6-unicast"))
    reflector.wait_established(ROUTER6, timeout=20)
    pod = fig.add_pod(1)
    daemons.announcer(pod, config=daemons.announcer_config(pod, [SERVICE_V6], [REFLECTOR6]))
    wait_until(lambda: gobgp.next_hops(SERVICE_V6) == [pod.node.address6], 15, "the path")


def test_gobgp_refreshes_and_loses_nothing(fig, reflector):
    gobgp = peers.gobgp_client(fig.router, ROUTER, REFLECTOR)
    reflector.wait_established(ROUTER, timeout=20)
    for node in (1, 2):
        daemons.announcer(fig.add_pod(node))
    wait_until(lambda: len(gobgp.next_hops(SERVICE)) == 2, 15, "two paths")
    fig.router.run(["gobgp", "neighbor", REFLECTOR, "softresetin"])
    wait_until(lambda: len(gobgp.next_hops(SERVICE)) == 2 and gobgp.established(REFLECTOR), 5, "both, still")
