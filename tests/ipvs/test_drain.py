"""A server leaves: its connections, new connections, and when it is deleted.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1 ... web3
"""
import time

import pytest

from lab import daemons, lbfarm, traffic, wait_until
from lab.lbfarm import ADDRESS
from lab.traffic import TALK_PORT
from lab.wait import holds

TCP_CHECK = {"type": "tcp", "interval": "100ms", "timeout": "80ms", "rise": 2, "fall": 2, "port": 80}
FOREVER = {"time": 3600}


class Drain:
    """Three servers with some talks each."""

    def __init__(self, lab, forward="tun", talks=12, **more):
        self.farm = lbfarm.LbFarm(lab)
        self.balancer = self.farm.balancers[0]
        self.farm.route_service(self.balancer)
        self.farm.prepare(forward, self.balancer)
        self.pods, self.talks = self.farm.pods, self.farm.talks
        self.file = daemons.Endpoints(lab).write(self.pods)
        service = daemons.virtual(self.file.source, port=TALK_PORT, forward=forward, **more)
        self.agent = daemons.Agent(self.balancer, daemons.agent_config(service))
        self.agent.wait_weights(self.pods, port=TALK_PORT)
        self.old = self.open(talks)
        self.leaving = self.pods[0]

    def open(self, count=6):
        return self.talks.open(self.farm.client, ADDRESS, count)

    def of(self, pod):
        return [t for t in self.old if t.server == pod.name]

    def weight(self, pod):
        """None: the kernel has it no more."""
        return self.balancer.ipvs.weights(ADDRESS, TALK_PORT).get(pod.address)

    def end(self, talks):
        for talk in talks:
            self.talks.talks.remove(talk)
            talk.socket.shutdown(2)

    def wait_drained_but_alive(self):
        """Weight 0; its connections go on, new ones go elsewhere."""
        wait_until(lambda: self.weight(self.leaving) == 0, 10, "the leaving server at weight 0")
        new = self.open()
        assert {t.server for t in new} == {p.name for p in self.pods} - {self.leaving.name}
        self.talks.wait_answered(self.old + new, 3)
        assert self.talks.broken() == []


@pytest.mark.parametrize("how", ["removed", "terminating", "command"])
def test_connections_go_on_new_ones_go_elsewhere_and_the_last_one_ends_it(lab, how):
    drain = Drain(lab, drain=FOREVER)
    if how == "removed":
        drain.file.write(drain.pods[1:])
    elif how == "terminating":
        drain.file.write([*daemons.listed(drain.pods[:1], terminating=True), *drain.pods[1:]])
    else:
        drain.agent.ctl("drain", drain.leaving.name)
    drain.wait_drained_but_alive()
    row = drain.agent.servers()[drain.leaving.name]
    assert (row["state"], row["reason"], row["active"]) == ("draining", how, 4)
    drain.end(drain.of(drain.leaving))
    wait_until(lambda: drain.weight(drain.leaving) is None, 15, "the server to be deleted after its last connection")
    assert drain.talks.broken() == []


def test_a_drain_has_an_end(lab):
    """At the deadline it is deleted, whatever is still connected; the others do not notice."""
    drain = Drain(lab, drain={"time": 2})
    start = time.monotonic()
    drain.file.write(drain.pods[1:])
    wait_until(lambda: drain.weight(drain.leaving) == 0, 10, "weight 0")
    wait_until(lambda: drain.weight(drain.leaving) is None, 15, "it to be deleted")
    assert time.monotonic() - start > 1.8
    others = [t for t in drain.old if t.server != drain.leaving.name]
    drain.talks.wait_answered(others, 3)
    assert not any(t.broken for t in others)


def test_whoever_comes_back_in_time_was_never_away(lab):
    drain = Drain(lab, drain=FOREVER)
    drain.agent.ctl("drain", drain.leaving.name, "3600")
    drain.wait_drained_but_alive()
    drain.agent.ctl("undrain", drain.leaving.name)
    drain.agent.wait_weights(drain.pods, port=TALK_PORT)
    assert {t.server for t in drain.open()} == {p.name for p in drain.pods}
    drain.talks.wait_answered(drain.old, 3)
    assert drain.talks.broken() == []


@pytest.mark.parametrize("policy", ["keep", "drain", "cut"])
def test_a_failed_server_is_kept_drained_or_cut(lab, policy):
    drain = Drain(lab, checks=[TCP_CHECK], drain={"on-failure": policy, "time": 2})
    drain.leaving.cut()
    if policy == "keep":
        wait_until(lambda: drain.weight(drain.leaving) == 0, 10, "weight 0")
        holds(lambda: drain.weight(drain.leaving) == 0, 2.5, "it keeps its place")
    else:
        wait_until(lambda: drain.weight(drain.leaving) is None, 15, "it to be deleted")
    others = [t for t in drain.old if t.server != drain.leaving.name]
    drain.talks.wait_answered(others, 2)
    drain.leaving.mend()
    drain.agent.wait_weights(drain.pods, port=TALK_PORT)
    # What the kernel has deleted is revived with its connections; cutting is meant to end them.
    if policy != "cut":
        drain.talks.wait_answered(drain.old, 2)
        assert drain.talks.broken() == []


@pytest.mark.parametrize("policy", ["cut", "drain"])
def test_udp_has_a_policy_of_its_own(lab, policy):
    """Cut: its clients are with another server with their next packet. Drain: when they have been silent for a while."""
    farm = lbfarm.LbFarm(lab)
    farm.route_service(farm.balancers[0])
    farm.prepare("tun")
    file = daemons.Endpoints(lab).write(farm.pods)
    service = daemons.virtual(file.source, protocol="udp", drain={"udp": policy, "time": 3600})
    agent = daemons.Agent(farm.balancers[0], daemons.agent_config(service, timeouts={"udp": 2}))
    agent.wait_weights(farm.pods, protocol="UDP")
    probes = traffic.Probes(farm.client, ADDRESS, interval_s=0.02, ports=9)
    wait_until(lambda: len(probes.servers) == 3, 10, "answers of all")
    file.write(farm.pods[1:])
    leaving = farm.pods[0].address
    if policy == "cut":
        wait_until(lambda: leaving not in agent.ipvs.weights(ADDRESS, 80, "UDP"), 10, "it to be deleted")
        wait_until(lambda: answered_without(probes, "web1"), 10, "its clients to have moved")
        return
    wait_until(lambda: agent.ipvs.weights(ADDRESS, 80, "UDP")[leaving] == 0, 10, "weight 0")
    probes.clear_servers()
    wait_until(lambda: probes.servers.get("web1", 0) > 5, 5, "its clients to stay with it")
    assert leaving in agent.ipvs.weights(ADDRESS, 80, "UDP")
    assert probes.stop().lost == []
    wait_until(lambda: leaving not in agent.ipvs.weights(ADDRESS, 80, "UDP"), 20, "it to be deleted after their silence")


def answered_without(probes, name):
    """From now on all are answered, and none by that server."""
    probes.clear_servers()
    wait_until(lambda: sum(probes.servers.values()) >= 3 * len(probes.sockets), 5, "some more answers")
    return name not in probes.servers
