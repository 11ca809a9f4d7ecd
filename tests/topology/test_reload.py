"""Another configuration for a running daemon: what changes does, and nothing else.

    router (rrd, or a speaker of the test) -- reflector (rrd) -- pod speakers (test) on n1, n2, n3
"""
import os
import random

import pytest

from lab import bgp, daemons, tcp
from lab.fig4 import REFLECTOR, ROUTER, SERVICE, SERVICE2
from lab.reload import changed, plan, refused, taken
from lab.wait import holds, wait_until

CEASE_DECONFIGURED, CEASE_CHANGE, CEASE_SHUTDOWN, CEASE_PREFIXES = (6, 3), (6, 6), (6, 2), (6, 1)
NO_REFRESH = [bgp.capability(bgp.CAP_MP, b"\0\1\0\1"), bgp.capability(bgp.CAP_AS4, b"\0\0\xfd\xfd")]


@pytest.fixture
def ear(fig, reflector):
    """The router's place taken by a speaker that hears all paths."""
    return hear(fig)


def hear(fig, **more):
    return bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER,
                       add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}, **more).establish()


def lives(daemon):
    """How often each session came up; a reset would show."""
    return {a: daemon.show("neighbor", a)[0]["flaps"] for a in daemon.neighbors()}


def listens(fig, port):
    with fig.client.socket() as sock:
        return sock.connect_ex((REFLECTOR, port)) == 0


# What is no change.

def test_a_default_written_out_is_no_change(fig, reflector, ear):
    config = changed(reflector, ("peer-groups.k8s.connect-retry", 1), ("peer-groups.routers.import", "all"),
                     (("neighbors", 0, "port"), 179), ("fib.enabled", False))
    assert plan(reflector, config) == []
    assert reflector.ctl("reload", "--dry-run").strip() == "nothing changes"
    before = ear.count(bgp.UPDATE)
    taken(reflector, config)
    assert ear.closed is None and ear.count(bgp.UPDATE) == before


def test_the_dry_run_changes_nothing(fig, reflector, ear):
    lines = plan(reflector, changed(reflector, ("peer-groups.routers.hold-time", 30), ("log.level", "info")))
    assert lines == [("live", "log.level debug -> info"),
                     ("resets sessions", "peer-group routers: hold-time 9 -> 30: resets 1 session")]
    holds(lambda: ear.closed is None, 0.3, "the session")
    status = reflector.status()
    assert (status["reloads"], status["reloads-refused"]) == (0, 0)


# A file that is wrong, and what cannot be.

def test_a_bad_file_changes_nothing_and_all_its_errors_are_told(fig, reflector, ear):
    config = changed(reflector, ("peer-groups.k8s.hold-time", 2), ("log.level", "loud"), ("log.to", "syslog"))
    why = refused(reflector, config)
    assert "hold-time" in why and "(and 1 more)" in why
    code, out = fig.reflector.result([daemons.binary("rrctl"), "--socket", reflector.socket, "reload"])
    assert code == 1
    assert "loud" in out and "hold time of 2 s" in out and "nothing was changed" in out
    reflector.wait_for_log("loud")
    assert ear.closed is None
    taken(reflector, changed(reflector, ("peer-groups.k8s.hold-time", 9), ("log.level", "debug"), ("log.to", "stderr")))


@pytest.mark.parametrize("path,value,key", [("fib.table", 100, "fib.table"), ("router.next-hop-check", True,
                                                                             "router.next-hop-check")])
def test_what_needs_a_restart_refuses_the_whole(fig, reflector, ear, path, value, key):
    config = changed(reflector, (path, value), ("peer-groups.routers.hold-time", 30))
    assert ("restart" in dict(plan(reflector, config))) and key in dict(plan(reflector, config))["restart"]
    assert key in refused(reflector, config)
    assert ear.closed is None
    assert reflector.show("neighbor", ROUTER)[0]["hold-time-s"] == 9


def test_a_busy_port_refuses_the_whole(fig, reflector, ear):
    busy = fig.reflector.socket()
    busy.bind((REFLECTOR, 1179))
    busy.listen()
    config = changed(reflector, ("listen", [{"address": REFLECTOR, "port": 1180}, {"address": REFLECTOR, "port": 1179}]),
                     ("peer-groups.routers.hold-time", 30))
    assert "1179" in refused(reflector, config)
    assert ear.closed is None
    # What was opened for it is closed again, and the old one still takes connections.
    assert not listens(fig, 1180) and listens(fig, 179)
    fig.add_pod(2).speaker().establish()
    busy.close()
    taken(reflector, changed(reflector, ("peer-groups.routers.hold-time", 9)))
    assert ear.closed is None
    assert listens(fig, 1180) and not listens(fig, 179)
    bgp.Speaker(fig.add_pod(1).ns, REFLECTOR, port=1180, router_id="1.2.3.4").establish()


def test_a_listener_can_become_narrower_and_wider_on_its_port(fig, reflector, ear):
    taken(reflector, changed(reflector, ("listen", [{"address": "0.0.0.0", "port": 179}])))
    taken(reflector, changed(reflector, ("listen", [{"address": REFLECTOR, "port": 179}])))
    fig.add_pod(1).speaker().establish()
    assert ear.closed is None


# Sessions.

def test_only_the_neighbor_that_changes_is_reset(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    config = changed(reflector, (("neighbors", 0, "hold-time"), 30))
    assert plan(reflector, config) == [
        ("resets sessions", f"neighbor {ROUTER}: hold-time 9 -> 30: resets this session")]
    taken(reflector, config)
    assert ear.wait_for_end() == CEASE_CHANGE
    assert speaker.closed is None
    again = hear(fig)
    assert again.peer.hold_time == 30


def test_dynamic_neighbors_follow_their_group(fig, reflector, ear):
    pods = [fig.add_pod(n) for n in (1, 2)]
    speakers = [p.speaker().establish() for p in pods]
    config = changed(reflector, ("peer-groups.k8s.hold-time", 30), ("peer-groups.k8s.description", "pods"))
    assert plan(reflector, config) == [("live", "peer-group k8s: description none -> pods"),
                                       ("resets sessions", "peer-group k8s: hold-time 9 -> 30: resets 2 sessions")]
    taken(reflector, config)
    assert [s.wait_for_end() for s in speakers] == [CEASE_CHANGE] * 2
    assert pods[0].speaker().establish().peer.hold_time == 30
    assert reflector.show("neighbor", pods[0].address)[0]["description"] == "pods"
    assert ear.closed is None


OPENS = [("hold-time", 30, lambda o: o.hold_time == 30),
         ("families", ["ipv4-unicast"], lambda o: not o.has(bgp.CAP_MP, b"\0\2\0\1")),
         ("add-paths.receive", True, lambda o: o.add_path(bgp.IPV4) == bgp.ADD_PATH_RECEIVE),
         ("extended-messages", False, lambda o: not o.has(bgp.CAP_EXTENDED_MESSAGE)),
         ("extended-next-hop", True, lambda o: o.has(bgp.CAP_EXTENDED_NEXT_HOP)),
         ("route-refresh", False, lambda o: not o.has(bgp.CAP_REFRESH))]


@pytest.mark.parametrize("key,value,agreed", OPENS, ids=[key for key, _, _ in OPENS])
def test_what_is_agreed_on_reaches_dynamic_neighbors_in_a_new_session(fig, reflector, ear, key, value, agreed):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    assert not agreed(speaker.peer)
    taken(reflector, changed(reflector, (f"peer-groups.k8s.{key}", value)))
    assert speaker.wait_for_end() == CEASE_CHANGE
    assert agreed(pod.speaker().establish().peer)
    assert ear.closed is None


def test_what_is_of_each_side_reaches_dynamic_neighbors_in_a_new_session(fig, reflector, ear):
    """Whether they are clients, how far away they may be, in which AS they are."""
    pod, other = fig.add_pod(1), fig.add_pod(2)
    speaker = pod.speaker().establish()
    other.speaker().establish().announce(SERVICE, other.node.address)
    config = changed(reflector, ("peer-groups.k8s.route-reflector-client", False), ("peer-groups.k8s.export", "all"))
    taken(reflector, config)
    assert speaker.wait_for_end() == CEASE_CHANGE
    # What comes from one that is no client goes to clients alone: not to the other pod.
    speakers = [p.speaker().establish() for p in (pod, other)]
    speakers[1].announce(SERVICE, other.node.address)
    ear.wait_for_routes(SERVICE, [other.node.address])
    holds(lambda: not speakers[0].routes, 0.3, "silence")
    taken(reflector, changed(reflector, ("peer-groups.k8s.peer-as", 65099)))
    assert [s.wait_for_end() for s in speakers] == [CEASE_CHANGE] * 2
    stranger = pod.speaker(asn=65099).establish()
    taken(reflector, changed(reflector, ("peer-groups.k8s.ttl-security-hops", 1)))
    assert stranger.wait_for_end() == CEASE_CHANGE
    # The pod is two hops away.
    assert pod.speaker(asn=65099).open().receive(5) is None
    assert list(reflector.neighbors()) == [ROUTER]


def test_rules_reach_live_dynamic_neighbors(fig, reflector, ear):
    pod, other = fig.add_pod(1), fig.add_pod(2)
    speaker, second = pod.speaker().establish(), other.speaker().establish()
    second.announce(SERVICE, other.node.address)
    ear.wait_for_routes(SERVICE, [other.node.address])
    taken(reflector, changed(reflector, ("peer-groups.k8s.export", "all")))
    speaker.wait_for_routes(SERVICE, [other.node.address])
    taken(reflector, changed(reflector, ("peer-groups.k8s.next-hop-self", True)))
    speaker.wait_for_routes(SERVICE, [REFLECTOR])
    taken(reflector, changed(reflector, ("peer-groups.k8s.export", {"prefixes": [SERVICE2]})))
    speaker.wait_for_routes(SERVICE, [])
    taken(reflector, changed(reflector, ("peer-groups.k8s.import.next-hops", [f"{pod.node.address}/32"])))
    ear.wait_for_routes(SERVICE, [])
    assert speaker.closed is None and second.closed is None and ear.closed is None


def test_a_group_that_is_disabled_lets_nobody_of_its_range_in(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    taken(reflector, changed(reflector, ("peer-groups.k8s.enabled", False)))
    assert speaker.wait_for_end() == CEASE_SHUTDOWN
    again = pod.speaker().open()
    assert again.receive(5).error == (6, 5)
    assert list(reflector.neighbors()) == [ROUTER]
    taken(reflector, changed(reflector, ("peer-groups.k8s.enabled", True)))
    pod.speaker().establish()
    assert ear.closed is None


def test_timers_and_words_change_live(fig, reflector, ear):
    speaker = fig.add_pod(1).speaker().establish()
    before = lives(reflector)
    config = changed(reflector, ("peer-groups.k8s.idle-hold-time", 7), ("peer-groups.routers.connect-retry", 3),
                     ("peer-groups.routers.description", "edge"), ("peer-groups.routers.advertisement-interval", 1),
                     ("dynamic-neighbors", [{"prefix": "172.16.0.0/16", "peer-group": "k8s", "limit": 2}]))
    assert {apply for apply, _ in plan(reflector, config)} == {"live"}
    taken(reflector, config)
    assert lives(reflector) == before and speaker.closed is None
    assert reflector.show("neighbor", ROUTER)[0]["description"] == "edge"
    assert reflector.show("ranges")[0]["limit"] == 2


def test_neighbors_come_and_go(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    before = lives(reflector)
    one = {"address": "10.0.0.107", "peer-group": "routers", "passive": True}
    config = changed(reflector, (("neighbors",), [*reflector.config["neighbors"], one]))
    assert plan(reflector, config) == [("live", "neighbor 10.0.0.107: added")]
    taken(reflector, config)
    new = bgp.Speaker(fig.nodes[2].ns, REFLECTOR, local="10.0.0.107", router_id="10.0.0.107").establish()
    assert plan(reflector, changed(reflector, (("neighbors",), [one]))) == [
        ("resets sessions", f"neighbor {ROUTER}: removed: ends its session")]
    taken(reflector, reflector.config)
    assert ear.wait_for_end() == CEASE_DECONFIGURED
    assert new.closed is None and speaker.closed is None
    after = lives(reflector)
    assert after == {**{a: n for a, n in before.items() if a != ROUTER}, "10.0.0.107": 0}


def test_a_neighbor_is_disabled_and_enabled(fig, reflector, ear):
    taken(reflector, changed(reflector, (("neighbors", 0, "enabled"), False)))
    assert ear.wait_for_end() == CEASE_SHUTDOWN
    assert reflector.state(ROUTER) == "idle"
    taken(reflector, changed(reflector, (("neighbors", 0, "enabled"), None)))
    hear(fig)


def test_ranges_come_and_go_and_whom_they_still_have_stays(fig, reflector, ear):
    pods = [fig.add_pod(n) for n in (1, 2)]
    speakers = [p.speaker().establish() for p in pods]
    wide = {"prefix": "172.16.0.0/15", "peer-group": "k8s", "limit": 100}
    narrow = {"prefix": pods[0].node.overlay, "peer-group": "k8s", "limit": 10}
    taken(reflector, changed(reflector, ("dynamic-neighbors", [wide, narrow])))
    assert {r["prefix"]: r["neighbors"] for r in reflector.show("ranges")} == {
        "172.16.0.0/15": 1, pods[0].node.overlay: 1}
    assert [s.closed for s in speakers] == [None, None]
    # With another group for one of them, whose settings differ.
    taken(reflector, changed(reflector, ("peer-groups.slow", {**reflector.config["peer-groups"]["k8s"], "hold-time": 60}),
                             ("dynamic-neighbors", [wide, {**narrow, "peer-group": "slow"}])))
    assert speakers[0].wait_for_end() == CEASE_CHANGE
    assert speakers[1].closed is None
    lines = plan(reflector, changed(reflector, ("dynamic-neighbors", [{**narrow, "peer-group": "slow"}])))
    assert lines == [("resets sessions", "range 172.16.0.0/15: removed: ends 1 session")]
    taken(reflector, reflector.config)
    assert speakers[1].wait_for_end() == CEASE_DECONFIGURED
    wait_until(lambda: list(reflector.neighbors()) == [ROUTER], 5, "the pods to be gone")


def test_another_identity_resets_all(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    reflector.wait_established(pod.address)
    config = changed(reflector, ("router.cluster-id", "10.0.0.1"))
    assert plan(reflector, config) == [("resets sessions", "router.cluster-id 10.0.0.109 -> 10.0.0.1: resets 2 sessions")]
    taken(reflector, config)
    assert [s.wait_for_end() for s in (ear, speaker)] == [CEASE_CHANGE] * 2
    again, pod = hear(fig), fig.add_pod(2).speaker().establish()
    pod.announce(SERVICE, "10.0.0.106")
    again.wait_for_routes(SERVICE, ["10.0.0.106"])
    assert again.paths(SERVICE)[0].cluster_list == ["10.0.0.1"]


# Routes.

def test_export_rules_give_the_difference_without_a_reset(fig, reflector, ear):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce([SERVICE, SERVICE2], "10.0.0.105")
    ear.wait_for_routes(SERVICE, ["10.0.0.105"])
    ear.wait_for_routes(SERVICE2, ["10.0.0.105"])
    paths = dict(ear.routes)
    config = changed(reflector, ("peer-groups.routers.export", {"prefixes": [SERVICE]}))
    assert plan(reflector, config) == [
        ("re-evaluates routes", f"peer-group routers: export.prefixes every prefix -> {SERVICE}")]
    before = ear.count(bgp.UPDATE)
    taken(reflector, config)
    ear.wait_for_routes(SERVICE2, [])
    assert ear.count(bgp.UPDATE) == before + 1
    assert ear.routes == {k: v for k, v in paths.items() if k[0] == SERVICE}
    taken(reflector, changed(reflector, ("peer-groups.routers.export", "none")))
    wait_until(lambda: not ear.routes, 5, "no route")
    taken(reflector, changed(reflector, ("peer-groups.routers.export", None)))
    wait_until(lambda: {k for k in ear.routes} == set(paths), 5, "all routes with their path identifiers")
    assert ear.closed is None and ear.count(bgp.UPDATE) == before + 3


def test_a_stricter_import_rule_takes_routes_back(fig, reflector, ear):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce([SERVICE, SERVICE2], "10.0.0.105")
    ear.wait_for_routes(SERVICE2, ["10.0.0.105"])
    config = changed(reflector, ("peer-groups.k8s.import.prefixes", [SERVICE]))
    assert plan(reflector, config) == [
        ("re-evaluates routes", f"peer-group k8s: import.prefixes +{SERVICE} -10.1.0.0/16 le 24")]
    taken(reflector, config)
    ear.wait_for_routes(SERVICE2, [])
    assert ear.next_hops(SERVICE) == ["10.0.0.105"]
    assert speaker.closed is None and speaker.count(bgp.ROUTE_REFRESH) == 0


def test_an_import_rule_that_admits_more_asks_again(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce([SERVICE, "10.2.1.0/24"], "10.0.0.105")
    ear.wait_for_routes(SERVICE, ["10.0.0.105"])
    deaf = fig.add_pod(2)
    silent = bgp.Speaker(deaf.ns, REFLECTOR, local=deaf.address, router_id=deaf.address,
                         capabilities=NO_REFRESH).establish()
    config = changed(reflector, ("peer-groups.k8s.import.prefixes", ["10.1.0.0/16 le 24", "10.2.0.0/16 le 24"]))
    assert plan(reflector, config) == [
        ("resets sessions", "peer-group k8s: import.prefixes +10.2.0.0/16 le 24: asks 1 peer for its routes again; "
         "resets 1 session, as the peer knows no route refresh")]
    taken(reflector, config)
    wait_until(lambda: speaker.count(bgp.ROUTE_REFRESH) >= 1, 5, "the question")
    speaker.announce([SERVICE, "10.2.1.0/24"], "10.0.0.105")
    ear.wait_for_routes("10.2.1.0/24", ["10.0.0.105"])
    assert silent.wait_for_end() == CEASE_CHANGE
    assert speaker.closed is None and ear.closed is None


def test_a_lower_limit_ends_who_holds_more(fig, reflector, ear):
    many, few = fig.add_pod(1).speaker().establish(), fig.add_pod(2).speaker().establish()
    many.announce([f"10.1.{i}.0/24" for i in range(10)], "10.0.0.105")
    few.announce(SERVICE, "10.0.0.106")
    ear.wait_for_routes("10.1.9.0/24", ["10.0.0.105"])
    ear.wait_for_routes(SERVICE, ["10.0.0.105", "10.0.0.106"])
    config = changed(reflector, ("peer-groups.k8s.import.max-prefixes", 5))
    assert plan(reflector, config) == [
        ("re-evaluates routes", "peer-group k8s: import.max-prefixes 16 -> 5: ends 1 session, which holds more")]
    taken(reflector, config)
    assert many.wait_for_end() == CEASE_PREFIXES
    assert few.closed is None


def test_the_kernel_has_what_the_rules_say(lab):
    system = daemons.System(lab)
    system.reflector.wait_established(ROUTER)
    for number in (1, 2):
        speaker = system.fig.add_pod(number).speaker().establish()
        speaker.announce([SERVICE, SERVICE2], f"10.0.0.10{4 + number}")
    hops = ["n1", "n2"]
    system.wait_for_hops(hops)
    system.wait_for_hops(hops, SERVICE2)
    before = lives(system.router)
    router = system.router
    taken(router, changed(router, ("peer-groups.reflectors.import", {"next-hops": ["10.0.0.105/32"]})))
    system.wait_for_hops(["n1"])
    taken(router, changed(router, ("peer-groups.reflectors.import", None)))
    system.wait_for_hops(hops)
    taken(router, changed(router, ("router.multipath-max", 1)))
    wait_until(lambda: len(system.fig.hops()) == 1, 5, "one next hop")
    taken(router, changed(router, ("router.multipath-max", None)))
    system.wait_for_hops(hops)
    taken(system.reflector, changed(system.reflector, ("peer-groups.routers.export", {"prefixes": [SERVICE]})))
    system.wait_for_hops([], SERVICE2)
    system.wait_for_hops(hops)
    assert lives(router) == before


def test_an_exit_can_still_be_made_to_leave_the_routes(lab):
    system = daemons.System(lab)
    system.reflector.wait_established(ROUTER)
    system.fig.add_pod(1).speaker().establish().announce(SERVICE, "10.0.0.105")
    system.wait_for_hops(["n1"])
    taken(system.router, changed(system.router, ("fib.on-exit", "keep"), ("fib.restart-time", 5)))
    system.router.process.terminate()
    assert len(system.fig.hops()) == 1


# Keys.

def test_a_key_changes_on_live_sessions_if_both_ends_change(fig, reflector):
    config = changed(reflector, ("peer-groups.k8s.password", "first"), (("neighbors", 0, "password"), "router's"))
    taken(reflector, config)
    pod = fig.add_pod(1)
    speaker = pod.speaker(password="first").establish()
    ear = hear(fig, password="router's")
    config = changed(reflector, ("peer-groups.k8s.password", "the-second"))
    assert plan(reflector, config) == [("live", "peer-group k8s: password changed")]
    taken(reflector, config)
    tcp.set_key(speaker.socket, REFLECTOR, "the-second")
    speaker.announce(SERVICE, "10.0.0.105")
    ear.wait_for_routes(SERVICE, ["10.0.0.105"])
    assert speaker.closed is None and ear.closed is None
    assert reflector.show("neighbor", pod.address)[0]["flaps"] == 0
    fig.add_pod(2).speaker(password="the-second").establish()
    assert "the-second" not in reflector.log() and "the-second" not in reflector.ctl("show", "config", "all")


def test_keys_the_kernel_refuses_refuse_the_whole(fig, reflector, ear):
    try:
        fig.reflector.sysctl("net/core/optmem_max", 2048)
    except OSError:
        pytest.skip("net.core.optmem_max is not a namespace's own here")
    many = [{"address": f"10.0.9.{i}", "peer-group": "routers", "passive": True, "password": f"key {i}"}
            for i in range(1, 200)]
    config = changed(reflector, (("neighbors",), [*reflector.config["neighbors"], *many]),
                     ("peer-groups.routers.hold-time", 30))
    assert "optmem_max" in refused(reflector, config)
    assert ear.closed is None and len(reflector.neighbors()) == 1


# The daemon's own.

def test_the_control_socket_moves_and_its_client_stays(fig, reflector, ear):
    old, new = reflector.socket, "/run/elsewhere.sock"
    config = changed(reflector, ("control.socket", new))
    fig.reflector.lab.file(f"{reflector.name}.yaml", daemons.dump(config))
    assert f"control.socket {old} -> {new}" in reflector.ctl("reload")
    reflector.config, reflector.socket = config, new
    assert reflector.status()["reloads"] == 1
    assert not os.path.exists(old)
    assert "no group" in refused(reflector, changed(reflector, ("control.group", "nobody-has-this")))
    assert ear.closed is None


def test_the_configuration_in_use_can_be_shown_and_read_back(fig, reflector):
    config = changed(reflector, ("peer-groups.k8s.hold-time", 30))
    for words in ([], ["all"]):
        shown = reflector.ctl("show", "config", *words)
        assert "hold-time: 9" in shown
        lab = fig.reflector.lab
        path = lab.file("shown.yaml", shown)
        lab.run([daemons.binary("rrd"), "-t", "-c", path])
    assert "# keepalive-interval: 0" in reflector.ctl("show", "config", "all")
    taken(reflector, config)
    assert "hold-time: 30" in reflector.ctl("show", "config")


def test_reloads_are_counted(fig, reflector):
    taken(reflector, reflector.config)
    refused(reflector, changed(reflector, ("log.level", "loud")))
    metrics = reflector.ctl("metrics")
    assert 'rrd_reloads_total{result="done"} 1' in metrics
    assert 'rrd_reloads_total{result="refused"} 1' in metrics


# All of it at once.

def test_many_reloads_under_churn(fig, reflector, ear, lab):
    """Export and import rules change while routes come and go; in the end everybody has what the last rules say."""
    rng = random.Random(lab.seed)
    speakers = [fig.add_pod(n).speaker().establish() for n in (1, 2, 3)]
    prefixes = [f"10.1.{i}.0/24" for i in range(10)]
    rules = [None, {"prefixes": prefixes[:5]}, {"prefixes": prefixes[3:]}, "none"]
    said = [set(), set(), set()]
    for _ in range(12):
        for _ in range(10):
            i, prefix = rng.randrange(3), rng.choice(prefixes)
            if prefix in said[i]:
                speakers[i].withdraw(prefix)
            else:
                speakers[i].announce(prefix, f"10.0.0.{105 + i}")
            said[i] ^= {prefix}
        rule = rng.choice(rules)
        config = changed(reflector, ("peer-groups.routers.export", rule or "all"),
                         ("peer-groups.routers.next-hop-self", rng.random() < 0.3),
                         ("peer-groups.routers.add-paths.send", rng.choice(["all", "best 2", "multipath"])))
        taken(reflector, config)
    taken(reflector, changed(reflector, ("peer-groups.routers.export", {"prefixes": prefixes[3:]}),
                             ("peer-groups.routers.next-hop-self", False),
                             ("peer-groups.routers.add-paths.send", "all")))
    for prefix in prefixes:
        hops = [f"10.0.0.{105 + i}" for i in range(3) if prefix in said[i]]
        ear.wait_for_routes(prefix, hops if prefix in prefixes[3:] else [])
    assert ear.closed is None and all(s.closed is None for s in speakers)
