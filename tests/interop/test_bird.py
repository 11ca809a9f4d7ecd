"""BIRD 2 as router, as client in a pod, and as the reflector in front of our router.

    router (BIRD or rrd) ==== node network ==== reflector (rrd or BIRD) -- pods on n1..n3
"""
from lab import daemons, peers, traffic
from lab.fig4 import ADDRESS, REFLECTOR, ROUTER, SERVICE, SERVICE_V6
from lab.wait import wait_until


def announce_from_three(fig, service=SERVICE):
    for node in (1, 2, 3):
        pod = fig.add_pod(node)
        pod.serve()
        pod.node.route_service(service, pod)
        pod.daemon = daemons.announcer(pod, [service])
    return fig.pods


def test_bird_as_router_merges_our_paths_into_its_kernel(fig, reflector):
    bird = peers.bird_router(fig)
    pods = announce_from_three(fig)
    reflector.wait_established(ROUTER, *[p.address for p in pods])
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1, "n3": 1}, 15, "three next hops by BIRD")
    assert bird.next_hops(SERVICE) == ["10.0.0.105", "10.0.0.106", "10.0.0.107"]
    assert set(traffic.spread(fig.client, ADDRESS)) == {"lb1", "lb2", "lb3"}
    pods[0].daemon.process.kill()
    wait_until(lambda: fig.hops() == {"n2": 1, "n3": 1}, 5, "the killed pod's next hop to go")


def test_bird_as_router_with_ipv6(fig):
    reflector = daemons.reflector(fig, daemons.two_families(daemons.reflector_config()))
    peers.bird_router(fig)
    pods = announce_from_three(fig, SERVICE_V6)
    reflector.wait_established(*[p.address for p in pods])
    wait_until(lambda: fig.hops(SERVICE_V6) == {"n1": 1, "n2": 1, "n3": 1}, 15, "three next hops by BIRD")


def test_bird_as_a_client_receives_all_paths_with_add_path_and_the_best_without(fig, reflector):
    one, other = fig.add_pod(3), fig.add_pod(3)
    all_of_them = peers.Bird(one.ns, one.address, "protocol direct { ipv4; }" + peers.bird_session(
        REFLECTOR, one.address, add_paths="rx", families=("ipv4",)))
    best = peers.Bird(other.ns, other.address, "protocol direct { ipv4; }" + peers.bird_session(
        REFLECTOR, other.address, families=("ipv4",)))
    reflector.wait_established(one.address, other.address)
    for node in (1, 2):
        daemons.announcer(fig.add_pod(node))
    wait_until(lambda: all_of_them.next_hops(SERVICE) == ["10.0.0.105", "10.0.0.106"], 15, "both paths")
    wait_until(lambda: len(best.next_hops(SERVICE)) == 1, 5, "the best path")


def test_bird_as_a_client_announces(fig, reflector):
    pod = fig.add_pod(1)
    bird = peers.Bird(pod.ns, pod.address, f"""
        protocol static {{ ipv4; route {SERVICE} blackhole; }}
        {peers.bird_session(REFLECTOR, pod.address, families=("ipv4",),
                            export=f"filter {{ bgp_next_hop = {pod.node.address}; accept; }}")}
    """)
    reflector.wait_established(pod.address)
    wait_until(lambda: pod.node.address in str(reflector.show("routes")), 10, "BIRD's route")
    bird.command("disable peer")
    wait_until(lambda: reflector.show("routes") == [], 5, "the route to go")


def test_rrd_as_router_behind_bird_as_reflector(fig):
    peers.bird_reflector(fig)
    router = daemons.router(fig)
    router.wait_established(REFLECTOR)
    pods = announce_from_three(fig)
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1, "n3": 1}, 15, "three next hops by rrd")
    pods[2].daemon.process.kill()
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1}, 5, "the killed pod's next hop to go")


def test_bird_in_a_pod_with_the_key_of_the_range_and_gtsm(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].update({"password": "of the range", "ttl-security-hops": 2})
    config["neighbors"].clear()
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod, stranger = fig.add_pod(1), fig.add_pod(2)
    security = "multihop 2; ttl security on;"
    peers.Bird(stranger.ns, stranger.address, peers.bird_session(
        REFLECTOR, stranger.address, families=("ipv4",), extra=f'password "another"; {security}'))
    peers.Bird(pod.ns, pod.address, peers.bird_session(
        REFLECTOR, pod.address, families=("ipv4",), extra=f'password "of the range"; {security}'))
    reflector.wait_established(pod.address)
    wait_until(lambda: fig.reflector.counter("TcpExtTCPMD5Failure") >= 1, 10, "the stranger's SYN to be thrown away")
    assert stranger.address not in reflector.neighbors()


def test_rrd_connects_to_bird_with_a_key_and_gtsm(fig):
    peers.Bird(fig.reflector, REFLECTOR, peers.bird_session(
        ROUTER, REFLECTOR, families=("ipv4",), extra='password "of both"; multihop 1; ttl security on; passive on;'))
    config = daemons.router_config()
    config["peer-groups"]["reflectors"].update({"password": "of both", "ttl-security-hops": 1})
    daemons.router(fig, config).wait_established(REFLECTOR)
