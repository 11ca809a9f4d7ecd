"""A service is announced only while lb-ipvs-agent reports that it works. The agent is the test's own, which speaks its protocol.

    reflector .109 (a listening socket of the test) ==== node network ==== n1 -- pod (lb-announcer, the agent's stand-in)
"""
import signal

import pytest

from lab import bgp, daemons, exposition
from lab.agent import AgentStandIn, Service
from lab.fig4 import ADDRESS2, REFLECTOR, ROUTER, SERVICE, SERVICE2
from lab.wait import holds, stopwatch, wait_until

GIGABIT = 125000000.0


class Bound:
    """A pod whose announcer is bound to a stand-in and connected to the test's speaker. service: more keys of each."""

    def __init__(self, fig, *services, prefixes=(SERVICE,), grace=3, drain=None, agent=True, service=None, router=None):
        self.fig = fig
        self.agent = AgentStandIn(fig.lab, *services)
        if not agent:
            self.agent.stop()
        self.listener = bgp.Listener(fig.reflector, REFLECTOR)
        self.pod = fig.add_pod(1)
        config = daemons.announcer_config(self.pod, prefixes)
        config["agent"] = {"socket": self.agent.path, "grace": grace}
        config["drain"] = drain or {"time": 3600, "linger": 0}
        config["router"].update(router or {})
        for entry in config["services"]:
            entry.update(service or {})
        self.daemon = daemons.announcer(self.pod, config=config)
        self.speaker = self.listener.accept(10).establish()
        wait_until(lambda: bgp.IPV4 in self.speaker.ended, 5, "End-of-RIB")

    def bandwidth(self, prefix=SERVICE):
        """What is announced: a share of a gigabit, or None: nothing."""
        paths = self.speaker.paths(prefix)
        return paths[0].link_bandwidth[1] / GIGABIT if paths else None

    def wait_for(self, bandwidth, prefix=SERVICE, timeout=10):
        wait_until(lambda: self.bandwidth(prefix) == bandwidth, timeout, f"{prefix} with bandwidth {bandwidth}")
        return self

    def stays(self, bandwidth, seconds, prefix=SERVICE):
        holds(lambda: self.bandwidth(prefix) == bandwidth, seconds, f"{prefix} with bandwidth {bandwidth}")

    def wait_for_said(self, state):
        wait_until(lambda: self.agent.state() == state, 10, f"the agent to be told: {state}")

    def term(self):
        self.daemon.process.signal(signal.SIGTERM)
        return self

    def service(self, prefix=SERVICE):
        return {row["service"]: row for row in self.daemon.show("services")}[prefix]


def test_it_is_announced_while_there_are_healthy_servers(fig):
    bound = Bound(fig, Service(healthy=0))
    bound.stays(None, 0.5)
    bound.agent.set(healthy=1)
    bound.wait_for(1)
    bound.agent.set(healthy=0)
    bound.wait_for(None)
    bound.agent.set(healthy=2)
    bound.wait_for(1)


# The agent: there or not, silent, restarted.

def test_it_waits_for_an_agent_that_comes_later_and_tells_why(fig):
    bound = Bound(fig, agent=False)
    row = bound.service()
    assert (row["state"], row["agent"]) == ("withdrawn", "away")
    assert "cannot reach lb-ipvs-agent" in row["reason"] and bound.agent.path in row["reason"]
    bound.stays(None, 0.3)
    elapsed = stopwatch()
    bound.agent.start()
    bound.wait_for(1)
    assert elapsed() < 1000
    row = bound.service()
    assert (row["state"], row["agent"], row["healthy"], row["servers"]) == ("announced", "heard", 4, 4)
    assert row["virtual-services"] == ["web"]


@pytest.mark.parametrize("how", ["starting", "no servers yet"])
def test_an_agent_that_knows_nothing_yet_is_waited_for(fig, how):
    bound = Bound(fig, agent=False)
    bound.agent.ready = how != "starting"
    bound.agent.services["web"].known = how == "starting"
    bound.agent.start()
    wait_until(lambda: ("is starting" if how == "starting" else "does not know") in bound.service()["reason"], 5, "the reason")
    bound.stays(None, 0.3)
    bound.agent.ready = True
    bound.agent.set(known=True)
    bound.wait_for(1)


def test_an_agent_restarted_within_its_grace_withdraws_nothing(fig):
    bound = Bound(fig, grace=2).wait_for(1)
    for _ in range(3):
        bound.agent.stop()
        wait_until(lambda: bound.service()["agent"] == "away", 5, "the loss to be seen")
        bound.stays(1, 0.4)
        bound.agent.services["web"].known = False
        bound.agent.start()
        bound.stays(1, 0.4)
        bound.agent.set(known=True)
        wait_until(lambda: "left-ms" not in bound.service(), 5, "the agent's word")
        bound.wait_for_said("announcing")
    bound.stays(1, 2.5)
    assert bound.service()["changes"] == 1
    # What it says counts at once.
    bound.agent.set(known=True, healthy=0)
    bound.wait_for(None)


@pytest.mark.parametrize("how", ["killed", "silent", "back without a word"])
def test_what_an_agent_said_holds_for_the_grace_and_no_longer(fig, how):
    bound = Bound(fig, grace=1).wait_for(1)
    elapsed = stopwatch()
    if how == "silent":
        bound.agent.silent = True
    else:
        bound.agent.stop()
    if how == "back without a word":
        bound.agent.services["web"].known = False
        bound.agent.start()
    wait_until(lambda: bound.service().get("left-ms"), 5, "the time that is left")
    bound.wait_for(None)
    # Silence is noticed two and a half seconds after the last word, which may have been a second ago.
    low, high = (2450, 5500) if how == "silent" else (950, 3000)
    assert low < elapsed() < high
    assert bound.daemon.process.running
    bound.agent.silent = False
    if how == "killed":
        bound.agent.start()
    bound.agent.set(known=True)
    bound.wait_for(1)


def test_without_grace_it_is_withdrawn_at_once(fig):
    bound = Bound(fig, grace=0).wait_for(1)
    elapsed = stopwatch()
    bound.agent.stop()
    bound.wait_for(None)
    assert elapsed() < 700


# How many servers.

def test_each_of_its_virtual_services_needs_enough_and_those_elsewhere_none(fig):
    web, dns = Service("web"), Service("dns", port=53, healthy=1)
    bound = Bound(fig, web, dns, Service("other", ADDRESS2, healthy=0), service={"min-healthy": "50%"})
    bound.stays(None, 0.3)
    assert bound.service()["reason"] == "dns: 1 of 4 servers healthy, 2 needed"
    bound.agent.set("dns", healthy=2)
    bound.wait_for(1)
    bound.agent.set("web", healthy=1)
    bound.wait_for(None)
    bound.agent.remove("web")
    bound.wait_for(1)
    bound.agent.set("dns", configured=False, healthy=0, servers=0)
    wait_until(lambda: bound.service()["reason"] == "lb-ipvs-agent has no service in this prefix", 5, "the reason")
    bound.wait_for(None)


def test_services_that_are_named_count_and_no_other(fig):
    bound = Bound(fig, Service("mark", None, healthy=1), Service("web", healthy=0), agent=True,
                  service={"agent-services": ["mark", "dns"]})
    bound.stays(None, 0.3)
    assert bound.service()["reason"] == 'lb-ipvs-agent has no service "dns"'
    bound.agent.add(Service("dns", ADDRESS2, port=53))
    bound.wait_for(1)
    assert sorted(bound.service()["virtual-services"]) == ["dns", "mark"]


def test_each_prefix_has_its_own_fate(fig):
    bound = Bound(fig, Service("web"), Service("two", ADDRESS2, healthy=0), prefixes=(SERVICE, SERVICE2)).wait_for(1)
    assert bound.bandwidth(SERVICE2) is None
    assert bound.daemon.neighbors()[REFLECTOR]["advertised"] == 1
    bound.agent.set("two", healthy=4)
    bound.wait_for(1, SERVICE2)
    bound.agent.set("web", healthy=0)
    bound.wait_for(None)
    bound.stays(1, 0.3, SERVICE2)
    bound.speaker.close()
    again = bound.listener.accept(10).establish()
    wait_until(lambda: bgp.IPV4 in again.ended, 5, "End-of-RIB")
    assert list(again.routes) == [key for key in again.routes if SERVICE2 in str(key)] != []


def test_to_return_it_needs_more_and_that_for_a_while(fig):
    bound = Bound(fig, Service(healthy=2), service={"min-healthy": 2, "min-healthy-return": 3, "return-delay": 1}).wait_for(1)
    bound.agent.set(healthy=1)
    bound.wait_for(None)
    bound.agent.set(healthy=2)
    bound.stays(None, 0.4)
    bound.agent.set(healthy=3)
    elapsed = stopwatch()
    wait_until(lambda: bound.service().get("returns-ms"), 5, "the time until it returns")
    bound.wait_for(1)
    assert 950 < elapsed() < 3000
    bound.agent.set(healthy=2)
    bound.stays(1, 0.4)


# The end: who is told to end, in which order, and who is killed meanwhile.

def test_a_drain_ends_with_the_last_connection(fig):
    bound = Bound(fig, Service(active=7), drain={"time": 3600, "linger": 0}).wait_for(1)
    bound.wait_for_said("announcing")
    elapsed = stopwatch()
    bound.term().wait_for(0)
    bound.wait_for_said("draining")
    bound.stays(0, 1.5)
    bound.agent.set(active=0)
    bound.wait_for(None)
    assert bound.daemon.process.wait(10) == 0
    assert elapsed() > 1500
    assert bound.speaker.wait_for_end() == (6, 2)
    wait_until(lambda: bound.agent.state() is None, 5, "the connection's end")
    assert [s for s in bound.agent.states() if s] == ["withdrawn", "announcing", "draining", "withdrawn", "leaving"]


def test_with_nobody_connected_a_drain_lasts_about_a_second(fig):
    bound = Bound(fig, Service(active=0), drain={"time": 3600, "linger": 0}).wait_for(1)
    bound.wait_for_said("announcing")
    elapsed = stopwatch()
    bound.term().wait_for(0)
    assert bound.daemon.process.wait(10) == 0
    assert 1000 < elapsed() < 4000


def test_a_drain_by_hand_ends_early_too_and_its_time_stays_the_limit(fig):
    bound = Bound(fig, Service(active=1)).wait_for(1)
    bound.daemon.ctl("drain", "1")
    bound.wait_for(0)
    elapsed = stopwatch()
    bound.wait_for(None)
    assert 700 < elapsed() < 3000
    bound.daemon.ctl("undrain")
    bound.wait_for(1)
    bound.daemon.ctl("drain", "3600")
    bound.agent.set(active=0)
    bound.wait_for(None)
    bound.wait_for_said("withdrawn")
    assert bound.daemon.process.running


def test_an_agent_that_leaves_is_drained_and_told_when_all_is_withdrawn(fig):
    bound = Bound(fig, Service(active=3)).wait_for(1)
    bound.agent.leave()
    bound.wait_for(0)
    bound.wait_for_said("draining")
    assert bound.service()["agent"] == "leaving"
    bound.stays(0, 1.5)
    bound.agent.set(active=0)
    bound.wait_for(None)
    bound.wait_for_said("withdrawn")
    withdrawn = [m.when for m in bound.speaker.messages if m.kind == bgp.UPDATE and bgp.decode_update(m.body)[0]][-1]
    assert bound.agent.when("withdrawn") > withdrawn - 0.05
    # It goes, and another one comes: announced as ever.
    bound.agent.stop()
    bound.stays(None, 0.3)
    bound.agent.leaving = False
    bound.agent.start()
    bound.wait_for(1)
    bound.wait_for_said("announcing")


def test_an_agent_that_leaves_with_nobody_connected_is_withdrawn_at_once(fig):
    bound = Bound(fig).wait_for(1)
    elapsed = stopwatch()
    bound.agent.leave()
    bound.wait_for(None)
    assert elapsed() < 700
    bound.wait_for_said("withdrawn")


def test_an_agent_that_waits_no_longer_than_so_is_withdrawn_a_second_before(fig):
    bound = Bound(fig, Service(active=3)).wait_for(1)
    elapsed = stopwatch()
    with bound.agent.lock:
        bound.agent.leave(2000)
        bound.agent.silent = True
    bound.wait_for(0).wait_for(None)
    assert 900 < elapsed() < 1900


def test_an_agent_that_stays_after_all_was_only_drained(fig):
    bound = Bound(fig, Service(active=3), service={"return-delay": 3600}).wait_for(1)
    bound.agent.leave()
    bound.wait_for(0)
    bound.agent.stay()
    bound.wait_for(1)


def test_both_told_to_end_at_once(fig):
    """As Kubernetes does it. The agent hears that nothing is announced any more while it is still there."""
    bound = Bound(fig, Service(active=3), drain={"time": 3600, "linger": 1}).wait_for(1)
    bound.agent.leave()
    bound.term().wait_for(0)
    bound.stays(0, 1)
    bound.agent.set(active=0)
    bound.wait_for(None)
    bound.wait_for_said("withdrawn")
    assert bound.daemon.process.wait(10) == 0
    wait_until(lambda: bound.agent.state() is None, 5, "the connection's end")
    assert bound.agent.said[-1][1] - bound.agent.when("withdrawn") > 0.9


def test_the_agent_killed_while_the_announcer_drains(fig):
    """The kernel's rules work on, for the grace; then what nobody checks any more is withdrawn, which ends the drain."""
    bound = Bound(fig, Service(active=3), grace=1, drain={"time": 3600, "linger": 0}).wait_for(1)
    bound.term().wait_for(0)
    bound.wait_for_said("draining")
    bound.agent.stop()
    bound.stays(0, 0.6)
    assert bound.daemon.process.wait(10) == 0
    assert bound.speaker.wait_for_end() == (6, 2)


def test_the_agent_killed_and_restarted_while_the_announcer_drains(fig):
    bound = Bound(fig, Service(active=3), grace=2, drain={"time": 3600, "linger": 0}).wait_for(1)
    bound.term().wait_for(0)
    bound.wait_for_said("draining")
    bound.agent.stop()
    bound.agent.services["web"].known = False
    bound.agent.services["web"].active = 0
    bound.agent.start()
    # That nothing is counted where nothing is known ends no drain.
    bound.stays(0, 1.5)
    bound.agent.set(known=True, active=3)
    bound.stays(0, 1.5)
    bound.agent.set(active=0)
    bound.wait_for(None)
    assert bound.daemon.process.wait(10) == 0


def test_the_announcer_killed_while_the_agent_leaves(fig):
    bound = Bound(fig, Service(active=3)).wait_for(1)
    bound.agent.leave()
    bound.wait_for(0)
    bound.wait_for_said("draining")
    bound.daemon.process.kill()
    wait_until(lambda: bound.agent.state() is None, 5, "the agent to see it go")
    bound.speaker.wait_for_end()
    # The next one announces nothing: the agent is about to go.
    bound.daemon.start()
    again = bound.listener.accept(10).establish()
    wait_until(lambda: bgp.IPV4 in again.ended, 5, "End-of-RIB")
    bound.wait_for_said("withdrawn")
    assert again.routes == {}


def test_the_agent_killed_while_it_leaves(fig):
    bound = Bound(fig, Service(active=3), grace=1).wait_for(1)
    bound.agent.leave()
    bound.wait_for(0)
    bound.agent.stop()
    bound.stays(0, 0.5)
    bound.wait_for(None)
    bound.agent.leaving = False
    bound.agent.start()
    bound.wait_for(1)


# Capacity, events, metrics.

def test_capacity_follows_the_healthy_share_in_quarters(fig):
    bound = Bound(fig, Service(servers=8, healthy=8), router={"capacity-by-health": True}).wait_for(1)
    for healthy, share in ((7, 1), (6, 0.75), (5, 0.75), (4, 0.5), (1, 0.25)):
        bound.agent.set(healthy=healthy)
        bound.wait_for(share)
    # Up only when it has held.
    elapsed = stopwatch()
    bound.agent.set(healthy=6)
    bound.wait_for(0.75)
    assert elapsed() > 4500
    assert bound.service()["capacity-percent"] == 75


def test_the_routers_weights_follow_the_healthy_share(lab):
    """Two load balancers with servers of their own, rrd as reflector and router."""
    router = daemons.router_config()
    router["fib"]["link-bandwidth-unit"] = 1000
    system = daemons.System(lab, None, router)
    system.reflector.wait_established(ROUTER)
    agents = []
    for number in (1, 2):
        pod = system.fig.add_pod(number)
        agents.append(AgentStandIn(lab, Service(servers=4), name=f"agent{number}"))
        config = daemons.announcer_config(pod)
        config["agent"] = {"socket": agents[-1].path}
        config["router"].update({"capacity": "160k", "capacity-by-health": True})
        daemons.announcer(pod, config=config)
    system.wait_for_hops({"n1": 20, "n2": 20})
    agents[0].set(healthy=2)
    system.wait_for_hops({"n1": 10, "n2": 20})
    agents[1].set(healthy=1)
    system.wait_for_hops({"n1": 10, "n2": 5})
    agents[0].set(healthy=0)
    system.wait_for_hops({"n2": 1})
    # What returns begins with what it has; what stayed is raised when it has held.
    agents[0].set(healthy=4)
    system.wait_for_hops({"n1": 20, "n2": 5})
    agents[1].set(healthy=4)
    system.wait_for_hops({"n1": 20, "n2": 20})


def test_changes_are_logged_once_watched_and_counted(fig):
    bound = Bound(fig, Service(healthy=0))
    watch = bound.pod.ns.start([daemons.binary("rrctl"), "-a", "--socket", bound.daemon.socket, "watch"], "watch")
    wait_until(lambda: " lb_announcer_" in bound.daemon.ctl("metrics"), 5, "an answer")
    bound.agent.set(healthy=3)
    bound.wait_for(1)
    bound.agent.set(healthy=0)
    bound.wait_for(None)
    line = f"{SERVICE}: announced -> withdrawn"
    watch.wait_for_log(line)
    assert "web: 0 of 4 servers healthy, 1 needed" in watch.log()
    log = bound.daemon.log()
    assert log.count(f"service {SERVICE}: withdrawn -> announced: web: 3 of 4 servers healthy") == 1
    assert log.count(f"service {SERVICE}: announced -> withdrawn: web: 0 of 4 servers healthy, 1 needed") == 1
    families = exposition.parse(bound.daemon.ctl("metrics"))
    assert families["lb_announcer_service_state"].value(service=SERVICE, state="withdrawn") == 1
    assert families["lb_announcer_service_changes_total"].value(service=SERVICE) == 2
    assert families["lb_announcer_service_servers"].value(service=SERVICE) == 4
    assert families["lb_announcer_agent_up"].value() == 1
    agent = bound.daemon.show("agent")[0]
    assert (agent["state"], agent["told"], agent["leaving"]) == ("heard", "withdrawn", False)


def test_an_announcer_without_an_agent_says_so(fig):
    bound = daemons.announcer(fig.add_pod(1)).wait_until_ready()
    assert "agent.socket" in bound.ctl("show", "agent", check=False)
    row = bound.show("services")[0]
    assert (row["state"], row["agent"], row["virtual-services"]) == ("announced", "none", [])
