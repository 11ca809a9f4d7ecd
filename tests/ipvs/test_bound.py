"""lb-announcer and lb-ipvs-agent in one load balancer, on real IPVS: what is announced is what works, and the end keeps its order
whoever is told to end, or killed, first.

    client -- router (a BGP speaker of the test) -- overlay -- lb1 (lb-ipvs-agent, lb-announcer), web1 ... web3
"""
import signal
import threading
import time

import pytest

from lab import bgp, daemons, lbfarm, wait_until
from lab.control import Caller
from lab.fig4 import AS
from lab.lbfarm import ADDRESS, ROUTER, SERVICE
from lab.traffic import TALK_PORT
from lab.wait import holds

TCP_CHECK = {"type": "tcp", "interval": "200ms", "timeout": "150ms", "rise": 2, "fall": 2, "port": 80}
GIGABIT = 125000000.0


class Bound:
    """The pair, announced to the test's speaker. wait: the agent's exit-wait."""

    def __init__(self, lab, wait=60, on_exit="remove", grace=3, drain=60, talks=4, **announcer):
        self.farm = lbfarm.LbFarm(lab)
        self.balancer = self.farm.balancers[0]
        self.farm.route_service(self.balancer)
        self.farm.prepare("tun", self.balancer)
        service = daemons.virtual(self.farm.pods, port=TALK_PORT, name="talk", checks=[TCP_CHECK])
        config = daemons.agent_config(service)
        config["ipvs"].update({"exit-wait": wait, "on-exit": on_exit})
        self.agent = daemons.Agent(self.balancer, config)
        self.listener = bgp.Listener(self.farm.router, ROUTER)
        self.announcer = daemons.Daemon(self.balancer.ns, "lb-announcer", {
            "router": {"as": AS, "router-id": self.balancer.address, "local-address": self.balancer.address},
            "neighbors": [{"address": ROUTER, "hold-time": 30}],
            "services": [{"prefix": SERVICE, "next-hop": self.balancer.address, "local-route": False, **announcer}],
            "agent": {"socket": self.agent.socket, "grace": grace},
            "drain": {"time": drain, "linger": 1},
            "log": {"to": "stderr", "level": "debug"},
        })
        self.speaker = self.listener.accept(15).establish()
        self.wait_for(1)
        self.talks = self.farm.talks
        self.old = self.talks.open(self.farm.client, ADDRESS, talks)
        self.gone, self.watching = None, True
        lab.closing(self)
        threading.Thread(target=self._watch_rules, daemon=True).start()

    def bandwidth(self):
        """What is announced: a share of the capacity, or None: nothing."""
        paths = self.speaker.paths(SERVICE)
        return paths[0].link_bandwidth[1] / GIGABIT if paths else None

    def wait_for(self, bandwidth, timeout=15):
        wait_until(lambda: self.bandwidth() == bandwidth, timeout, f"bandwidth {bandwidth}")
        return self

    def stays(self, bandwidth, seconds):
        holds(lambda: self.bandwidth() == bandwidth, seconds, f"bandwidth {bandwidth}")

    def rules(self):
        return self.balancer.ipvs.service(ADDRESS, TALK_PORT) is not None

    def _watch_rules(self):
        wait_until(lambda: not self.watching or not self.rules(), 600, "the rules to go")
        self.gone = time.monotonic()

    def close(self):
        self.watching = False

    def term(self, *daemon):
        for each in daemon:
            each.process.signal(signal.SIGTERM)

    def hang_up(self, talks=None):
        for talk in talks or list(self.talks.talks):
            self.talks.talks.remove(talk)
            talk.socket.shutdown(2)

    def withdrawn(self):
        """When it was withdrawn last: by an UPDATE, or by the session's end."""
        updates = [m.when for m in self.speaker.messages
                   if m.kind == bgp.UPDATE and SERVICE in str(bgp.decode_update(m.body)[0])]
        return updates[-1] if updates else self.speaker.closed

    def wait_answered(self, talks=None):
        self.talks.wait_answered(talks or self.old, 3)
        assert self.talks.broken() == []

    def assert_rules_outlived_the_announcement(self):
        wait_until(lambda: self.gone, 15, "the rules to go")
        assert self.bandwidth() is None
        # A second lies between the two; a busy guest may hear of the first one late.
        assert self.gone - self.withdrawn() > 0.5, "rules went before what was on its way had come"


def test_it_is_announced_only_while_servers_are_healthy(lab):
    bound = Bound(lab, talks=0)
    for pod in bound.farm.pods:
        pod.cut()
    bound.wait_for(None)
    bound.farm.pods[1].mend()
    bound.wait_for(1)


def test_it_is_not_announced_before_the_kernel_has_its_rules(lab):
    bound = Bound(lab, talks=0)
    bound.agent.process.kill()
    bound.wait_for(None)
    bound.balancer.ipvs.restore(f"-D -t {ADDRESS}:{TALK_PORT}")
    wait_until(lambda: not bound.rules(), 5, "the rules to be gone")
    seen = []
    wait = threading.Thread(target=lambda: seen.append((bound.wait_for(1), bound.rules())))
    wait.start()
    bound.agent.start()
    wait.join()
    assert seen[0][1], "announced without rules"


@pytest.mark.parametrize("how", ["killed", "told to end, keeping its rules"])
def test_an_agent_restarted_within_its_grace_breaks_and_withdraws_nothing(lab, how):
    bound = Bound(lab, grace=10, on_exit="remove" if how == "killed" else "keep")
    before = len([m for m in bound.speaker.messages if m.kind == bgp.UPDATE])
    if how == "killed":
        bound.agent.process.kill()
    else:
        assert bound.agent.process.terminate() == 0
    bound.wait_answered()
    bound.agent.start()
    wait_until(lambda: bound.announcer.show("services")[0]["agent"] == "heard" and
               "left-ms" not in bound.announcer.show("services")[0], 10, "the agent's word")
    bound.wait_answered()
    assert len([m for m in bound.speaker.messages if m.kind == bgp.UPDATE]) == before


def test_the_agent_told_to_end_alone(lab):
    bound = Bound(lab)
    bound.term(bound.agent)
    bound.wait_for(0)
    bound.wait_answered()
    assert bound.bandwidth() == 0 and bound.rules()
    bound.hang_up()
    bound.wait_for(None)
    bound.assert_rules_outlived_the_announcement()
    assert bound.agent.process.wait(10) == 0
    assert bound.announcer.process.running
    bound.agent.start()
    bound.wait_for(1)


def test_the_announcer_told_to_end_alone(lab):
    bound = Bound(lab)
    bound.term(bound.announcer)
    bound.wait_for(0)
    bound.wait_answered()
    assert bound.bandwidth() == 0
    bound.hang_up()
    assert bound.announcer.process.wait(15) == 0
    assert bound.rules() and bound.agent.process.running


@pytest.mark.parametrize("first", ["agent", "announcer"])
def test_both_told_to_end_at_once(lab, first):
    bound = Bound(lab)
    both = [bound.agent, bound.announcer]
    bound.term(*(both if first == "agent" else reversed(both)))
    bound.wait_for(0)
    bound.wait_answered()
    assert bound.rules() and bound.bandwidth() == 0
    bound.hang_up()
    bound.assert_rules_outlived_the_announcement()
    assert bound.announcer.process.wait(10) == 0 and bound.agent.process.wait(10) == 0


def test_with_nobody_connected_both_are_gone_in_seconds(lab):
    bound = Bound(lab, talks=0)
    start = time.monotonic()
    bound.term(bound.agent, bound.announcer)
    bound.assert_rules_outlived_the_announcement()
    assert bound.announcer.process.wait(10) == 0 and bound.agent.process.wait(10) == 0
    assert time.monotonic() - start < 10


def test_an_agent_does_not_wait_for_ever(lab):
    """Connections that never end: withdrawn in time before the rules go at their limit."""
    bound = Bound(lab, wait=4)
    start = time.monotonic()
    bound.term(bound.agent)
    bound.wait_for(0).wait_for(None)
    bound.assert_rules_outlived_the_announcement()
    assert 3.5 < bound.gone - start < 8
    assert bound.agent.process.wait(10) == 0


def test_the_announcer_killed_while_both_end(lab):
    bound = Bound(lab)
    bound.term(bound.agent, bound.announcer)
    bound.wait_for(0)
    bound.wait_answered()
    bound.announcer.process.kill()
    bound.speaker.wait_for_end()
    killed = time.monotonic()
    wait_until(lambda: bound.gone, 10, "the rules to go")
    assert bound.gone - killed > 0.7
    assert bound.agent.process.wait(10) == 0


def test_the_agent_killed_while_both_end(lab):
    """The kernel keeps its rules, the announcer drains on for the grace, and leaves in order."""
    bound = Bound(lab)
    bound.term(bound.agent, bound.announcer)
    bound.wait_for(0)
    bound.agent.process.kill()
    bound.wait_answered()
    assert bound.bandwidth() == 0
    assert bound.announcer.process.wait(15) == 0
    assert bound.speaker.wait_for_end() == (6, 2)
    bound.wait_answered()
    assert bound.rules()


def test_the_agent_killed_and_started_again_while_the_announcer_drains(lab):
    bound = Bound(lab, grace=10)
    bound.term(bound.announcer)
    bound.wait_for(0)
    bound.agent.kill_and_restart()
    bound.stays(0, 3)
    bound.wait_answered()
    assert bound.announcer.process.running
    bound.hang_up()
    assert bound.announcer.process.wait(20) == 0


def test_an_announcer_whose_word_came_late_is_waited_for(lab):
    """Its last word before the end was that it announces nothing, and the next was on its way."""
    farm = lbfarm.LbFarm(lab)
    farm.prepare("tun", farm.balancers[0])
    service = daemons.virtual(farm.pods, port=TALK_PORT, name="talk", checks=[TCP_CHECK])
    agent = daemons.Agent(farm.balancers[0], daemons.agent_config(service)).wait_settled()
    announcer = Caller(lab, agent.socket)
    assert announcer.ask("announcer", state="withdrawn")[1] == {"end": True}
    agent.process.signal(signal.SIGTERM)
    agent.wait_for_log("nobody announces any more")
    assert announcer.ask("announcer", state="announcing")[1] == {"end": True}
    agent.wait_for_log("lb-announcer announces after all")
    holds(lambda: agent.process.running and "the rules go" not in agent.log(), 2, "the rules stay")
    announcer.ask("announcer", state="withdrawn")
    assert agent.process.wait(15) == 0
