"""A stream of probes through the router while the set of paths changes: none is lost.

    client == router (rrd) ==== reflector (rrd)
                   |
              n1  n2  n3 -- a pod each that answers always; its speaker announces and withdraws at random
"""
import pytest

from lab import bgp, daemons, fig4, traffic
from lab.fig4 import REFLECTOR, SERVICE, SERVICE_V6
from lab.wait import wait_until


@pytest.mark.parametrize("service", [SERVICE, SERVICE_V6], ids=["ipv4", "ipv6"])
def test_no_packet_is_lost_while_paths_come_and_go(lab, service):
    six = ":" in service
    reflector_cfg, router_cfg = daemons.reflector_config(), daemons.router_config()
    if six:
        daemons.two_families(reflector_cfg)
        daemons.two_families(router_cfg)
    system = daemons.System(lab, reflector_cfg, router_cfg)
    system.reflector.wait_established(fig4.ROUTER)
    fig = system.fig
    speakers = {}
    for node in (1, 2, 3):
        pod = fig.add_pod(node)
        pod.serve()
        pod.accept_service(service)
        pod.node.route_service(service, pod)
        speaker = pod.speaker(families=(bgp.IPV4, bgp.IPV6) if six else (bgp.IPV4,)).establish()
        speaker.hop = pod.node.address6 if six else pod.node.address
        speakers[pod.node.name] = speaker
        speaker.announce(service, speaker.hop)
    system.wait_for_hops(["n1", "n2", "n3"], service)
    present = set(speakers)
    # Neighbor entries first, so that what is counted is routes.
    probes = traffic.Probes(fig.client, fig4.ADDRESS_V6 if six else fig4.ADDRESS)
    wait_until(lambda: len(probes.servers) == 3, 5, "answers of all three pods")
    for _ in range(50):
        name = lab.random.choice(sorted(speakers))
        if name not in present:
            speakers[name].announce(service, speakers[name].hop)
            present.add(name)
        elif len(present) > 1:
            speakers[name].withdraw(service)
            present.remove(name)
        system.wait_for_hops(sorted(present), service)
        seen = probes.sent
        wait_until(lambda n=seen: probes.sent >= n + 3, 5, "some probes by this set of paths")
    probes.stop()
    assert probes.lost == [], f"{len(probes.lost)} of {probes.sent} probes were lost"
    assert probes.refused == 0
    assert probes.sent >= 150


def test_changes_faster_than_the_router_follows_end_in_the_right_place(system):
    fig = system.fig
    speakers = []
    for node in (1, 2, 3):
        pod = fig.add_pod(node)
        speakers.append((pod.speaker().establish(), pod.node))
    announced = set()
    for _ in range(300):
        speaker, node = system.lab.random.choice(speakers)
        if node.name in announced:
            speaker.withdraw(SERVICE)
            announced.remove(node.name)
        else:
            speaker.announce(SERVICE, node.address)
            announced.add(node.name)
    system.wait_for_hops(sorted(announced))
    objects = fig.router.ip_json("nexthop")
    assert len(objects) <= len(announced) + 2, f"next-hop objects are left behind: {objects}"
    assert system.reflector.state(fig4.ROUTER) == "established"
    assert REFLECTOR in system.router.neighbors()
