"""Another configuration for a running lb-announcer: what changes does, and nothing else.

    reflectors .109, .108 (listening sockets of the test) ==== node network ==== n1 -- pod (lb-announcer, an agent's stand-in)
"""
import os

import pytest

from lab import bgp, daemons, fig4
from lab.agent import AgentStandIn
from lab.fig4 import REFLECTOR, SERVICE, SERVICE2
from lab.reload import changed, plan, refused, taken
from lab.tool import starts_commands
from lab.wait import holds, wait_until

SECOND, SERVICE3 = "10.0.0.108", "10.1.3.0/24"
CEASE_DECONFIGURED, CEASE_CHANGE = (6, 3), (6, 6)
GIGABIT = 125000000.0
QUICK = {"interval": "200ms", "rise": 1, "fall": 1}


class Pod:
    """A pod whose announcer speaks to two reflectors, which the test is."""

    def __init__(self, fig, prefixes=(SERVICE, SERVICE2), **more):
        self.fig, self.pod = fig, fig.add_pod(1)
        self.reflectors = {REFLECTOR: fig.reflector, SECOND: fig.add_reflector("reflector2", SECOND, "fd00:10::108")}
        self.listeners = {a: bgp.Listener(ns, a) for a, ns in self.reflectors.items()}
        config = {**daemons.announcer_config(self.pod, prefixes, (REFLECTOR, SECOND)), **more}
        self.daemon = daemons.announcer(self.pod, config=config)
        self.speakers = {a: self.accept(a) for a in self.reflectors}

    def accept(self, address):
        speaker = self.listeners[address].accept(10).establish()
        wait_until(lambda: bgp.IPV4 in speaker.ended, 5, "End-of-RIB")
        return speaker

    def wait_announced(self, *prefixes):
        wanted = set(prefixes)
        for speaker in self.speakers.values():
            wait_until(lambda s=speaker: {p for p, _ in s.routes} == wanted, 10, f"{wanted} to be announced")
        return self

    def updates(self):
        return {a: s.count(bgp.UPDATE) for a, s in self.speakers.items()}

    def untouched(self):
        """No session has ended, and since each came up nothing of what was announced then has been withdrawn."""
        return all(s.closed is None for s in self.speakers.values())

    def services(self):
        return {row["service"]: row for row in self.daemon.show("services")}


@pytest.fixture
def pod(fig):
    return Pod(fig).wait_announced(SERVICE, SERVICE2)


def with_service(pod, prefix, **more):
    entry = {"prefix": prefix, "next-hop": pod.pod.node.address, **more}
    return changed(pod.daemon, ("services", [*pod.daemon.config["services"], entry]))


# What is no change, and what cannot be.

def test_a_default_written_out_is_no_change(pod):
    config = changed(pod.daemon, (("neighbors", 0, "port"), 179), (("services", 0, "local-preference"), 100),
                     (("services", 1, "capacity"), "1000M"), ("drain.method", "weight"),
                     (("services",), [pod.daemon.config["services"][1], pod.daemon.config["services"][0]]))
    assert plan(pod.daemon, config) == []
    assert pod.daemon.ctl("reload", "--dry-run").strip() == "nothing changes"
    before = pod.updates()
    taken(pod.daemon, config)
    holds(lambda: pod.updates() == before and pod.untouched(), 0.3, "everything")
    metrics = pod.daemon.ctl("metrics")
    assert 'lb_announcer_reloads_total{result="done"} 1' in metrics


def test_the_dry_run_tells_all_in_words_and_changes_nothing(pod):
    config = changed(pod.daemon, (("neighbors", 0, "hold-time"), 30), (("services", 0, "capacity"), "500M"),
                     ("drain.time", 7), ("services", [{**pod.daemon.config["services"][0], "capacity": "500M"}]))
    assert plan(pod.daemon, config) == [
        ("live", "drain.time 0 -> 7"),
        ("re-evaluates routes", f"service {SERVICE}: capacity 1G -> 500M: announced anew"),
        ("re-evaluates routes", f"service {SERVICE2}: removed: drained, then withdrawn"),
        ("resets sessions", f"neighbor {REFLECTOR}: hold-time 9 -> 30: resets this session")]
    holds(lambda: pod.untouched(), 0.3, "the sessions")
    status = pod.daemon.status()
    assert (status["reloads"], status["reloads-refused"]) == (0, 0)
    pod.wait_announced(SERVICE, SERVICE2)


def test_a_bad_file_changes_nothing_and_says_why(pod):
    config = changed(pod.daemon, (("services", 0, "capacity"), "lots"), (("neighbors", 0, "hold-time"), 2), ("drain.time", 9))
    why = refused(pod.daemon, config)
    assert "hold-time" in why or "lots" in why
    assert "(and 1 more)" in why
    out = pod.daemon.ctl("reload", check=False)
    assert "lots" in out and "nothing was changed" in out
    assert "drain:\n  time: 0" in pod.daemon.ctl("show", "config")
    assert pod.untouched()


@pytest.mark.parametrize("path,value", [("environment.pod-ip", "OTHER_IP"), ("node-route.socket", "/run/other.sock"),
                                        ("router.local-address", "172.16.0.99")])
def test_what_needs_a_restart_refuses_the_whole(pod, path, value):
    config = changed(pod.daemon, (path, value), (("services", 0, "capacity"), "1M"))
    assert path in dict(plan(pod.daemon, config))["restart"]
    assert path in refused(pod.daemon, config)
    assert pod.untouched()
    assert pod.speakers[REFLECTOR].paths(SERVICE)[0].link_bandwidth[1] == GIGABIT


def test_what_cannot_be_done_refuses_the_whole(pod):
    assert "no-such-if" in refused(pod.daemon, with_service(pod, SERVICE3, interface="no-such-if"))
    assert "no-such-if" in refused(pod.daemon, changed(
        pod.daemon, ("services", [{**pod.daemon.config["services"][0], "interface": "no-such-if"}])))
    assert pod.pod.ns.has_local_route(SERVICE) and not pod.pod.ns.has_local_route(SERVICE3)
    config = changed(pod.daemon, ("control.group", "nobody-has-this"),
                     ("services", [{"prefix": SERVICE3, "next-hop": pod.pod.node.address}]))
    assert "no group" in refused(pod.daemon, config)
    assert not pod.pod.ns.has_local_route(SERVICE3)
    assert pod.untouched()
    pod.wait_announced(SERVICE, SERVICE2)


# Services.

def test_services_come_and_go_and_the_others_do_not_notice(pod):
    before = pod.updates()
    taken(pod.daemon, with_service(pod, SERVICE3))
    pod.wait_announced(SERVICE, SERVICE2, SERVICE3)
    assert pod.pod.ns.has_local_route(SERVICE3)
    assert pod.updates() == {a: n + 1 for a, n in before.items()}
    taken(pod.daemon, changed(pod.daemon, ("services", pod.daemon.config["services"][1:])))
    pod.wait_announced(SERVICE2, SERVICE3)
    wait_until(lambda: not pod.pod.ns.has_local_route(SERVICE), 5, "the local route to go")
    assert SERVICE not in pod.services()
    assert pod.updates() == {a: n + 2 for a, n in before.items()}
    assert pod.untouched()


def test_a_service_that_is_removed_drains_first(fig):
    pod = Pod(fig, drain={"time": 3600, "linger": 0}).wait_announced(SERVICE, SERVICE2)
    both = pod.daemon.config["services"]
    taken(pod.daemon, changed(pod.daemon, ("services", both[1:])))
    speaker = pod.speakers[REFLECTOR]
    wait_until(lambda: speaker.paths(SERVICE)[0].link_bandwidth[1] == 0, 5, "link bandwidth 0")
    assert speaker.paths(SERVICE2)[0].link_bandwidth[1] == GIGABIT
    assert pod.services()[SERVICE]["reason"] == "not configured any more"
    assert pod.pod.ns.has_local_route(SERVICE)
    # It comes back while it drains, and goes for good.
    taken(pod.daemon, changed(pod.daemon, ("services", both)))
    wait_until(lambda: speaker.paths(SERVICE)[0].link_bandwidth[1] == GIGABIT, 5, "its whole capacity again")
    taken(pod.daemon, changed(pod.daemon, ("services", both[1:]), ("drain.time", 1)))
    wait_until(lambda: not speaker.paths(SERVICE), 5, "its withdrawal")
    wait_until(lambda: not pod.pod.ns.has_local_route(SERVICE), 5, "its local route to go")
    assert pod.untouched()


@pytest.mark.parametrize("key,value,seen", [
    ("capacity", "500M", lambda p: p.link_bandwidth[1] == GIGABIT / 2),
    ("local-preference", 200, lambda p: p.local_pref == 200),
    ("communities", ["65021:7"], lambda p: p.communities == ["65021:7"] or p.communities == [(65021, 7)]),
    ("next-hop", "10.0.0.106", lambda p: p.next_hop == "10.0.0.106")])
def test_what_is_told_of_a_service_is_told_anew_of_it_alone(pod, key, value, seen):
    before = pod.updates()
    taken(pod.daemon, changed(pod.daemon, (("services", 0, key), value)))
    for speaker in pod.speakers.values():
        wait_until(lambda s=speaker: seen(s.paths(SERVICE)[0]), 5, f"{key} {value}")
        assert not seen(speaker.paths(SERVICE2)[0])
    assert pod.updates() == {a: n + 1 for a, n in before.items()}
    assert pod.untouched()


def test_the_routers_capacity_holds_for_those_that_say_nothing_else(pod):
    taken(pod.daemon, changed(pod.daemon, (("services", 1, "capacity"), "3G")))
    config = changed(pod.daemon, ("router.capacity", "2G"))
    assert plan(pod.daemon, config) == [
        ("re-evaluates routes", "router.capacity 1G -> 2G"),
        ("re-evaluates routes", f"service {SERVICE}: capacity 1G -> 2G: announced anew")]
    taken(pod.daemon, config)
    speaker = pod.speakers[REFLECTOR]
    wait_until(lambda: speaker.paths(SERVICE)[0].link_bandwidth[1] == 2 * GIGABIT, 5, "2 Gbit/s")
    wait_until(lambda: speaker.paths(SERVICE2)[0].link_bandwidth[1] == 3 * GIGABIT, 5, "3 Gbit/s")


def test_the_local_route_comes_moves_and_goes(pod):
    pod.pod.ns.ip("link add other type bridge")
    pod.pod.ns.ip("link set other up")

    def device():
        lines = pod.pod.ns.run(["ip", "route", "show", "table", "local", SERVICE]).split()
        return lines[lines.index("dev") + 1] if "dev" in lines else None
    assert device() == "lo"
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "interface"), "other")))
    assert device() == "other"
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "local-route"), False)))
    assert device() is None
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "local-route"), True), (("services", 0, "interface"), None)))
    assert device() == "lo"
    pod.wait_announced(SERVICE, SERVICE2)
    assert pod.untouched()


# What services follow.

@starts_commands
def test_conditions_change_and_what_is_known_stays_known(fig):
    ready = fig.lab.file("ready", "")
    condition = {"type": "command", "command": ["/usr/bin/test", "-e", ready], **QUICK}
    pod = Pod(fig)
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "conditions"), [condition])))
    # A new condition of an announced service withdraws nothing before it has failed.
    pod.wait_announced(SERVICE, SERVICE2)
    wait_until(lambda: pod.services()[SERVICE]["holding"] == 1, 5, "the condition to hold")
    before = pod.updates()
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "conditions", 0, "interval"), "300ms"),
                              (("services", 1, "conditions"), [{**condition, "command": ["/usr/bin/true"]}])))
    holds(lambda: pod.updates() == before, 0.5, "everything")
    os.unlink(ready)
    for speaker in pod.speakers.values():
        wait_until(lambda s=speaker: not s.paths(SERVICE), 5, f"{SERVICE} to be withdrawn")
    # The failed one is not asked any more.
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "conditions"), None)))
    pod.wait_announced(SERVICE, SERVICE2)
    assert pod.untouched()


def test_an_agent_comes_changes_and_goes_without_a_withdrawal(fig):
    agents = [AgentStandIn(fig.lab, name=f"agent{i}") for i in (1, 2)]
    pod = Pod(fig, prefixes=(SERVICE,)).wait_announced(SERVICE)
    before = pod.updates()
    for agent in agents:
        taken(pod.daemon, changed(pod.daemon, ("agent", {"socket": agent.path})))
        wait_until(lambda a=agent: a.state() == "announcing", 5, "the agent to be told")
        assert pod.services()[SERVICE]["agent"] == "heard"
    assert agents[0].state() is None
    assert pod.updates() == before
    # The need is another: now it is too little.
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "min-healthy"), 5)))
    wait_until(lambda: not pod.speakers[REFLECTOR].routes, 5, "the withdrawal")
    taken(pod.daemon, changed(pod.daemon, ("agent", None), (("services", 0, "min-healthy"), None)))
    pod.wait_announced(SERVICE)
    assert pod.untouched()


def test_the_drain_file_is_another_one(fig):
    old, new = (os.path.join(fig.lab.directory, f"drained-{n}") for n in ("old", "new"))
    pod = Pod(fig, prefixes=(SERVICE,), drain={"time": 0, "linger": 0, "file": old}).wait_announced(SERVICE)
    fig.lab.file("drained-new", "")
    taken(pod.daemon, changed(pod.daemon, ("drain.file", new)))
    pod.wait_announced()
    taken(pod.daemon, changed(pod.daemon, ("drain.file", None)))
    pod.wait_announced(SERVICE)
    fig.lab.file("drained-old", "")
    holds(lambda: pod.speakers[REFLECTOR].routes, 0.3, "the service")


def test_a_drain_by_hand_goes_on_and_its_method_changes(pod):
    pod.daemon.ctl("drain", "3600")
    speaker = pod.speakers[REFLECTOR]
    wait_until(lambda: speaker.paths(SERVICE)[0].link_bandwidth[1] == 0, 5, "link bandwidth 0")
    taken(pod.daemon, changed(pod.daemon, ("drain.method", "graceful-shutdown")))
    wait_until(lambda: speaker.paths(SERVICE)[0].local_pref == 0, 5, "GRACEFUL_SHUTDOWN")
    pod.daemon.ctl("undrain")
    wait_until(lambda: speaker.paths(SERVICE)[0].local_pref == 100, 5, "the end of the drain")


@starts_commands
def test_a_cloud_is_told_by_the_new_command(fig):
    def command(name):
        path = fig.lab.file(name, f'#!/bin/sh\necho "$RRD_STATE $RRD_REASON $RRD_NEXT_HOP" >> {fig.lab.directory}/told-{name}\n')
        os.chmod(path, 0o755)
        return {"command": [path]}

    def told(name):
        try:
            with open(os.path.join(fig.lab.directory, f"told-{name}")) as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
    pod = Pod(fig, prefixes=(SERVICE,)).wait_announced(SERVICE)
    hop = pod.pod.node.address
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "on-change"), command("first"))))
    wait_until(lambda: told("first") == [f"active start {hop}"], 5, "the first command")
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "on-change", "timeout"), 20)))
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "on-change"), command("second"))))
    wait_until(lambda: told("second") == [f"active reload {hop}"], 5, "the second command")
    taken(pod.daemon, changed(pod.daemon, (("services", 0, "next-hop"), "10.0.0.106")))
    wait_until(lambda: told("second")[1:] == ["active reload 10.0.0.106"], 5, "the new next hop")
    # One that is removed is told to be inactive before its routes go.
    other = {"prefix": SERVICE2, "next-hop": hop}
    taken(pod.daemon, changed(pod.daemon, ("services", [other])))
    wait_until(lambda: told("second")[2:] == ["inactive reload 10.0.0.106"], 5, "the end")
    wait_until(lambda: not pod.pod.ns.has_local_route(SERVICE), 5, "the local route to go")
    assert told("first") == [f"active start {hop}"]


# Neighbors.

def test_only_the_neighbor_that_changes_is_reset(pod):
    taken(pod.daemon, changed(pod.daemon, (("neighbors", 0, "hold-time"), 30)))
    assert pod.speakers[REFLECTOR].wait_for_end() == CEASE_CHANGE
    again = pod.accept(REFLECTOR)
    assert again.peer.hold_time == 30
    assert {p for p, _ in again.routes} == {SERVICE, SERVICE2}
    assert pod.speakers[SECOND].closed is None
    assert pod.daemon.show("neighbor", SECOND)[0]["flaps"] == 0


def test_timers_and_words_change_live(pod):
    config = changed(pod.daemon, (("neighbors", 0, "description"), "edge"), (("neighbors", 0, "connect-retry"), 3),
                     (("neighbors", 1, "idle-hold-time-max"), 90))
    assert {apply for apply, _ in plan(pod.daemon, config)} == {"live"}
    taken(pod.daemon, config)
    assert pod.daemon.show("neighbor", REFLECTOR)[0]["description"] == "edge"
    assert pod.untouched()


def test_neighbors_come_and_go(pod):
    first, second = pod.daemon.config["neighbors"]
    config = changed(pod.daemon, ("neighbors", [second]))
    assert plan(pod.daemon, config) == [
        ("resets sessions", f"neighbor {REFLECTOR}: removed: ends its session")]
    taken(pod.daemon, config)
    assert pod.speakers[REFLECTOR].wait_for_end() == CEASE_DECONFIGURED
    assert list(pod.daemon.neighbors()) == [SECOND]
    taken(pod.daemon, changed(pod.daemon, ("neighbors", [second, first])))
    again = pod.accept(REFLECTOR)
    assert {p for p, _ in again.routes} == {SERVICE, SERVICE2}
    assert list(pod.daemon.neighbors()) == [SECOND, REFLECTOR]
    assert pod.speakers[SECOND].closed is None


def test_another_identity_resets_all(pod):
    config = changed(pod.daemon, ("router.router-id", "172.16.99.99"))
    assert plan(pod.daemon, config) == [
        ("resets sessions", f"router.router-id {pod.pod.address} -> 172.16.99.99: resets 2 sessions")]
    taken(pod.daemon, config)
    for address, speaker in pod.speakers.items():
        assert speaker.wait_for_end() == CEASE_CHANGE
        assert pod.accept(address).peer.router_id == "172.16.99.99"


# Its own.

def test_the_control_socket_moves(pod):
    old, new = pod.daemon.socket, "/run/elsewhere.sock"
    pod.pod.ns.lab.file(f"{pod.daemon.name}.yaml", daemons.dump(changed(pod.daemon, ("control.socket", new))))
    assert f"control.socket {old} -> {new}" in pod.daemon.ctl("reload")
    pod.daemon.socket = new
    assert pod.daemon.status()["reloads"] == 1
    assert not os.path.exists(old)


def test_the_configuration_in_use_can_be_shown_and_read_back(pod):
    for words in ([], ["all"]):
        shown = pod.daemon.ctl("show", "config", *words)
        assert f"prefix: {SERVICE}" in shown
        path = pod.fig.lab.file("shown.yaml", shown)
        pod.pod.ns.run([daemons.binary("lb-announcer"), "-t", "-c", path])
    assert "# capacity: 1G" in pod.daemon.ctl("show", "config", "all")


def test_with_the_nodes_routes(fig):
    """Registered with lb-announcer --node: a service more, one less, and nothing happens to the one that stays."""
    reflector = daemons.reflector(fig).wait_until_ready()
    pod = fig.add_pod(1)
    node = daemons.NodeRoutes(pod.node).wait_until_ready()
    daemon = daemons.registered(pod, [SERVICE, SERVICE2])

    def known():
        return {row["prefix"] for row in reflector.show("routes")}
    wait_until(lambda: known() == {SERVICE, SERVICE2}, 10, "both services")
    entry = {"prefix": SERVICE3, "next-hop": pod.node.address}
    taken(daemon, changed(daemon, ("services", [daemon.config["services"][0], entry])))
    wait_until(lambda: known() == {SERVICE, SERVICE3}, 10, "the first and the new one")
    wait_until(lambda: {p for p, _ in node.services()} == {SERVICE, SERVICE3}, 5, "the registrations")
    assert pod.node.ns.nexthops(SERVICE3) and not pod.node.ns.nexthops(SERVICE2)
    assert node.status()["gone"] == 0
    assert fig4.SERVICE in known()
