"""A service is announced only while lb-ipvs-agent reports that it works. The agent is the test's own, which speaks its protocol.

    reflector .109 (a listening socket of the test) ==== node network ==== n1 -- pod (lb-announcer, the agent's stand-in)
"""
import signal

import pytest

from lab import bgp, daemons
from lab.agent import AgentStandIn, Service
from lab.fig4 import ADDRESS2, AS, REFLECTOR, SERVICE, SERVICE2
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
