"""Another configuration for a running lb-ipvs-agent: told in words first, refused where it would not start, told to the manager.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1, web2
"""
import os

import pytest

from lab import daemons, lbfarm
from lab.ipvs import Writes
from lab.notify import Manager
from lab.reload import changed, plan, taken
from lab.wait import wait_until

KEY, KEY81 = "10.1.1.1:80/tcp", "10.1.1.1:81/tcp"


@pytest.fixture
def agent(lab):
    farm = lbfarm.LbFarm(lab, pods=2)
    manager = Manager(lab)
    this = daemons.Agent(farm.balancers[0], daemons.agent_config(daemons.virtual(farm.pods)), env=manager.env)
    this.wait_settled()
    this.manager, this.farm = manager, farm
    this.writes = Writes(this.balancer.ns)
    return this


def test_what_would_change_is_told_and_nothing_does(agent):
    config = changed(agent, (("services", 0, "weight"), 3), ("timeouts.udp", 60), ("defaults.drain", {"time": 7}))
    config["services"].append(daemons.virtual(agent.farm.pods, port=81))
    assert plan(agent, config) == [
        ("live", f"service {KEY}: weight 1 -> 3"), ("live", f"service {KEY}: drain.time 60 -> 7"),
        ("live", f"service {KEY81}: added: in the kernel as soon as its servers are known"),
        ("live", "timeouts.udp 0 -> 60")]
    assert agent.writes.commands() == {} and agent.status()["reloads"] == 0
    assert plan(agent, changed(agent, ("services", []))) == [
        ("live", f"service {KEY}: removed: its servers are drained, then it is deleted"),
        *[line for line in plan(agent, changed(agent, ("services", []))) if KEY not in line[1]]]
    assert agent.writes.commands() == {}


def test_a_default_written_out_is_no_change(agent):
    config = changed(agent, (("services", 0, "scheduler"), "rr"), ("sysctls.conntrack", "auto"), ("ipvs.check-mark", 65536))
    assert plan(agent, config) == []
    assert agent.ctl("reload", "--dry-run").strip() == "nothing changes"
    taken(agent, config)
    agent.wait_settled()
    assert agent.writes.commands() == {}


def told(agent, config, *words):
    """What rrctl says of a reload of a file with just this."""
    agent.ns.lab.file(f"{agent.name}.yaml", daemons.dump(config))
    return agent.ctl("reload", *words, check=False)


def test_what_it_would_not_start_with_is_refused_whole(agent):
    bad = changed(agent, ("control.socket", "/run/nowhere/agent.sock"), (("services", 0, "weight"), 3))
    assert "a reload would be refused: the directory /run/nowhere of control.socket is missing" in told(agent, bad, "--dry-run")
    assert "nothing was changed: the directory /run/nowhere of control.socket is missing" in told(agent, bad)
    assert "ipvs.check-mark" in told(agent, changed(agent, ("ipvs.check-mark", 0x20000)))
    assert "no group" in told(agent, changed(agent, ("control.group", "nobody-has-this"), (("services", 0, "weight"), 3)))
    assert agent.writes.commands() == {}
    assert agent.status()["reloads-refused"] == 3
    taken(agent, agent.config)


def test_the_control_socket_moves(agent):
    old, new = agent.socket, "/run/elsewhere.sock"
    agent.ns.lab.file(f"{agent.name}.yaml", daemons.dump(changed(agent, ("control.socket", new))))
    assert f"control.socket {old} -> {new}" in agent.ctl("reload")
    agent.socket = new
    assert agent.status()["reloads"] == 1 and not os.path.exists(old)


def test_the_configuration_in_use_can_be_shown_and_read_back(agent):
    for words in ([], ["all"]):
        path = agent.ns.lab.file("shown.yaml", agent.ctl("show", "config", *words))
        agent.ns.run([daemons.binary("lb-ipvs-agent"), "-t", "-c", path])


def test_the_service_manager_is_told(agent):
    agent.manager.wait_for("READY")
    agent.manager.check_reload(lambda: agent.reload(changed(agent, ("log.level", "info"))))
    agent.manager.check_reload(lambda: agent.reload(changed(agent, ("log.level", "loud"))))
    agent.process.terminate()
    wait_until(lambda: any("STOPPING" in m for m in agent.manager.read()), 10, "the end to be told")
