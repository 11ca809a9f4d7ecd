"""The node's own route to its pod, kept by lb-announcer: Fig. 7(b)(2), by the pod's address.

    client -- router (rrd) ==== node network ==== n1 -- pod, pod     the announcer has a handle of n1's network namespace
                                      |
                                  reflector (rrd)
"""
import signal

import pytest

from lab import daemons, traffic
from lab.fig4 import ADDRESS, ADDRESS_V6, REFLECTOR, SERVICE, SERVICE2, SERVICE_V6
from lab.wait import wait_until


def config_of(pod, prefixes=(SERVICE,)):
    config = daemons.announcer_config(pod, prefixes)
    if not hasattr(pod.node, "netns"):
        pod.node.netns = pod.node.ns.held_open()
    config["node-route"] = {"netns": pod.node.netns}
    return config


def via(pod, prefix=SERVICE):
    """The gateway and the protocol of the node's route."""
    route = pod.node.ns.route(prefix)
    return route and (route.get("gateway"), route["protocol"])


def start(pod, prefixes=(SERVICE,)):
    pod.daemon = daemons.announcer(pod, config=config_of(pod, prefixes))
    return pod.daemon


def refusal(pod, config=None, env=None):
    """Starts it and returns the line with which it refused to run."""
    daemon = daemons.announcer(pod, config=config or config_of(pod), env=env)
    daemon.process.expected_codes.add(1)
    assert daemon.process.wait() == 1
    return daemon.log()


def test_the_nodes_route_comes_with_the_announcer_and_serves_and_goes_with_it(system):
    pods = []
    for node in (1, 2):
        pod = system.fig.add_pod(node)
        pod.serve()
        start(pod, [SERVICE, SERVICE2])
        pods.append(pod)
    system.wait_for_hops(["n1", "n2"])
    for pod in pods:
        assert via(pod) == (pod.address, "bgp") and via(pod, SERVICE2) == (pod.address, "bgp")
    assert set(traffic.spread(system.fig.client, ADDRESS)) == {p.name for p in pods}
    assert pods[0].daemon.process.terminate() == 0
    assert via(pods[0]) is None and via(pods[0], SERVICE2) is None
    system.wait_for_hops(["n2"])
    assert set(traffic.spread(system.fig.client, ADDRESS, 10)) == {pods[1].name}


def test_the_nodes_route_of_ipv6_too(fig, reflector):
    pod = fig.add_pod(1)
    pod.serve()
    config = config_of(pod, [SERVICE_V6])
    config["router"]["local-address"] = pod.address6
    config["neighbors"][0]["local-address"] = "auto"
    daemon = daemons.announcer(pod, config=config)
    wait_until(lambda: via(pod, SERVICE_V6) == (pod.address6, "bgp"), 5, "the route")
    assert traffic.request(pod.node.ns, ADDRESS_V6) == pod.name
    assert daemon.process.terminate() == 0
    assert via(pod, SERVICE_V6) is None


def test_it_is_there_before_the_first_announcement_and_until_the_last_connection_is_gone(fig):
    pod = fig.add_pod(1)
    config = config_of(pod)
    config["drain"] = {"time": 0, "linger": 60}
    daemon = daemons.announcer(pod, config=config)
    wait_until(lambda: via(pod), 5, "the route")
    # No reflector is there yet: the route did not wait for one.
    reflector = daemons.reflector(fig)
    reflector.wait_established(pod.address, timeout=15)
    wait_until(lambda: reflector.show("routes"), 5, "the announcement")
    daemon.process.signal(signal.SIGTERM)
    wait_until(lambda: reflector.show("routes") == [], 5, "the withdrawal")
    assert via(pod) == (pod.address, "bgp") and pod.ns.has_local_route(SERVICE)
    assert reflector.state(pod.address) == "established"
    assert daemon.process.terminate() == 0
    assert via(pod) is None and not pod.ns.has_local_route(SERVICE)


def test_a_second_pod_of_the_service_on_the_node_is_refused_with_the_reason(fig, reflector):
    first, second, elsewhere = fig.add_pod(1), fig.add_pod(1), fig.add_pod(2)
    start(first)
    wait_until(lambda: via(first), 5, "the first pod's route")
    log = refusal(second)
    assert SERVICE in log and first.address in log and "another pod" in log, log
    assert via(first) == (first.address, "bgp")
    assert not second.ns.has_local_route(SERVICE)
    assert first.daemon.process.running
    # Another service of the same node, and the same service on another node, are no conflict.
    start(second, [SERVICE2])
    start(elsewhere)
    wait_until(lambda: via(second, SERVICE2) and via(elsewhere), 5, "the other routes")
    # What was refused is possible when the first one has left.
    second.daemon.process.terminate()
    first.daemon.process.terminate()
    start(second)
    wait_until(lambda: via(second) == (second.address, "bgp"), 5, "the second pod's route")


def test_a_killed_announcers_route_is_its_own_again_when_it_comes_back(fig, reflector):
    pod = fig.add_pod(1)
    daemon = start(pod)
    reflector.wait_established(pod.address)
    daemon.process.kill()
    assert via(pod) == (pod.address, "bgp")
    daemon.start()
    reflector.wait_established(pod.address)
    assert daemon.process.terminate() == 0
    assert via(pod) is None


def test_a_route_somebody_else_made_is_used_if_it_is_right_and_stays(fig, reflector):
    pod = fig.add_pod(1)
    pod.node.route_service(SERVICE, pod)
    daemon = start(pod)
    reflector.wait_established(pod.address)
    assert daemon.process.terminate() == 0
    assert via(pod) == (pod.address, "boot")


@pytest.mark.parametrize("route", ["{service} dev docker0", "blackhole {service}", "{service} via {other}",
                                   "{service} proto bgp nexthop via {pod} nexthop via {other}"])
def test_a_route_somebody_else_made_otherwise_is_reported_and_never_replaced(fig, reflector, route):
    pod, other = fig.add_pod(1), fig.add_pod(1)
    pod.node.ns.ip("route add", route.format(service=SERVICE, pod=pod.address, other=other.address))
    before = pod.node.ns.route(SERVICE)
    assert "not ours" in refusal(pod)
    assert pod.node.ns.route(SERVICE) == before


def test_a_second_pod_is_refused_in_ipv6_too(fig, reflector):
    first, second = fig.add_pod(1), fig.add_pod(1)
    configs = []
    for pod in (first, second):
        configs.append(config_of(pod, [SERVICE_V6]))
        configs[-1]["router"]["local-address"] = pod.address6
        configs[-1]["neighbors"][0]["local-address"] = "auto"
    daemons.announcer(first, config=configs[0])
    wait_until(lambda: via(first, SERVICE_V6), 5, "the first pod's route")
    log = refusal(second, configs[1])
    assert first.address6 in log and "another pod" in log, log
    assert via(first, SERVICE_V6) == (first.address6, "bgp")


def test_a_handle_that_is_none_is_named_with_what_would_help(fig):
    pod = fig.add_pod(1)
    config = config_of(pod)
    for netns, word in (("/nonexistent", "No such file"), ("/etc/passwd", "not a network namespace"),
                        ("/proc/self/ns/net", "hostPID")):
        config["node-route"]["netns"] = netns
        log = refusal(pod, config)
        assert netns in log and word in log, log


def test_without_the_capability_it_says_so(fig):
    pod = fig.add_pod(1)
    config = config_of(pod)
    path = fig.lab.file("unprivileged.yaml", daemons.dump({**config, "control": {"socket": "/run/unprivileged.sock"}}))
    process = pod.ns.start(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin",
                            daemons.binary("lb-announcer"), "-c", path], "unprivileged")
    process.expected_codes.add(1)
    assert process.wait() == 1
    assert "CAP_SYS_ADMIN" in process.log(), process.log()


def test_a_pod_that_the_node_does_not_reach_directly_is_refused(fig):
    pod = fig.add_pod(1)
    config = config_of(pod)
    config["router"]["local-address"] = "172.31.0.1"
    config["neighbors"][0]["address"] = REFLECTOR
    assert "reach the pod's address directly" in refusal(pod, config)
