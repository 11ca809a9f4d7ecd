"""BFD between router, reflector and load balancers: silence is noticed, and nothing else is taken for it.

    router (rrd) ==== node network ==== reflector (rrd)
                        |   |   |
                       n1  n2  n3      single hop between router and reflector, multihop between pods and reflector
                        |   |   |
                       lb1 lb2 lb3     (lb-announcer)

The hold time is 90 s everywhere: what is noticed sooner was noticed by BFD.
"""
import json
import re
import signal

import pytest

from lab import daemons, exposition, fig4, pair
from lab.fig4 import REFLECTOR, REFLECTOR6, ROUTER, ROUTER6, SERVICE_V6
from lab.tool import not_under_a_tool
from lab.wait import holds, wait_until

pytestmark = not_under_a_tool("intervals of milliseconds mean nothing where a tool slows all down")

HOLD_S = 90
# Not so fast that a busy machine is taken for a dead peer.
FAST = {"enabled": True, "desired-minimum-tx-interval": "150ms", "required-minimum-receive": "150ms"}
ALL = {"n1": 1, "n2": 1, "n3": 1}


def reflector_config(bfd=FAST, **more):
    config = pair.reflector_config(REFLECTOR, HOLD_S)
    for group in config["peer-groups"].values():
        group["bfd"] = {**bfd, **more}
    return config


def router_config(bfd=FAST):
    config = daemons.router_config()
    config["peer-groups"]["reflectors"].update({"hold-time": HOLD_S, "bfd": bfd})
    return config


def announcer_config(pod, bfd=FAST):
    config = daemons.announcer_config(pod)
    config["neighbors"][0].update({"hold-time": HOLD_S, "bfd": bfd})
    return config


class Guarded(daemons.System):
    def __init__(self, lab, reflector_cfg=None, pods=3):
        super().__init__(lab, reflector_cfg or reflector_config(), router_config())
        self.pods = []
        for _ in range(pods):
            pod = self.fig.add_pod()
            pod.daemon = daemons.announcer(pod, config=announcer_config(pod))
            self.pods.append(pod)
        self.reflector.wait_established(ROUTER, *[p.address for p in self.pods])
        self.wait_up(self.reflector, ROUTER, *[p.address for p in self.pods])
        self.wait_up(self.router, REFLECTOR)

    def wait_up(self, daemon, *addresses):
        """Waits until the BFD sessions with these are Up, at their intervals."""
        def fact():
            rows = sessions(daemon)
            assert all(rows[a]["state"] == "Up" and rows[a]["detection-time-us"] == 450000 for a in addresses), rows
            return True
        wait_until(fact, 10, f"{daemon.name}: BFD with {', '.join(addresses)}")


def sessions(daemon):
    return {row["address"]: row for row in daemon.show("bfd")}


def losses(daemon):
    return daemon.log().count("BFD is down")


@pytest.fixture
def guarded(lab):
    this = Guarded(lab)
    this.wait_for_hops(ALL)
    return this


def test_what_is_up_is_shown(guarded):
    rows = sessions(guarded.reflector)
    assert rows[ROUTER]["multihop"] is False
    assert all(rows[p.address]["multihop"] is True for p in guarded.pods)
    row = rows[ROUTER]
    assert (row["remote-state"], row["diagnostic"], row["failures"], row["ups"]) == ("Up", "No Diagnostic", 0, 1)
    assert guarded.reflector.neighbors()[ROUTER]["bfd"] == "Up"
    assert sessions(guarded.pods[0].daemon)[REFLECTOR]["state"] == "Up"
    text = guarded.reflector.ctl("show", "bfd")
    assert "450 ms" in text and "DETECTION" in text
    metrics = guarded.reflector.ctl("metrics")
    assert "rrd_bfd_sessions_up 4" in metrics and 'rrd_bfd_packet_lateness_seconds_bucket{le="+Inf"}' in metrics
    assert "lb_announcer_bfd_sessions_up 1" in guarded.pods[0].daemon.ctl("metrics")


def test_a_load_balancer_that_is_cut_off_is_out_and_comes_back(guarded):
    pod = guarded.pods[0]
    pod.cut()
    guarded.wait_for_hops({"n2": 1, "n3": 1}, timeout=5)
    assert f"neighbor {pod.address}" in guarded.reflector.wait_for_log(".*BFD is down.*").group(0)
    guarded.reflector.wait_for_log("down: .*BFD Down")
    pod.mend()
    guarded.wait_for_hops(ALL, timeout=30)
    guarded.wait_up(guarded.reflector, pod.address)
    assert losses(guarded.router) == 0


def test_a_reflector_that_is_cut_off_is_missed_by_all(guarded):
    guarded.fig.set_cable(guarded.fig.reflector, False)
    guarded.wait_for_hops({}, timeout=5)
    wait_until(lambda: all(losses(p.daemon) == 1 for p in guarded.pods), 5, "the pods to notice")
    guarded.fig.set_cable(guarded.fig.reflector, True)
    guarded.wait_for_hops(ALL, timeout=30)


def test_whoever_ends_in_order_is_not_taken_for_dead(guarded):
    pod = guarded.pods[0]
    assert pod.daemon.process.terminate() == 0
    guarded.wait_for_hops({"n2": 1, "n3": 1})
    assert guarded.router.process.terminate() == 0
    wait_until(lambda: guarded.reflector.state(ROUTER) != "established", 5, "the reflector to notice")
    assert losses(guarded.reflector) == 0


def test_bfd_is_taken_away_and_given_back_without_a_session_lost(guarded):
    down = guarded.reflector.log().count(" down: ")
    guarded.reflector.reload(reflector_config(enabled=False))
    assert sessions(guarded.reflector) == {}
    guarded.pods[0].daemon.wait_for_log("has stopped its BFD")
    guarded.router.wait_for_log("has stopped its BFD")
    holds(lambda: guarded.fig.hops() == ALL, 0.5, "the route")
    # Nobody watches now.
    guarded.reflector.reload(reflector_config())
    guarded.wait_up(guarded.reflector, ROUTER, *[p.address for p in guarded.pods])
    assert guarded.reflector.log().count(" down: ") == down
    assert losses(guarded.router) + losses(guarded.reflector) == 0


def test_other_intervals_are_live(guarded):
    guarded.reflector.reload(reflector_config(**{"desired-minimum-tx-interval": "240ms", "required-minimum-receive": "240ms",
                                                 "detection-multiplier": 5}))
    pods = [p.daemon for p in guarded.pods]
    wait_until(lambda: all(sessions(d)[REFLECTOR]["detection-time-us"] == 1200000 for d in [guarded.router, *pods]), 10,
               "5 times 240 ms")
    wait_until(lambda: sessions(guarded.reflector)[ROUTER]["detection-time-us"] == 720000, 10, "3 times 240 ms")
    assert losses(guarded.reflector) + losses(guarded.router) + sum(map(losses, pods)) == 0
    assert guarded.fig.hops() == ALL


def test_more_packets_than_allowed_are_fewer_and_slower(guarded):
    config = reflector_config()
    # Four sessions want 12 packets a second each, sent and received.
    config["bfd"] = {"packets-per-second": 30}
    guarded.reflector.reload(config)
    guarded.reflector.wait_for_log("all intervals are 2 times as long")
    wait_until(lambda: sessions(guarded.router)[REFLECTOR]["detection-time-us"] == 900000, 10, "3 times 300 ms")
    assert losses(guarded.reflector) + losses(guarded.router) == 0
    assert guarded.reflector.reload(reflector_config())
    guarded.wait_up(guarded.router, REFLECTOR)


def test_a_passive_end_of_a_range_is_back_after_a_flap(lab):
    guarded = Guarded(lab, reflector_config(passive=True), pods=1)
    pod, = guarded.pods
    for _ in range(2):
        pod.cut()
        guarded.wait_for_hops({}, timeout=5)
        pod.mend()
        guarded.wait_for_hops(["n1"], timeout=30)
        guarded.wait_up(guarded.reflector, pod.address)


def test_a_stopped_daemon_costs_its_sessions_once(guarded):
    pods = [p.address for p in guarded.pods]
    guarded.reflector.process.signal(signal.SIGSTOP)
    guarded.wait_for_hops({}, timeout=5)
    wait_until(lambda: all(losses(p.daemon) == 1 for p in guarded.pods), 5, "the pods to notice")
    guarded.reflector.process.signal(signal.SIGCONT)
    guarded.reflector.wait_established(ROUTER, *pods, timeout=10)
    guarded.wait_up(guarded.reflector, ROUTER, *pods)
    guarded.wait_for_hops(ALL)
    assert losses(guarded.router) == 1
    assert all(losses(p.daemon) == 1 for p in guarded.pods)


def value(daemon, name, **labels):
    """A sample; of a histogram a bucket."""
    return exposition.parse(daemon.ctl("metrics"))[name].value(**labels)


def test_our_own_pause_is_nobodys_silence_and_is_told(lab):
    """The reflector stands still for longer than it waits for others, and for less than they wait for it."""
    guarded = Guarded(lab, reflector_config())
    guarded.reflector.reload(reflector_config(**{"detection-multiplier": 40}))
    pods = [p.daemon for p in guarded.pods]
    wait_until(lambda: all(sessions(d)[REFLECTOR]["detection-time-us"] == 6000000 for d in [guarded.router, *pods]), 10, "40 times 150 ms")
    assert sessions(guarded.reflector)[ROUTER]["detection-time-us"] == 450000
    on_time = value(guarded.reflector, "rrd_bfd_packet_lateness_seconds", le="0.05")
    assert on_time > 0
    for _ in range(2):
        guarded.reflector.process.signal(signal.SIGSTOP)
        holds(lambda: guarded.fig.hops() == ALL, 1, "the route")
        guarded.reflector.process.signal(signal.SIGCONT)
        wait_until(lambda: value(guarded.reflector, "rrd_bfd_packet_lateness_seconds", le="0.05") > on_time, 5, "packets on time again")
    assert losses(guarded.reflector) + losses(guarded.router) + sum(map(losses, pods)) == 0
    # Each of the four sessions had a packet to send that had been due for long, twice.
    late = value(guarded.reflector, "rrd_bfd_packet_lateness_seconds", le="+Inf") - \
        value(guarded.reflector, "rrd_bfd_packet_lateness_seconds", le="0.05")
    assert late >= 8 and value(guarded.reflector, "rrd_bfd_stalls_total") >= 2
    assert value(guarded.reflector, "rrd_bfd_latest_packet_seconds") > 0.5


def test_who_has_no_bfd_is_a_neighbor_all_the_same(lab):
    system = daemons.System(lab, reflector_config(), daemons.router_config())
    system.reflector.wait_established(ROUTER)
    pod = system.fig.add_pod(1)
    pod.speaker().establish().announce(fig4.SERVICE, pod.node.address)
    system.wait_for_hops(["n1"])
    holds(lambda: sessions(system.reflector)[pod.address]["state"] == "Down" and system.fig.hops() == {"n1": 1}, 1.5,
          "the session without BFD")


def test_over_ipv6(lab):
    reflector = daemons.reflector_config([ROUTER6], address6=REFLECTOR6)
    for group in reflector["peer-groups"].values():
        group.update({"hold-time": HOLD_S, "bfd": FAST})
    router = daemons.two_families(daemons.router_config([REFLECTOR6]))
    router["listen"].append({"address": ROUTER6, "port": 179})
    router["peer-groups"]["reflectors"].update({"hold-time": HOLD_S, "bfd": FAST})
    system = daemons.System(lab, reflector, router)
    pod = system.fig.add_pod(1)
    config = daemons.announcer_config(pod, [SERVICE_V6], [REFLECTOR6])
    config["neighbors"][0].update({"hold-time": HOLD_S, "bfd": FAST})
    pod.daemon = daemons.announcer(pod, config=config)
    system.wait_for_hops(["n1"], SERVICE_V6)

    def up():
        rows = sessions(system.reflector)
        assert {a: (rows[a]["state"], rows[a]["multihop"]) for a in rows} == {ROUTER6: ("Up", False), pod.address6: ("Up", True)}, rows
        return True
    wait_until(up, 10, "BFD over IPv6")
    pod.cut()
    system.wait_for_hops({}, SERVICE_V6, timeout=5)
    system.reflector.wait_for_log(f"{pod.address6}.*BFD is down")


def signed(key, kind="meticulous-keyed-sha1"):
    return {"authentication": kind, "password": key}


def unauthenticated(daemon):
    found = re.search(r'rrd_bfd_dropped_packets_total{reason="wrong authentication"} (\d+)', daemon.ctl("metrics"))
    return int(found.group(1))


@pytest.mark.parametrize("kind", ["keyed-sha1", "meticulous-keyed-sha1"])
def test_signed_packets_and_a_change_of_key(lab, kind):
    system = daemons.System(lab, reflector_config(**signed("one", kind)), router_config({**FAST, **signed("one", kind)}))
    system.reflector.wait_established(ROUTER)
    wait_until(lambda: sessions(system.reflector)[ROUTER]["state"] == "Up", 10, "BFD with the key")
    assert sessions(system.router)[REFLECTOR]["authentication"] == kind
    assert unauthenticated(system.reflector) == 0
    # With another key at one end nothing is heard, and nothing follows from that.
    down = system.router.log().count(" down: ")
    system.router.reload(router_config({**FAST, **signed("two", kind)}))
    wait_until(lambda: unauthenticated(system.reflector) > 0, 10, "packets with the wrong key")
    assert sessions(system.reflector)[ROUTER]["state"] == "Down"
    system.reflector.reload(reflector_config(**signed("two", kind)))
    wait_until(lambda: sessions(system.reflector)[ROUTER]["state"] == "Up", 10, "BFD with the other key")
    assert system.router.log().count(" down: ") == down and losses(system.router) + losses(system.reflector) == 0
    for daemon in (system.reflector, system.router):
        assert "two" not in daemon.ctl("show", "config", "all").replace("two-", "") and "two" not in daemon.log()


def test_what_is_not_signed_is_not_heard(lab):
    system = daemons.System(lab, reflector_config(**signed("one")), router_config())
    system.reflector.wait_established(ROUTER)
    wait_until(lambda: unauthenticated(system.reflector) > 0 and unauthenticated(system.router) > 0, 10, "both to refuse the other's")
    assert sessions(system.reflector)[ROUTER]["state"] == "Down" and system.reflector.state(ROUTER) == "established"


def test_what_happens_is_watched(guarded):
    watch = guarded.fig.reflector.start([daemons.binary("rrctl"), "--json", "--socket", guarded.reflector.socket, "watch", "bfd"],
                                        "watch-bfd")
    # It begins when its connection is taken.
    wait_until(lambda: watch.running and guarded.reflector.status(), 5, "the daemon to have heard of it")
    pod = guarded.pods[0]

    def seen(event):
        return [row for row in map(json.loads, watch.log().splitlines()) if row["event"] == event and row["address"] == pod.address]

    def flap():
        pod.cut()
        wait_until(lambda: losses(guarded.reflector), 5, "the loss")
        pod.mend()
        guarded.wait_up(guarded.reflector, pod.address)
        return True
    flap()
    wait_until(lambda: seen("up"), 20, "an event")
    row, = seen("down")
    assert (row["peer-group"], row["diagnostic"]) == ("k8s", "Control Detection Time Expired")


def test_bfd_of_another_program_on_the_address_is_told(lab):
    system = daemons.System(lab, reflector_config(), router_config())
    other = daemons.Daemon(system.fig.reflector, "rrd", {**reflector_config(), "listen": [{"address": REFLECTOR, "port": 1179}]},
                           name="another")
    other.wait_for_log("cannot use port 3784 on 10.0.0.109: Address already in use: another program")
