"""The lab itself, with services made by ipvsadm: what these tests are built on works without anything of ours.

    client -- router -- overlay -- lb1 (IPVS), web1 ... web3
"""
import pytest

from lab import lbfarm, traffic, wait_until
from lab.lbfarm import FAMILIES

ALL = {"web1", "web2", "web3"}


@pytest.mark.parametrize("forward", ["tun", "dr", "nat", "masquerade"])
def test_every_pod_answers_in_every_forwarding_mode(lab, forward):
    farm = lbfarm.LbFarm(lab)
    balancer = farm.balancers[0]
    mode = "nat" if forward == "masquerade" else forward
    farm.route_service(balancer)
    farm.prepare(mode, balancer if forward == "nat" else None)
    if forward == "masquerade":
        balancer.masquerade()
    for address in FAMILIES.values():
        balancer.by_hand(address, farm.pods, mode)
        assert traffic.spread(farm.client, address, 6) == {n: 2 for n in ALL}
        probes = traffic.Probes(farm.client, address, ports=12)
        wait_until(lambda: set(probes.servers) == ALL, 10, "UDP answers of all three")
        assert probes.stop().refused == 0
        dests = balancer.ipvs.dests(address)
        assert {d.forward for d in dests.values()} == {mode}
        assert set(balancer.ipvs.weights(address)) == {p.at(address) for p in farm.pods}
        assert balancer.ipvs.order(address) == [p.at(address) for p in farm.pods]
        assert len(balancer.ipvs.connections(address, protocol="TCP")) == 6


def test_talks_live_through_another_load_balancer_with_sloppy_tcp_alone(lab):
    """TUN, mh and sloppy_tcp keep connections when the router moves all of them; without sloppy_tcp none lives."""
    farm = lbfarm.LbFarm(lab, balancers=2)
    farm.prepare("tun")
    for balancer in farm.balancers:
        balancer.by_hand(lbfarm.ADDRESS, farm.pods, "tun", ["tcp"], [traffic.TALK_PORT], "mh", "-b mh-fallback,mh-port")
        balancer.ipvs.sysctl("sloppy_tcp", 1)
    first, second = farm.balancers
    farm.route_service(first)
    talks = farm.talks.open(farm.client, lbfarm.ADDRESS, 30)
    assert {t.server for t in talks} == ALL
    farm.route_service(second)
    farm.talks.wait_answered(talks, 5)
    assert farm.talks.broken() == []
    assert second.ipvs.by_client(lbfarm.ADDRESS, traffic.TALK_PORT) == \
        first.ipvs.by_client(lbfarm.ADDRESS, traffic.TALK_PORT)
    farm.route_service(first)
    others = farm.talks.open(farm.client, lbfarm.ADDRESS, 30)
    second.ipvs.sysctl("sloppy_tcp", 0)
    farm.route_service(second)
    wait_until(lambda: len(farm.talks.broken()) == len(others), 10, "the others to be reset")
    farm.talks.wait_answered(talks, 2)
    assert all(t.broken for t in others)
