"""Who is who: several pods on one node, pods behind a source NAT, one pod heard through two reflectors.

    router ==== node network ==== reflector .109   (reflector2 .108, same cluster id)
                  |       |
                 n1      n2
                /  \\       \\
             pod   pod     pod      n1 masquerades in the SNAT tests: both its pods arrive as 10.0.0.105
"""
from lab import daemons, fig4
from lab.fig4 import REFLECTOR, SERVICE
from lab.wait import holds, wait_until


def test_two_pods_on_one_node_weigh_two(system):
    system.add_announcer(1)
    system.add_announcer(1)
    system.add_announcer(2)
    system.wait_for_hops({"n1": 2, "n2": 1})
    assert len([a for a in system.reflector.neighbors() if a.startswith("172.16.1.")]) == 2


def test_one_of_two_pods_on_a_node_leaves_and_the_weight_is_one(system):
    pods = [system.add_announcer(1), system.add_announcer(1), system.add_announcer(2)]
    system.wait_for_hops({"n1": 2, "n2": 1})
    pods[0].daemon.process.terminate()
    system.wait_for_hops({"n1": 1, "n2": 1})
    pods[1].daemon.process.terminate()
    system.wait_for_hops({"n2": 1})


def snat_reflector():
    """Accepts the nodes' addresses as well: the configuration with which the trap bites."""
    config = daemons.reflector_config()
    config["dynamic-neighbors"].append({"prefix": "10.0.0.104/29", "peer-group": "k8s", "limit": 16})
    return config


def test_two_pods_behind_one_address_are_named_as_the_trap_they_are(fig):
    fig.nodes[0].masquerade(REFLECTOR)
    reflector = daemons.reflector(fig, snat_reflector()).wait_until_ready()
    first, second = fig.add_pod(1), fig.add_pod(1)
    speaker = first.speaker().establish()
    intruder = second.speaker().open()
    intruder.send_open()
    intruder.run()
    assert intruder.wait_for_end() == (6, 7)
    log = reflector.wait_for_log(r"two speakers.*SNAT").group(0)
    assert first.address in log and second.address in log, log
    holds(lambda: speaker.closed is None, 0.3, "the first pod's session")
    row = reflector.neighbors()["10.0.0.105"]
    assert row["state"] == "Established"
    assert "two speakers" in str(row), row
    assert any(r.get("two-speakers") for r in reflector.show("ranges")), "the range counts it"


def test_two_announcers_behind_one_address_one_of_them_works(lab):
    system = daemons.System(lab, snat_reflector())
    system.fig.nodes[0].masquerade(REFLECTOR)
    system.add_announcer(1)
    system.wait_for_hops({"n1": 1})
    system.add_announcer(1)
    system.reflector.wait_for_log(r"two speakers.*SNAT")
    holds(lambda: system.fig.hops() == {"n1": 1}, 0.5, "weight 1")


def test_one_pod_through_two_reflectors_weighs_one(lab):
    fig = fig4.Fig4(lab)
    second = fig.add_reflector("reflector2", "10.0.0.108", "fd00:10::108")
    both = (REFLECTOR, "10.0.0.108")
    one = daemons.reflector(fig)
    two = daemons.reflector(fig, daemons.reflector_config(address="10.0.0.108"), second)
    router = daemons.router(fig, daemons.router_config(both))
    pods = [fig.add_pod(1), fig.add_pod(2)]
    for pod in pods:
        pod.daemon = daemons.announcer(pod, config=daemons.announcer_config(pod, reflectors=both))
    router.wait_established(*both)
    one.wait_established(*[p.address for p in pods])
    two.wait_established(*[p.address for p in pods])
    wait_until(lambda: len(router.show("routes")) == 4, 10, "two paths from each reflector")
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1}, 5, "weight 1 each")
    # One reflector goes: nothing changes for the kernel.
    one.process.kill()
    wait_until(lambda: router.state(REFLECTOR) != "established", 5, "the router to notice")
    holds(lambda: fig.hops() == {"n1": 1, "n2": 1}, 0.5, "the route")
    # A pod goes: it is gone through the other one.
    pods[0].daemon.process.terminate()
    wait_until(lambda: fig.hops() == {"n2": 1}, 5, "the route without n1")


def test_two_reflectors_of_one_cluster_do_not_take_each_others_reflected_routes(lab):
    fig = fig4.Fig4(lab)
    second = fig.add_reflector("reflector2", "10.0.0.108", "fd00:10::108")
    one = daemons.reflector(fig, daemons.reflector_config(routers=("10.0.0.108",)))
    two = daemons.reflector(fig, daemons.reflector_config(routers=(REFLECTOR,), address="10.0.0.108"), second)
    one.wait_established("10.0.0.108")
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, "10.0.0.105")
    wait_until(lambda: one.show("routes"), 5, "the route at the first")
    holds(lambda: two.show("routes") == [], 0.5, "no route at the second: its own cluster id is in CLUSTER_LIST")


def test_two_live_clients_with_one_router_id_are_reported(fig, reflector):
    one, two = fig.add_pod(1), fig.add_pod(2)
    one.speaker(router_id="172.16.77.77").establish()
    two.speaker(router_id="172.16.77.77").establish()
    line = reflector.wait_for_log(r".*172\.16\.77\.77.*").group(0)
    assert line
    wait_until(lambda: one.address in reflector.log() and two.address in reflector.log(), 5, "both addresses in the log")
