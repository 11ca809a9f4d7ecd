"""A load balancer is drained while connections live: which of them are touched, and where new ones go.

    client -- router (rrd, resilient group) ==== node network ==== n1, n2, n3 -- a pod each, with lb-announcer
                                                     |
                                                 reflector (rrd)

The pods end the connections themselves: no other pod can continue one, as behind a NAT.
"""
import signal

import pytest

from lab import daemons, fig4, traffic
from lab.fig4 import ADDRESS, ADDRESS_V6, SERVICE, SERVICE_V6
from lab.wait import wait_until

FAMILIES = {"ipv4": (SERVICE, ADDRESS), "ipv6": (SERVICE_V6, ADDRESS_V6)}
TALKS = 90
# Far more than there are connections: most are idle and free to move. The timer is far longer than the time between two
# words of a connection, on a loaded machine too.
GROUP = {"prefixes": ["10.1.0.0/16 le 24", "fd00:1::/32 le 64"], "type": "resilient", "buckets": 1024, "idle-timer": 3}


class Drained:
    """The system with three pods that serve, each with living connections."""

    def __init__(self, lab, family, drain, kind="resilient"):
        self.prefix, self.address = FAMILIES[family]
        router = daemons.two_families(daemons.router_config())
        router["fib"]["groups"] = [{**GROUP, "type": kind}]
        self.system = daemons.System(lab, daemons.two_families(daemons.reflector_config()), router)
        self.system.reflector.wait_established(fig4.ROUTER)
        self.client = self.system.fig.client
        self.talks = traffic.Talks(lab)
        self.pods = [self.add_pod(node, drain) for node in (1, 2, 3)]
        self.wait_for_hops({"n1": 1, "n2": 1, "n3": 1})
        # A bucket that carried something a moment ago stays where it is.
        wait_until(lambda: all(25 < self.share(n) < 42 for n in ("n1", "n2", "n3")), 20, "equal shares")
        lab.closing(self)

    def close(self):
        """When the lab ends it tells everybody to end: that is then the second time, and no drain is waited for."""
        for pod in self.pods:
            term(pod)
        for pod in self.pods:
            # Two signals that come before the first is looked at are one.
            pod.daemon.wait_for_log("told to end")

    def add_pod(self, node, drain):
        pod = self.system.fig.add_pod(node)
        pod.serve()
        self.talks.serve(pod.ns, pod.name)
        pod.node.route_service(self.prefix, pod)
        config = daemons.announcer_config(pod, [self.prefix])
        config["drain"] = drain
        pod.daemon = daemons.announcer(pod, config=config)
        return pod

    def wait_for_hops(self, hops):
        self.system.wait_for_hops(hops, self.prefix)

    def share(self, node):
        """The percentage of the kernel's group that leads there."""
        row = next(r for r in self.system.router.show("fib") if r["prefix"] == self.prefix)
        names = {n.address6 if ":" in self.prefix else n.address: n.name for n in self.system.fig.nodes}
        return next((h["actual-percent"] for h in row["next-hops"] if names[h["address"]] == node), 0)

    def open(self, count=TALKS):
        return self.talks.open(self.client, self.address, count)

    def state(self, pod):
        return pod.daemon.show("status")[0]["state"]


def term(pod):
    pod.daemon.process.signal(signal.SIGTERM)


def of(talks, *pods):
    names = {p.name for p in pods}
    return [t for t in talks if t.server in names]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_drain_by_weight_touches_no_connection_but_the_leaving_pods_at_the_end(lab, family):
    drained = Drained(lab, family, {"time": 3600, "linger": 1})
    leaving, *staying = drained.pods
    old = drained.open()
    assert all(of(old, p) for p in drained.pods), "each pod has some"
    term(leaving)
    drained.wait_for_hops({"n1": 1, "n2": 238, "n3": 238})
    assert drained.state(leaving) == "draining"
    # All but the buckets of its connections leave it.
    limit = 100 * (len(of(old, leaving)) + 15) / GROUP["buckets"]
    wait_until(lambda: drained.share("n1") <= limit, 20, "the idle buckets to follow")
    new = drained.open()
    assert len(of(new, leaving)) < TALKS / 6, f"{len(of(new, leaving))} of {TALKS} new ones still went there"
    drained.talks.wait_answered(old + new, 5)
    assert drained.talks.broken() == []
    # What is still there when it is withdrawn is lost; of the others, nothing.
    term(leaving)
    assert leaving.daemon.process.wait() == 0
    drained.wait_for_hops({"n2": 1, "n3": 1})
    wait_until(lambda: len(drained.talks.broken()) >= len(of(old + new, leaving)), 10, "the leaving pod's to be reset")
    drained.talks.wait_answered(of(old + new, *staying), 5)
    assert {t.server for t in drained.talks.broken()} == {leaving.name}
    drained.talks.wait_answered(drained.open(), 2)


def test_connections_that_end_in_time_make_a_drain_that_breaks_nothing(lab):
    drained = Drained(lab, "ipv4", {"time": 3600, "linger": 1})
    leaving, *staying = drained.pods
    talks = drained.open()
    leaving.daemon.ctl("drain", "3600")
    drained.wait_for_hops({"n1": 1, "n2": 238, "n3": 238})
    drained.talks.wait_answered(talks, 3)
    ending = of(talks, leaving)
    assert ending and drained.talks.broken() == []
    for talk in ending:
        drained.talks.talks.remove(talk)
        talk.socket.shutdown(2)
    probes = traffic.Probes(drained.client, drained.address)
    leaving.daemon.ctl("drain", "0")
    drained.wait_for_hops({"n2": 1, "n3": 1})
    assert drained.state(leaving) == "withdrawn"
    assert leaving.daemon.process.terminate() == 0
    drained.talks.wait_answered(of(talks, *staying), 5)
    assert drained.talks.broken() == []
    assert probes.stop().lost == []


def test_graceful_shutdown_moves_the_leaving_pods_connections_at_once_and_no_others(lab):
    drained = Drained(lab, "ipv4", {"method": "graceful-shutdown", "time": 3600, "linger": 0})
    leaving, *staying = drained.pods
    talks = drained.open()
    term(leaving)
    drained.wait_for_hops({"n2": 1, "n3": 1})
    assert drained.state(leaving) == "draining"
    assert len(drained.system.router.show("routes", SERVICE)) == 3
    # Here nobody can take them over: the manual's warning.
    wait_until(lambda: len(drained.talks.broken()) >= len(of(talks, leaving)), 10, "the leaving pod's to be reset")
    drained.talks.wait_answered(of(talks, *staying), 5)
    assert {t.server for t in drained.talks.broken()} == {leaving.name}
    term(leaving)
    assert leaving.daemon.process.wait() == 0


@pytest.mark.parametrize("method", ["weight", "graceful-shutdown"])
def test_if_all_drain_they_stay(lab, method):
    drained = Drained(lab, "ipv4", {"method": method, "time": 3600, "linger": 0}, kind="hash-threshold")
    for pod in drained.pods:
        pod.daemon.ctl("drain")
    wait_until(lambda: all(drained.state(p) == "draining" for p in drained.pods), 5, "all to drain")
    drained.wait_for_hops({"n1": 1, "n2": 1, "n3": 1})
    assert set(traffic.spread(drained.client, drained.address)) == {p.name for p in drained.pods}
    drained.pods[0].daemon.ctl("undrain")
    drained.wait_for_hops({"n1": 238, "n2": 1, "n3": 1} if method == "weight" else {"n1": 1})


@pytest.mark.parametrize("family", FAMILIES)
def test_no_packet_is_lost_from_sigterm_to_the_end(lab, family):
    drained = Drained(lab, family, {"time": 1, "linger": 1}, kind="hash-threshold")
    probes = traffic.Probes(drained.client, drained.address)
    wait_until(lambda: len(probes.servers) == 3, 10, "answers of all three pods")
    for pod in drained.pods[:2]:
        assert pod.daemon.process.terminate() == 0
        pod.node.unroute_service(drained.prefix)
    drained.wait_for_hops({"n3": 1})
    sent = probes.sent
    wait_until(lambda: probes.sent > sent + 100, 5, "some more probes")
    probes.stop()
    assert probes.lost == [], f"{len(probes.lost)} of {probes.sent} were lost"
