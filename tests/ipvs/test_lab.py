"""The lab itself, with services made by ipvsadm: what these tests are built on works without anything of ours.

    client -- router -- overlay -- lb1 (IPVS), web1 ... web3
"""
import time

import pytest

from lab import lbfarm, traffic, wait_until
from lab.flows import FIRST_PORT, Flows
from lab.ipvs import Writes
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


def test_writes_are_seen_with_their_times(lab):
    """Reading is no write; what ipvsadm changes is."""
    farm = lbfarm.LbFarm(lab, pods=2)
    balancer = farm.balancers[0]
    writes = Writes(balancer.ns)
    balancer.ipvs.admin("-Ln")
    assert writes.all() == []
    before = time.time()
    balancer.by_hand(lbfarm.ADDRESS, farm.pods, "tun", ["tcp"])
    assert writes.commands() == {"new-service": 1, "new-dest": 2}
    assert all(before <= w.time <= time.time() for w in writes.all())
    writes.forget()
    balancer.ipvs.admin(f"-e -t {lbfarm.ADDRESS}:80 -r {farm.pods[0].address}:80 -i -w 0")
    balancer.ipvs.admin("-C")
    assert writes.commands() == {"set-dest": 1, "flush": 1}
    assert [(w.address, w.weight) for w in writes.all()] == [(farm.pods[0].address, 0), (None, None)]
    assert writes.wait(lambda w: w.weight == 0, 0).command == "set-dest"
    assert writes.wait(lambda w: w.weight == 1, 0) is None


def test_flows_without_ends_go_where_mh_sends_them(lab):
    """The same table on two load balancers sends the same flows to the same servers; one server more moves some."""
    farm = lbfarm.LbFarm(lab, balancers=2, pods=0)
    crowd = farm.crowd(11)
    for balancer in farm.balancers:
        balancer.by_hand(lbfarm.ADDRESS, crowd[:10], "tun", ["tcp"], scheduler="mh", options="-b mh-fallback,mh-port")
        balancer.ipvs.sysctl("sloppy_tcp", 1)
    first, second = (b.ipvs for b in farm.balancers)
    flows = Flows(farm.client, lbfarm.CLIENT, lbfarm.ADDRESS, traffic.PORT)
    ports = range(FIRST_PORT, FIRST_PORT + 600)
    farm.route_service(farm.balancers[0])
    flows.start(ports)
    wait_until(lambda: len(first.by_client(lbfarm.ADDRESS)) == len(ports), 10, "all flows at the first")
    farm.route_service(farm.balancers[1])
    flows.go_on(ports[:300])
    wait_until(lambda: len(second.by_client(lbfarm.ADDRESS)) == 300, 10, "half of them at the second")
    assert second.by_client(lbfarm.ADDRESS).items() < first.by_client(lbfarm.ADDRESS).items()
    second.admin(f"-a -t {lbfarm.ADDRESS}:80 -r {crowd[10].address}:80 -i")
    flows.go_on(ports[300:])
    wait_until(lambda: len(second.by_client(lbfarm.ADDRESS)) == 600, 10, "all of them at the second")
    moved = second.by_client(lbfarm.ADDRESS).items() - first.by_client(lbfarm.ADDRESS).items()
    assert 300 / 11 / 2 < len(moved) < 300 / 11 * 2
