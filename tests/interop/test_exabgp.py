"""ExaBGP, the paper's announcer (Appendix D), into rrd.

    router (rrd) ==== node network ==== reflector (rrd) -- pods on n1..n3, each with ExaBGP
"""
from lab import daemons, peers, traffic
from lab.fig4 import ADDRESS, ROUTER, SERVICE, SERVICE2, SERVICE_V6


def add_pod(system, node, prefixes=(SERVICE,), **more):
    pod = system.fig.add_pod(node)
    pod.serve()
    for prefix in prefixes:
        pod.accept_service(prefix)
        pod.node.route_service(prefix, pod)
    pod.exabgp = peers.Exabgp(pod, [(p, pod.node.address6 if ":" in p else pod.node.address) for p in prefixes], **more)
    return pod


def test_fig_12_with_exabgp_as_the_announcer(lab):
    system = daemons.System(lab)
    system.reflector.wait_established(ROUTER)
    pods = [add_pod(system, 1), add_pod(system, 2, [SERVICE, SERVICE2]), add_pod(system, 3, [SERVICE, SERVICE2])]
    system.wait_for_hops(["n1", "n2", "n3"], timeout=20)
    system.wait_for_hops(["n2", "n3"], SERVICE2)
    assert set(traffic.spread(system.fig.client, ADDRESS)) == {"lb1", "lb2", "lb3"}
    # SIGTERM and SIGKILL: withdrawn at once although the paper's hold time is 1800 s.
    pods[0].exabgp.process.terminate()
    system.wait_for_hops(["n2", "n3"], timeout=5)
    pods[1].exabgp.process.kill()
    system.wait_for_hops(["n3"], timeout=5)


def test_exabgp_announces_ipv6_over_ipv4(lab):
    system = daemons.System(lab, daemons.two_families(daemons.reflector_config()),
                            daemons.two_families(daemons.router_config()))
    add_pod(system, 1, [SERVICE, SERVICE_V6])
    system.wait_for_hops(["n1"], SERVICE_V6, timeout=20)
    system.wait_for_hops(["n1"], SERVICE)


def test_the_hold_time_agreed_with_exabgp_is_the_smaller_one(lab):
    system = daemons.System(lab)
    pod = add_pod(system, 1, hold_time=1800)
    system.reflector.wait_established(pod.address, timeout=20)
    assert system.reflector.show("neighbor", pod.address)[0]["hold-time-s"] == 9


def test_exabgp_and_lb_announcer_beside_each_other(lab):
    system = daemons.System(lab)
    add_pod(system, 1)
    system.add_announcer(2, serve=True)
    system.wait_for_hops(["n1", "n2"], timeout=20)
    assert set(traffic.spread(system.fig.client, ADDRESS)) == {"lb1", "lb2"}
