"""Two reflectors, one cluster id: what becomes of either changes nothing in the router's kernel and loses no packet.

    client -- router (rrd) ==== node network ==== reflector .109, reflector .120 (rrd)
                                  |    |    |
                                 n1   n2   n3
                                  |    |    |
                                 lb1  lb2  lb3   (lb-announcer, to both reflectors)

The kernel tells of every change of its routes and next hops: where it told of none, no flow has moved.
"""
import signal

import pytest

from lab import fig4, traffic
from lab.fig4 import SERVICE
from lab.monitor import RouteMonitor
from lab.pair import BOTH, Pair
from lab.wait import holds, wait_until

ALL = {"n1": 1, "n2": 1, "n3": 1}
HOLD_S = 3


class Watched:
    """A whole pair with traffic: what the block does must lose nothing and change nothing."""

    def __init__(self, pair):
        self.pair = pair
        wait_until(lambda: pair.fig.hops() == ALL, 10, "three next hops")
        # Two paths of each pod: by then nothing is on its way any more.
        wait_until(lambda: len(pair.router.show("routes")) == 2 * len(pair.pods), 10, "each path by both")
        self.probes = traffic.Probes(pair.fig.client, fig4.ADDRESS)
        wait_until(lambda: len(self.probes.servers) == 3, 5, "answers of all three pods")
        self.changes = RouteMonitor(pair.fig.router)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.judge()

    def judge(self):
        seen = self.probes.sent
        wait_until(lambda: self.probes.sent >= seen + 20, 5, "some more probes")
        self.probes.stop()
        assert self.probes.lost == [], f"{len(self.probes.lost)} of {self.probes.sent} probes were lost"
        assert self.changes.times == [], "the router's kernel was changed"
        assert self.pair.fig.hops() == ALL


@pytest.fixture
def pair(lab):
    return Pair(lab).add_announcers().wait_whole()


def wait_missed(pair, reflector):
    """The router and every pod have noticed."""
    wait_until(lambda: pair.router.state(reflector.address) != "established", 2 * HOLD_S + 5, "the router to notice")
    for pod in pair.pods:
        wait_until(lambda p=pod: p.daemon.state(reflector.address) != "established", 2 * HOLD_S + 5, f"{pod} to notice")


def kill(pair, reflector):
    reflector.kill()
    wait_missed(pair, reflector)
    reflector.start()


def terminate(pair, reflector):
    assert reflector.daemon.process.terminate() == 0
    wait_missed(pair, reflector)
    reflector.start()


def stop(pair, reflector):
    reflector.stop()
    wait_missed(pair, reflector)
    reflector.go_on()


def cut(pair, reflector):
    reflector.cut()
    wait_missed(pair, reflector)
    reflector.mend()


@pytest.mark.parametrize("event", [kill, terminate, stop, cut])
def test_either_reflector_goes_and_comes_back(pair, event):
    with Watched(pair):
        for reflector in pair.reflectors:
            event(pair, reflector)
            pair.wait_whole()


def test_a_pod_that_goes_while_a_reflector_is_away_goes_and_does_not_come_back_with_it(pair):
    first, second = pair.reflectors
    wait_until(lambda: pair.fig.hops() == ALL, 10, "three next hops")
    first.kill()
    pair.pods.pop().daemon.process.terminate()
    wait_until(lambda: pair.fig.hops() == {"n1": 1, "n2": 1}, 10, "two next hops")
    first.start()
    pair.wait_whole()
    holds(lambda: pair.fig.hops() == {"n1": 1, "n2": 1}, 0.5, "two next hops")


def test_a_reflector_that_half_of_the_pods_cannot_reach_leaves_the_union(pair):
    first, second = pair.reflectors
    cut_off = pair.pods[0]
    with Watched(pair):
        second.ns.ip(f"route replace blackhole {cut_off.node.overlay}")
        wait_until(lambda: cut_off.daemon.state(second.address) != "established", 3 * HOLD_S, "the pod to notice")
        wait_until(lambda: len(pair.router.show("routes")) == 5, 3 * HOLD_S, "the router to have five paths")
    # What only the first one knows goes with it, and what the other knows stays.
    first.kill()
    wait_until(lambda: pair.fig.hops() == {"n2": 1, "n3": 1}, 10, "what the second one knows")
    second.ns.ip(f"route replace {cut_off.node.overlay} via {cut_off.node.address}")
    wait_until(lambda: pair.fig.hops() == ALL, 25, "all next hops, by the second one")
    first.start()
    pair.wait_whole()
    assert pair.fig.hops() == ALL
    assert {row["prefix"] for row in pair.router.show("routes")} == {SERVICE}


def test_the_routers_daemon_is_stopped_beyond_the_hold_time_and_is_back_within_ten_seconds(pair):
    wait_until(lambda: pair.fig.hops() == ALL, 10, "three next hops")
    lost = pair.router.log().count(" down: ")
    pair.router.process.signal(signal.SIGSTOP)
    for reflector in pair.reflectors:
        wait_until(lambda r=reflector: r.daemon.state(fig4.ROUTER) != "established", 2 * HOLD_S + 5, "it to be missed")
    assert pair.fig.hops() == ALL, "the kernel forwards on its own"
    pair.router.process.signal(signal.SIGCONT)
    pair.router.wait_established(*BOTH, timeout=10)
    wait_until(lambda: len(pair.router.show("routes")) == 2 * len(pair.pods), 10, "each path by both")
    assert pair.fig.hops() == ALL
    assert pair.router.log().count(" down: ") == lost + 2, "each session was to be lost once"
