"""TCP-MD5: the key changes at both ends, by a reload of each.

    router (rrd) ==== node network ==== reflector (rrd: a range with a key, neighbors with their own)
                                   ==== n1, n2 -- pods (lb-announcer): one of the range, one a neighbor by its address
"""
import time

import pytest

from lab import daemons, tcp
from lab.fig4 import REFLECTOR, REFLECTOR6, ROUTER, SERVICE, SERVICE2
from lab.reload import changed, refused, taken
from lab.wait import holds, wait_until

OLD = {"range": "the first of the range", "own": "the first of the pod", "router": "the first of the router"}
NEW = {who: key.replace("first", "second") for who, key in OLD.items()}


class Keyed:
    """A reflector, a router and two pods, whose sessions are up with the old keys."""

    def __init__(self, fig, remote, hold_time=9):
        self.fig, self.remote, self.hold_time = fig, remote, hold_time
        self.pods = [fig.add_pod(1), fig.add_pod(2)]
        self.range_pod, self.own_pod = (p.at(remote) for p in self.pods)
        self.reflector = daemons.reflector(fig, self.reflector_config(OLD)).wait_until_ready()
        self.router = daemons.router(fig, self.router_config(OLD))
        self.announcers = [daemons.announcer(p, config=self.announcer_config(p, OLD[k]))
                           for p, k in zip(self.pods, ("range", "own"))]
        self.peers = [ROUTER, self.range_pod, self.own_pod]
        self.reflector.wait_established(*self.peers)

    def reflector_config(self, keys):
        config = daemons.reflector_config(address6=REFLECTOR6)
        for group in config["peer-groups"].values():
            group["hold-time"] = self.hold_time
        config["peer-groups"]["k8s"]["password"] = keys["range"]
        config["peer-groups"]["routers"]["password"] = keys["router"]
        config["neighbors"].append({"address": self.own_pod, "peer-group": "k8s", "password": keys["own"]})
        return config

    def router_config(self, keys):
        config = daemons.router_config()
        config["peer-groups"]["reflectors"].update({"hold-time": self.hold_time, "password": keys["router"]})
        return config

    def announcer_config(self, pod, key, prefixes=(SERVICE,)):
        config = daemons.announcer_config(pod, prefixes, (self.remote,))
        config["neighbors"][0].update({"password": key, "hold-time": self.hold_time})
        return config

    def change_peers(self, prefixes):
        taken(self.router, self.router_config(NEW))
        for daemon, pod, key in zip(self.announcers, self.pods, ("range", "own")):
            taken(daemon, self.announcer_config(pod, NEW[key], prefixes))

    def sheet(self, peer):
        return self.reflector.show("neighbor", peer)[0]


@pytest.fixture(params=[REFLECTOR, REFLECTOR6], ids=["ipv4", "ipv6"])
def keyed(request, fig):
    return Keyed(fig, request.param)


def test_sessions_stay_when_both_ends_change_a_second_apart(keyed):
    before, began = {p: keyed.sheet(p) for p in keyed.peers}, time.monotonic()
    taken(keyed.reflector, keyed.reflector_config(NEW))
    holds(lambda: all(keyed.reflector.state(p) == "established" for p in keyed.peers), 1, "all sessions")
    keyed.change_peers([SERVICE, SERVICE2])
    # What was announced after the change has gone through signed connections from end to end.
    wait_until(lambda: keyed.fig.hops(SERVICE2) == {"n1": 1, "n2": 1}, 10, "the new service in the router's kernel")
    for peer in keyed.peers:
        # The router has nothing to say but that it is alive.
        wait_until(lambda p=peer: keyed.sheet(p)["octets"]["rx"] > before[p]["octets"]["rx"], 10, f"something from {peer}")
        after = keyed.sheet(peer)
        assert after["flaps"] == 0
        assert after["since-ms"] >= before[peer]["since-ms"] + (time.monotonic() - began) * 1000 - 1000
    # And from now on the old keys are worth nothing: on the listener, for the range and for the neighbor.
    for pod, key, old in zip(keyed.pods, (NEW["range"], NEW["own"]), (OLD["range"], OLD["own"])):
        failures = keyed.fig.reflector.counter("TcpExtTCPMD5Failure")
        sock = tcp.knock(pod.ns, keyed.remote, pod.at(keyed.remote), old)
        wait_until(lambda: keyed.fig.reflector.counter("TcpExtTCPMD5Failure") >= failures + 2, 10, "two SYNs to be ignored")
        assert tcp.state(sock) == tcp.SYN_SENT
    shown = "".join(d.log() + d.ctl("show", "config", "all") for d in (keyed.reflector, keyed.router, *keyed.announcers))
    assert not any(key in shown for key in (*OLD.values(), *NEW.values()))


def test_a_new_pod_of_the_range_needs_the_new_key(keyed):
    taken(keyed.reflector, keyed.reflector_config(NEW))
    keyed.change_peers([SERVICE])
    pod = keyed.fig.add_pod(3)
    late = daemons.announcer(pod, config=keyed.announcer_config(pod, OLD["range"]))
    late.wait_until_ready()
    failures = keyed.fig.reflector.counter("TcpExtTCPMD5Failure")
    wait_until(lambda: keyed.fig.reflector.counter("TcpExtTCPMD5Failure") >= failures + 2, 10, "two SYNs to be ignored")
    taken(late, keyed.announcer_config(pod, NEW["range"]))
    keyed.reflector.wait_established(pod.at(keyed.remote))
    assert all(keyed.sheet(p)["flaps"] == 0 for p in keyed.peers)


def test_too_late_ends_sessions_by_their_hold_timer_and_they_come_back(fig):
    keyed = Keyed(fig, REFLECTOR, hold_time=3)
    taken(keyed.reflector, keyed.reflector_config(NEW))
    # Nobody says anything to the other that counts.
    for daemon, peer in ((keyed.router, REFLECTOR), *((a, REFLECTOR) for a in keyed.announcers)):
        wait_until(lambda d=daemon, p=peer: "hold timer" in d.show("neighbor", p)[0]["last-error"].lower(), 15,
                   f"{daemon.name}: the hold timer to end the session")
    wait_until(lambda: all(keyed.reflector.state(p) != "established" for p in keyed.peers), 15, "no session at the reflector")
    wait_until(lambda: "hold timer" in keyed.sheet(ROUTER)["last-error"].lower(), 5, "the same at the reflector")
    keyed.change_peers([SERVICE])
    keyed.reflector.wait_established(*keyed.peers)
    wait_until(lambda: keyed.fig.hops() == {"n1": 1, "n2": 1}, 10, "the service in the router's kernel")
    assert keyed.router.show("neighbor", REFLECTOR)[0]["flaps"] == 1


# Keys that the kernel refuses; it has no room for any.

@pytest.fixture
def full(fig):
    """A pod in whose namespace no key can be set."""
    pod = fig.add_pod(1)
    try:
        pod.ns.sysctl("net/core/optmem_max", 64)
    except OSError:
        pytest.skip("net.core.optmem_max is not a namespace's own here")
    return pod


def with_key(config, key="s3cret-word"):
    config["neighbors"][0]["password"] = key
    return config


def test_an_announcer_does_not_start_with_a_key_that_the_kernel_refuses(fig, reflector, full):
    daemon = daemons.announcer(full, config=with_key(daemons.announcer_config(full)))
    daemon.process.expected_codes.add(1)
    assert daemon.process.wait() == 1
    assert f"neighbor {REFLECTOR}: the kernel refuses its password" in daemon.log()
    assert "net.core.optmem_max" in daemon.log() and "s3cret-word" not in daemon.log()


def test_an_announcers_reload_with_such_a_key_is_refused_whole(fig, reflector, full):
    daemon = daemons.announcer(full)
    reflector.wait_established(full.address)
    config = with_key(daemons.announcer_config(full, [SERVICE, SERVICE2]))
    why = refused(daemon, config)
    assert "net.core.optmem_max" in why and f"neighbor {REFLECTOR}" in why
    # The dry run knows it too.
    assert "optmem_max" in daemon.ctl("reload", "--dry-run", check=False)
    assert {row["prefix"] for row in reflector.show("routes")} == {SERVICE}
    assert not full.ns.has_local_route(SERVICE2)
    assert daemon.show("neighbor", REFLECTOR)[0]["flaps"] == 0
    full.ns.sysctl("net/core/optmem_max", 131072)
    taken(daemon, changed(daemon, ("log.level", "info")))
