"""The agent dies, ends and starts again, reads another configuration, and shares the kernel with others.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1 ... web3
"""
import pytest

from lab import daemons, lbfarm, traffic, wait_until
from lab.ipvs import Writes
from lab.lbfarm import ADDRESS, ADDRESS6
from lab.traffic import TALK_PORT
from lab.wait import holds

TCP_CHECK = {"type": "tcp", "interval": "200ms", "timeout": "150ms", "port": 80}
FOREIGN = ["-A -t 10.1.1.1:9999 -s wlc", "-a -t 10.1.1.1:9999 -r 172.16.1.77:9999 -m -w 3",
           "-A -u 10.1.1.9:53 -s rr -p 77", "-a -u 10.1.1.9:53 -r 172.16.1.77:53 -i -w 1", "-A -f 5 -s sh"]


@pytest.fixture
def farm(lab):
    this = lbfarm.LbFarm(lab)
    this.route_service(this.balancers[0])
    this.prepare("tun")
    return this


def services(farm, source=None, **more):
    """For talks, requests and probes, in both families."""
    source = source or farm.pods
    return [daemons.virtual(source, port=TALK_PORT, scheduler="mh", **more), daemons.virtual(source, **more),
            daemons.virtual(source, protocol="udp", **more), daemons.virtual(farm.pods, ADDRESS6, **more)]


def test_kill_and_restart_under_load_breaks_nothing_and_writes_nothing(farm):
    balancer = farm.balancers[0]
    agent = daemons.Agent(balancer, daemons.agent_config(*services(farm, checks=[TCP_CHECK])))
    agent.wait_weights(farm.pods, port=TALK_PORT).wait_weights(farm.pods).wait_weights(farm.pods, protocol="UDP")
    agent.wait_weights(farm.pods, ADDRESS6).wait_settled()
    talks = farm.talks.open(farm.client, ADDRESS, 60)
    probes = traffic.Probes(farm.client, ADDRESS, interval_s=0.01, ports=12)
    before = agent.ipvs.rules()
    order = agent.ipvs.order(ADDRESS, TALK_PORT)
    writes = Writes(balancer.ns)
    agent.kill_and_restart().wait_settled()
    # Long enough for the checks to have a verdict of their own.
    wait_until(lambda: all(r["known"] for r in agent.show("checks")), 10, "all checks to have a verdict")
    assert writes.commands() == {}
    assert agent.ipvs.rules() == before
    farm.talks.wait_answered(talks, 3)
    assert farm.talks.broken() == []
    assert probes.stop().lost == []
    assert agent.ipvs.order(ADDRESS, TALK_PORT) == order
    assert set(agent.states().values()) == {"up"}


def test_what_changed_while_it_was_dead_is_made_good(farm):
    """Wishes and kernel differ at its start: just that is written."""
    balancer = farm.balancers[0]
    file = daemons.Endpoints(farm.lab).write(farm.pods[:2])
    config = daemons.agent_config(daemons.virtual(file.source), daemons.virtual(farm.pods, port=81))
    agent = daemons.Agent(balancer, config).wait_settled()
    agent.process.kill()
    file.write(farm.pods[:3])
    agent.config["services"].pop(1)
    balancer.ipvs.admin(f"-e -t {ADDRESS}:80 -r {farm.pods[0].address}:80 -i -w 9")
    writes = Writes(balancer.ns)
    agent.start().wait_weights(farm.pods)
    wait_until(lambda: agent.ipvs.service(ADDRESS, 81) is None, 15, "the service that is no longer wished for to go")
    assert writes.commands().get("new-dest") == 1
    assert writes.commands().get("set-dest", 0) <= 1 + 3
    assert "flush" not in writes.commands()


def test_services_of_others_are_never_touched(farm):
    """Through start, changes, reload, kill, restart and end."""
    balancer = farm.balancers[0]
    balancer.ipvs.restore(*FOREIGN)

    def foreign():
        ours = f"-t {ADDRESS}:80 "
        return [rule for rule in balancer.ipvs.rules() if ours not in rule + " "]
    before = foreign()
    assert len(before) == len(FOREIGN)
    file = daemons.Endpoints(farm.lab).write(farm.pods[:2])
    agent = daemons.Agent(balancer, daemons.agent_config(daemons.virtual(file.source))).wait_weights(farm.pods[:2])
    assert foreign() == before
    file.write(farm.pods)
    agent.wait_weights(farm.pods)
    agent.reload()
    agent.kill_and_restart().wait_settled()
    assert foreign() == before
    holds(lambda: foreign() == before, 1.5, "nothing of others changes in a comparison")
    assert agent.process.terminate() == 0
    assert foreign() == before
    assert balancer.ipvs.service(ADDRESS) is None, "its own rules go at its end"
    assert "not all rules have gone" not in agent.log(), "and it does not wait for more than that"


def test_rules_stay_at_the_end_where_that_is_configured(farm):
    config = daemons.agent_config(daemons.virtual(farm.pods))
    config["ipvs"]["on-exit"] = "keep"
    agent = daemons.Agent(farm.balancers[0], config).wait_weights(farm.pods)
    assert agent.process.terminate() == 0
    assert set(traffic.spread(farm.client, ADDRESS, 6)) == {"web1", "web2", "web3"}


def test_drift_is_found_and_repaired(farm):
    """A server deleted, one added, weights changed, the scheduler changed, the service deleted: and nothing breaks."""
    balancer = farm.balancers[0]
    ipvs, first = balancer.ipvs, farm.pods[0]
    # Where the last service of a family goes, the kernel takes IPVS out of the packets' way and answers them itself, with
    # resets: the second one keeps it there.
    config = daemons.agent_config(daemons.virtual(farm.pods, port=TALK_PORT, scheduler="mh"), daemons.virtual(farm.pods))
    agent = daemons.Agent(balancer, config).wait_weights(farm.pods, port=TALK_PORT).wait_settled()
    talks = farm.talks.open(farm.client, ADDRESS, 12)
    key, rules = f"-t {ADDRESS}:{TALK_PORT}", ipvs.rules()
    for change in (f"-d {key} -r {first.address}:{TALK_PORT}", f"-e {key} -r {first.address}:{TALK_PORT} -i -w 5",
                   f"-e {key} -r {first.address}:{TALK_PORT} -m -w 1", f"-a {key} -r 172.16.1.99:{TALK_PORT} -i -w 1",
                   f"-E {key} -s rr", f"-D {key}"):
        repairs = agent.show("services")[0]["repairs"]
        ipvs.admin(change)
        wait_until(lambda: agent.show("services")[0]["repairs"] > repairs, 15, f"somebody to notice {change}")
        wait_until(lambda: ipvs.rules() == rules, 15, "the repair")
    farm.talks.wait_answered(talks, 3)
    assert farm.talks.broken() == []


def test_reload_changes_what_is_different_and_nothing_else(farm):
    balancer = farm.balancers[0]
    first, second, third = (daemons.virtual(farm.pods, port=p, scheduler="mh") for p in (TALK_PORT, 80, 81))
    agent = daemons.Agent(balancer, daemons.agent_config(first, second)).wait_weights(farm.pods, port=TALK_PORT).wait_settled()
    talks = farm.talks.open(farm.client, ADDRESS, 30)
    writes = Writes(balancer.ns)
    status = agent.reload()
    assert (status["reloads"], status["reloads-refused"]) == (1, 0)
    agent.wait_settled()
    assert writes.commands() == {}
    agent.reload(daemons.agent_config(first, third))
    agent.wait_weights(farm.pods, port=81)
    wait_until(lambda: agent.ipvs.service(ADDRESS, 80) is None, 15, "the removed service to go")
    assert writes.commands()["new-service"] == 1 and writes.commands()["del-service"] == 1
    before = agent.ipvs.rules()
    writes.forget()
    status = agent.reload(daemons.agent_config(first, {**third, "scheduler": "nonsense"}))
    assert (status["reloads"], status["reloads-refused"]) == (2, 1)
    assert "nonsense" in status["reload-error"]
    assert writes.commands() == {} and agent.ipvs.rules() == before
    farm.talks.wait_answered(talks, 3)
    assert farm.talks.broken() == []
