"""The router's daemon ends and comes back: what it left in the kernel is taken over, and traffic notices nothing.

    client == router (rrd) ==== reflector (rrd)
                   |
              n1  n2  n3 -- a pod each that answers always; its speaker announces and withdraws at random
"""
import pytest

from lab import bgp, daemons, fig4, traffic
from lab.fig4 import REFLECTOR, SERVICE, SERVICE2
from lab.wait import holds, wait_until


def serving(system, service=SERVICE, six=False):
    """A pod per node that answers for the service, and its speaker, which announces it."""
    speakers = {}
    for node in (1, 2, 3):
        pod = system.fig.add_pod(node)
        pod.serve()
        pod.accept_service(service)
        pod.node.route_service(service, pod)
        speaker = pod.speaker(families=(bgp.IPV4, bgp.IPV6) if six else (bgp.IPV4,)).establish()
        speaker.hop = pod.node.address6 if six else pod.node.address
        speaker.announce(service, speaker.hop)
        speakers[pod.node.name] = speaker
    system.wait_for_hops(list(speakers), service)
    return speakers


def kernel(router):
    """All of the router's kernel that is ours, as text with ids."""
    return "".join(router.run(["ip", *words.split()]) for words in
                   ("-4 route show proto bgp", "-6 route show proto bgp", "nexthop show"))


def status(router):
    return router.show("status")[0]["fib"]


def wait_swept(router):
    wait_until(lambda: status(router)["swept"] and not status(router)["pending"], 20, "the end of the restart")


@pytest.mark.parametrize("service", [SERVICE, fig4.SERVICE_V6], ids=["ipv4", "ipv6"])
def test_kill_and_restart_of_the_router_daemon_take_no_packet_away(lab, service):
    six = ":" in service
    reflector_cfg, router_cfg = daemons.reflector_config(), daemons.router_config()
    if six:
        daemons.two_families(reflector_cfg)
        daemons.two_families(router_cfg)
    system = daemons.System(lab, reflector_cfg, router_cfg)
    system.reflector.wait_established(fig4.ROUTER)
    serving(system, service, six)
    before = kernel(system.fig.router)
    probes = traffic.Probes(system.fig.client, fig4.ADDRESS_V6 if six else fig4.ADDRESS)
    wait_until(lambda: len(probes.servers) == 3, 5, "answers of all three pods")
    for _ in range(3):
        system.router.process.kill()
        seen = probes.sent
        wait_until(lambda n=seen: probes.sent >= n + 20, 5, "some probes without a daemon")
        assert kernel(system.fig.router) == before
        system.router.start()
        system.router.wait_established(REFLECTOR, timeout=25)
        wait_swept(system.router)
        assert kernel(system.fig.router) == before
        assert status(system.router)["operations"] == 0, "what was right was touched"
    probes.stop()
    assert probes.lost == [], f"{len(probes.lost)} of {probes.sent} probes were lost"
    assert probes.refused == 0


def test_an_adopted_route_keeps_its_next_hops_until_end_of_rib_of_every_neighbor(lab):
    config = daemons.router_config((REFLECTOR, "10.0.0.108"))
    config["fib"]["restart-time"] = 600
    system = daemons.System(lab, router_cfg=config)
    fig = system.fig
    second = fig.add_reflector("reflector2", "10.0.0.108", "fd00:10::108")
    speakers = serving(system)
    system.router.process.kill()
    speakers["n3"].withdraw(SERVICE)
    system.router.start()
    system.router.wait_established(REFLECTOR)
    system.router.wait_for_log("taken over")
    wait_until(lambda: len(system.router.show("routes")) == 2, 10, "the two paths that are announced")
    holds(lambda: fig.hops() == {"n1": 1, "n2": 1, "n3": 1}, 0.5, "all three next hops")
    assert not status(system.router)["swept"]
    # The other one has nothing to tell, and says so.
    daemons.reflector(fig, daemons.reflector_config(address="10.0.0.108"), second)
    system.wait_for_hops(["n1", "n2"], timeout=25)
    wait_swept(system.router)


def test_restart_time_ends_the_wait_for_a_neighbor_that_does_not_come(lab):
    config = daemons.router_config((REFLECTOR, "10.0.0.108"))
    config["fib"]["restart-time"] = 3
    system = daemons.System(lab, router_cfg=config)
    speakers = serving(system)
    system.router.process.kill()
    speakers["n3"].withdraw(SERVICE)
    system.router.start()
    system.router.wait_for_log("within restart-time, 3 s")
    system.wait_for_hops(["n1", "n2"])


@pytest.mark.parametrize("on_exit", ["keep", "remove"])
def test_on_exit_keeps_or_removes(lab, on_exit):
    config = daemons.router_config()
    config["fib"]["on-exit"] = on_exit
    system = daemons.System(lab, router_cfg=config)
    serving(system)
    before = kernel(system.fig.router)
    assert system.router.process.terminate() == 0
    assert kernel(system.fig.router) == (before if on_exit == "keep" else "")


def test_a_second_daemon_on_the_same_table_is_refused_in_words(system):
    serving(system)
    config = daemons.router_config()
    config["listen"] = []
    config["control"] = {"socket": "/run/second.sock"}
    second = daemons.Daemon(system.fig.router, "rrd", config, name="second")
    second.process.expected_codes.add(1)
    assert second.process.wait() == 1
    assert "another rrd" in second.log() and "table 254" in second.log()
    assert str(system.router.process.pid) in second.log() or "(process" in second.log()
    assert system.fig.hops() == {"n1": 1, "n2": 1, "n3": 1}


def test_a_thousand_changes_with_kills_in_between_end_in_the_right_place(system):
    fig, random = system.fig, system.lab.random
    speakers = serving(system)
    nodes = {n.name: n for n in fig.nodes}
    services = [SERVICE, SERVICE2] + [f"10.1.{i}.0/24" for i in range(3, 13)]
    present = {(name, SERVICE) for name in speakers}
    for step in range(1000):
        name, service = random.choice(sorted(speakers)), random.choice(services)
        if (name, service) in present:
            speakers[name].withdraw(service)
        else:
            speakers[name].announce(service, nodes[name].address)
        present ^= {(name, service)}
        if step % 200 == 150:
            system.router.process.kill()
        if step % 200 == 170:
            system.router.start()
    system.router.wait_established(REFLECTOR, timeout=25)
    wait_swept(system.router)
    for service in services:
        system.wait_for_hops([n for n in sorted(speakers) if (n, service) in present], service)
    rows = {r["prefix"]: r for r in system.router.show("fib")}
    assert set(rows) == {s for _, s in present}
    for service, row in rows.items():
        assert row["state"] == "installed", row
        assert {h["address"] for h in row["next-hops"]} == {nodes[n].address for n, s in present if s == service}
    objects = fig.router.ip_json("nexthop")
    assert len([o for o in objects if "group" not in o]) <= 3, objects
    assert len([o for o in objects if "group" in o]) <= len(rows), objects
