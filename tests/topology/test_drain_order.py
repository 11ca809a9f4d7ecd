"""How lb-announcer leaves: what it says, in which order and when. The reflector is the test's own speaker.

    reflector .109 (a listening socket of the test) ==== node network ==== n1 -- pod (lb-announcer)
"""
import signal

import pytest

from lab import bgp, daemons
from lab.fig4 import AS, REFLECTOR, SERVICE, SERVICE2
from lab.wait import holds, stopwatch, wait_until

GIGABIT = 125000000.0
GRACEFUL_SHUTDOWN = (0xffff, 0)


class Leaving:
    """A pod whose announcer is connected to the test's speaker."""

    def __init__(self, fig, drain, prefixes=(SERVICE,), **router):
        self.listener = bgp.Listener(fig.reflector, REFLECTOR)
        self.pod = fig.add_pod(1)
        config = daemons.announcer_config(self.pod, prefixes)
        config["drain"] = drain
        config["router"].update(router)
        self.daemon = daemons.announcer(self.pod, config=config)
        self.speaker = self.listener.accept(10).establish()
        for prefix in prefixes:
            self.speaker.wait_for_routes(prefix, [self.pod.node.address])
        self.before = len(self.speaker.messages)

    def path(self, prefix=SERVICE):
        paths = self.speaker.paths(prefix)
        return paths[0] if paths else None

    def state(self):
        return self.daemon.show("status")[0]["state"]

    def wait_for_state(self, state, timeout=10):
        wait_until(lambda: self.state() == state, timeout, f"state {state}")

    def term(self):
        self.daemon.process.signal(signal.SIGTERM)
        return self

    def events(self):
        """[(what, seconds since the first of them)] that came since the session was up: paths by what they say."""
        found = []
        for message in self.speaker.messages[self.before:]:
            if message.kind == bgp.NOTIFICATION:
                found.append((message.error, message.when))
            if message.kind == bgp.UPDATE:
                withdrawn, paths, _ = bgp.decode_update(message.body)
                found += [(f"withdraw {prefix}", message.when) for _, prefix, _ in withdrawn]
                found += [(f"bandwidth {p.link_bandwidth[1]:.0f}", message.when) for p in paths]
        return [(what, when - found[0][1]) for what, when in found]

    def what(self):
        return [what for what, _ in self.events()]


def test_link_bandwidth_is_always_sent_from_the_capacity(fig):
    listener = bgp.Listener(fig.reflector, REFLECTOR)
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod, [SERVICE, SERVICE2])
    config["services"][1]["capacity"] = "100M"
    daemons.announcer(pod, config=config)
    speaker = listener.accept(10).establish()
    speaker.wait_for_routes(SERVICE, [pod.node.address])
    speaker.wait_for_routes(SERVICE2, [pod.node.address])
    assert speaker.paths(SERVICE)[0].link_bandwidth == (AS, GIGABIT)
    assert speaker.paths(SERVICE2)[0].link_bandwidth == (AS, GIGABIT / 10)


def test_sigterm_lowers_the_weight_waits_withdraws_lingers_and_says_cease(fig):
    leaving = Leaving(fig, {"time": 1, "linger": 1}).term()
    wait_until(lambda: leaving.path().link_bandwidth == (AS, 0.0), 5, "link bandwidth 0")
    assert leaving.state() == "draining"
    assert leaving.path().local_pref == 100 and leaving.path().communities == []
    leaving.wait_for_state("withdrawn")
    wait_until(lambda: leaving.path() is None, 5, "the withdrawal")
    # Packets on their way are still taken.
    assert leaving.pod.ns.has_local_route(SERVICE)
    assert leaving.speaker.closed is None
    assert leaving.speaker.wait_for_end() == (6, 2)
    assert leaving.daemon.process.wait() == 0
    assert not leaving.pod.ns.has_local_route(SERVICE)
    events = leaving.events()
    assert [what for what, _ in events] == ["bandwidth 0", f"withdraw {SERVICE}", (6, 2)]
    # Never early; late only as far as a loaded machine is.
    assert 0.95 < events[1][1] < 3
    assert 0.95 < events[2][1] - events[1][1] < 3


def test_graceful_shutdown_is_said_with_the_community_and_the_lowest_preference(fig):
    leaving = Leaving(fig, {"method": "graceful-shutdown", "time": 1, "linger": 0}).term()
    wait_until(lambda: leaving.path().communities == [GRACEFUL_SHUTDOWN], 5, "the community")
    assert leaving.path().local_pref == 0
    assert leaving.path().link_bandwidth == (AS, GIGABIT)
    assert leaving.speaker.wait_for_end() == (6, 2)
    assert leaving.daemon.process.wait() == 0
    assert leaving.what() == [f"bandwidth {GIGABIT:.0f}", f"withdraw {SERVICE}", (6, 2)]


def test_without_time_it_withdraws_at_once(fig):
    leaving = Leaving(fig, {"time": 0, "linger": 0})
    elapsed = stopwatch()
    leaving.term()
    wait_until(lambda: leaving.speaker.notification, 5, "Cease")
    assert elapsed() < 900
    assert leaving.daemon.process.wait() == 0
    assert leaving.what() == [f"withdraw {SERVICE}", (6, 2)]


@pytest.mark.parametrize("drain", [{"time": 3600, "linger": 60}, {"time": 0, "linger": 60}])
def test_a_second_sigterm_skips_the_waiting_but_nothing_else(fig, drain):
    leaving = Leaving(fig, drain).term()
    leaving.wait_for_state("draining" if drain["time"] else "withdrawn")
    assert leaving.term().daemon.process.wait(5) == 0
    assert leaving.speaker.wait_for_end() == (6, 2)
    assert leaving.what()[-2:] == [f"withdraw {SERVICE}", (6, 2)]
    assert not leaving.pod.ns.has_local_route(SERVICE)


def test_rrctl_drains_withdraws_and_stays_until_it_is_told_to_return(fig):
    leaving = Leaving(fig, {"time": 1, "linger": 0}, [SERVICE, SERVICE2])
    assert leaving.state() == "announcing"
    leaving.daemon.ctl("drain")
    wait_until(lambda: all(leaving.path(p).link_bandwidth == (AS, 0.0) for p in (SERVICE, SERVICE2)), 5,
               "link bandwidth 0 of both services")
    leaving.wait_for_state("withdrawn")
    wait_until(lambda: leaving.speaker.routes == {}, 5, "the withdrawals")
    holds(lambda: leaving.state() == "withdrawn" and leaving.speaker.closed is None, 0.5, "nothing further happens")
    assert leaving.pod.ns.has_local_route(SERVICE)
    leaving.daemon.ctl("undrain")
    wait_until(lambda: all(leaving.path(p) and leaving.path(p).link_bandwidth == (AS, GIGABIT)
                           for p in (SERVICE, SERVICE2)), 5, "both services as ever")
    assert leaving.state() == "announcing"


def test_rrctl_drains_for_the_time_it_is_given_and_sigterm_does_not_wait_again(fig):
    leaving = Leaving(fig, {"time": 1, "linger": 0})
    leaving.daemon.ctl("drain", "3600")
    elapsed = stopwatch()
    status = leaving.daemon.show("status")[0]
    assert status["state"] == "draining" and status["state-left-ms"] > 3500000
    holds(lambda: leaving.state() == "draining", 1.2, "draining, longer than drain.time")
    assert leaving.term().daemon.process.wait() == 0
    # The time of the drain has passed already.
    assert elapsed() < 3500
    assert leaving.what() == ["bandwidth 0", f"withdraw {SERVICE}", (6, 2)]


def test_undrain_comes_too_late_after_sigterm(fig):
    leaving = Leaving(fig, {"time": 3600, "linger": 0}).term()
    leaving.wait_for_state("draining")
    for command in ("undrain", "drain"):
        assert "told to end" in leaving.daemon.ctl(command, check=False)
    assert leaving.state() == "draining"
    leaving.term().daemon.process.wait()


def test_a_reflector_that_comes_back_is_told_of_the_drain(fig):
    leaving = Leaving(fig, {"time": 3600, "linger": 0})
    leaving.daemon.ctl("drain")
    wait_until(lambda: leaving.path().link_bandwidth == (AS, 0.0), 5, "link bandwidth 0")
    leaving.speaker.close()
    again = leaving.listener.accept(10).establish()
    again.wait_for_routes(SERVICE, [leaving.pod.node.address])
    assert again.paths(SERVICE)[0].link_bandwidth == (AS, 0.0)
    leaving.daemon.ctl("drain", "0")
    again.wait_for_routes(SERVICE, [])
    again.close()
    third = leaving.listener.accept(10).establish()
    wait_until(lambda: bgp.IPV4 in third.ended, 5, "End-of-RIB")
    assert third.routes == {}


def test_with_no_reflector_there_it_does_not_wait_for_the_drain(fig):
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["drain"] = {"time": 3600, "linger": 0}
    daemon = daemons.announcer(pod, config=config)
    daemon.wait_until_ready()
    assert daemon.process.terminate() == 0
