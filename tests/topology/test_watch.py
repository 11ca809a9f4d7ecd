"""rrctl watch: what happens to routes, neighbors and the kernel's table, as it happens.

    router (rrd or speaker) -- reflector (rrd) -- pod speakers (test) on n1, n2
"""
import json
import signal
import time

import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import wait_until
from lab.watcher import Watcher

HOPS = ["10.0.0.105", "10.0.0.106"]


class Watch:
    """rrctl -j watch WORDS, begun: what it says as rows."""
    started = 0

    def __init__(self, daemon, *words, json_rows=True):
        Watch.started += 1
        flags = ["--json"] if json_rows else []
        self.process = daemon.ns.start([daemons.binary("rrctl"), *flags, "--socket", daemon.socket, "watch", *words],
                                       f"watch-{daemon.ns.name}-{Watch.started}", ours=True)
        self.process.wait_for_log("watching")

    def rows(self):
        return [json.loads(line) for line in self.process.log().splitlines(keepends=True) if line.endswith("\n")]

    def after(self, count=0):
        """What was told behind the first count rows of the watch proper."""
        rows = self.rows()
        return rows[[r["event"] for r in rows].index("watching") + 1 + count:]

    def present(self):
        rows = self.rows()
        return rows[:[r["event"] for r in rows].index("watching")]

    def wait(self, *events, timeout=10):
        """Waits until exactly these events came, each ("event", {key: value}); in this order."""
        def fact():
            rows = self.after()
            told = [(r["event"], {k: r.get(k) for k in keys}) for r, (_, keys) in zip(rows, events)]
            assert told == list(events) and len(rows) == len(events), f"it told {rows}"
            return rows
        return wait_until(fact, timeout, f"{len(events)} events")


@pytest.fixture
def pods(fig, reflector):
    made = [fig.add_pod(1), fig.add_pod(2)]
    for pod in made:
        pod.peer = pod.speaker().establish()
    return made


def test_routes_added_changed_and_withdrawn_and_who_is_best(fig, reflector, pods):
    first, second = sorted(pods, key=lambda p: [int(n) for n in p.address.split(".")])
    watch = Watch(reflector, "routes")
    first.peer.announce(SERVICE, HOPS[0])
    one = {"prefix": SERVICE, "from": first.address}
    two = {"prefix": SERVICE, "from": second.address}
    told = [("added", {**one, "next-hop": HOPS[0], "local-pref": 100}), ("best", {**one, "was": None})]
    watch.wait(*told)
    second.peer.announce(SERVICE, HOPS[1], local_pref=200)
    told += [("added", {**two, "local-pref": 200}), ("best", {**two, "was": first.address})]
    watch.wait(*told)
    second.peer.announce(SERVICE, HOPS[1], local_pref=50)
    told += [("changed", {**two, "local-pref": 50}), ("best", {**one, "was": second.address})]
    watch.wait(*told)
    second.peer.withdraw(SERVICE)
    told += [("withdrawn", {**two, "path-id": 0, "next-hop": None})]
    watch.wait(*told)
    # The source of a path that goes with its session is known although it is gone itself.
    first.peer.close()
    told += [("withdrawn", one), ("best", {"prefix": SERVICE, "from": None, "was": first.address})]
    assert "no path" in watch.wait(*told)[-1]["text"]


def test_all_begins_with_what_is_there_and_a_prefix_is_all_that_is_told_of(fig, reflector, pods):
    pods[0].peer.announce(["10.1.1.0/24", "10.1.2.0/24", "10.1.16.0/24"], HOPS[0])
    wait_until(lambda: len(reflector.show("routes")) == 3, 5, "three routes")
    everything = Watch(reflector, "routes", "all")
    inside = Watch(reflector, "routes", "10.1.0.0/20", "longer", "all")
    one = Watch(reflector, "routes", "10.1.2.0/24")
    assert {r["prefix"] for r in everything.present()} == {"10.1.1.0/24", "10.1.2.0/24", "10.1.16.0/24"}
    assert all(r["event"] == "present" and r["best"] and r["from"] == pods[0].address for r in everything.present())
    assert {r["prefix"] for r in inside.present()} == {"10.1.1.0/24", "10.1.2.0/24"}
    assert one.present() == []
    pods[0].peer.withdraw(["10.1.16.0/24"])
    pods[0].peer.withdraw(["10.1.2.0/24"])
    last = ("best", {"prefix": "10.1.2.0/24", "from": None})
    inside.wait(("withdrawn", {"prefix": "10.1.2.0/24"}), last)
    one.wait(("withdrawn", {"prefix": "10.1.2.0/24"}), last)
    everything.wait(("withdrawn", {"prefix": "10.1.16.0/24"}), ("best", {"prefix": "10.1.16.0/24"}),
                    ("withdrawn", {"prefix": "10.1.2.0/24"}), last)


def test_nothing_is_told_twice_to_one_who_comes_later_or_again(fig, reflector, pods):
    pods[0].peer.announce(SERVICE, HOPS[0])
    wait_until(lambda: reflector.show("routes"), 5, "the route")
    for _ in range(3):
        watch = Watch(reflector, "routes")
        pods[1].peer.announce("10.1.7.0/24", HOPS[1])
        told = [("added", {"prefix": "10.1.7.0/24"}), ("best", {"prefix": "10.1.7.0/24"})]
        watch.wait(*told)
        pods[1].peer.withdraw("10.1.7.0/24")
        watch.wait(*told, ("withdrawn", {"prefix": "10.1.7.0/24"}), ("best", {"prefix": "10.1.7.0/24"}))
        watch.process.terminate()
        pods[1].peer.announce("10.1.8.0/24", HOPS[1])
        pods[1].peer.withdraw("10.1.8.0/24")
    pods[1].peer.close()
    wait_until(lambda: [r["prefix"] for r in reflector.show("routes")] == [SERVICE], 5, "one route to be left")

    def rest():
        return {r["what"]: r["objects"] for r in reflector.show("memory")}["withdrawn paths not yet told to all"]
    wait_until(lambda: rest() == 0, 5, "no tombstone to be left")


def test_present_and_events_together_are_the_table(fig, reflector):
    """Routes that come and go while the first rows are on their way: who adds events to rows has what show routes has."""
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["import"]["max-prefixes"] = 0
    config["peer-groups"]["k8s"]["import"]["prefixes"] = ["10.0.0.0/8 le 32"]
    reflector.reload(config)
    peer = fig.add_pod(1).speaker().establish()
    table = [f"10.{100 + i // 256}.{i % 256}.0/24" for i in range(4000)]
    for at in range(0, len(table), 500):
        peer.announce(table[at:at + 500], HOPS[0])
    wait_until(lambda: int(reflector.status()["ipv4-unicast"]["paths"]) == 4000, 20, "the table")
    watch = Watch.__new__(Watch)
    watch.process = reflector.ns.start([daemons.binary("rrctl"), "--json", "--socket", reflector.socket, "watch", "routes",
                                        "all"], "watch-churn", ours=True)
    for i in range(0, 4000, 7):
        if i % 2:
            peer.withdraw(table[i])
        else:
            peer.announce(table[i], HOPS[1])
    watch.process.wait_for_log("watching", 20)
    peer.announce("10.99.0.0/16", HOPS[0])

    def known():
        have = {}
        for row in watch.rows():
            name = (row.get("prefix"), row.get("from"), row.get("path-id"))
            if row["event"] in ("present", "added", "changed"):
                have[name] = row["next-hop"]
            elif row["event"] == "withdrawn":
                have.pop(name, None)
        return have

    def fact():
        want = {(r["prefix"], r["from"], r["path-id"]): r["next-hop"] for r in reflector.show("routes")}
        have = known()
        assert have == want, f"{len(set(have.items()) ^ set(want.items()))} differ"
        assert ("10.99.0.0/16", peer.local, 0) in have
        return True
    wait_until(fact, 20, "rows and events to be the table")


def test_people_read_a_line_for_each_event(fig, reflector, pods):
    watch = Watch(reflector, "routes", json_rows=False)
    pods[0].peer.announce(SERVICE, HOPS[0], local_pref=150, med=5)
    watch.process.wait_for_log(
        rf"^20..-.*Z added {SERVICE} from {pods[0].address} id 0 via {HOPS[0]} pref 150 med 5$")
    watch.process.wait_for_log(rf"Z best {SERVICE} from {pods[0].address}")
    watch.process.signal(signal.SIGINT)
    assert watch.process.wait() == 0


def test_one_who_does_not_read_is_told_to_start_over_and_holds_nobody_up(fig, reflector, pods):
    watch = Watch(reflector, "routes")
    watch.process.signal(signal.SIGSTOP)
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["import"]["max-prefixes"] = 0
    reflector.reload(config)
    table = [f"10.1.{i}.0/24" for i in range(256)]
    deadline = time.monotonic() + 60
    flips = 0
    # What pipe and socket hold, and the bound of 1 MiB after them.
    while flips * 256 * 400 < 4 * 1024 * 1024 and time.monotonic() < deadline:
        pods[0].peer.announce(table, HOPS[flips % 2])
        flips += 1
        hop = HOPS[(flips - 1) % 2]
        wait_until(lambda h=hop: {r["next-hop"] for r in reflector.show("routes 10.1.255.0/24")} == {h}, 10, "the flip")
    watch.process.signal(signal.SIGCONT)
    watch.process.wait_for_log('"lost": ?true', 20)


def test_neighbors_that_come_up_go_down_and_are_refused(fig, reflector, pods):
    watch = Watch(reflector, "neighbors", "all")
    assert {r["address"] for r in watch.present()} == {ROUTER, *(p.address for p in pods)}
    speaker = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    up = ("up", {"address": ROUTER, "as": 65021, "peer-group": "routers", "state": "Established"})
    watch.wait(up)
    speaker.send(bgp.notification(6, 2, b"\x07kitchen"))
    down = ("down", {"address": ROUTER, "code": 6, "subcode": 2})
    assert watch.wait(up, down)[-1]["text"] == 'peer sent Cease/Administrative Shutdown: "kitchen"'
    reflector.ctl("shutdown", pods[0].address, "enough")
    shut = [("down", {"address": pods[0].address}), ("shutdown", {"address": pods[0].address, "text": "enough"})]
    watch.wait(up, down, *shut)
    pods[0].speaker().open().receive()
    refused = ("refused", {"address": pods[0].address, "text": "shut down"})
    watch.wait(up, down, *shut, refused)
    reflector.ctl("enable", pods[0].address)
    watch.wait(up, down, *shut, refused, ("enabled", {"address": pods[0].address}))


def test_a_connection_from_outside_all_ranges_is_told_of(fig, reflector):
    watch = Watch(reflector, "neighbors")
    bgp.Speaker(fig.nodes[0].ns, REFLECTOR).open().receive()
    # It may have taken the first reset for a daemon that does not listen yet, and have tried again.
    told = wait_until(watch.after, 10, "an event")
    assert {(r["event"], r["address"], r["text"]) for r in told} == {
        ("refused", fig.nodes[0].address, "neither a neighbor nor in a range")}


def test_fib_tells_what_the_kernel_took_with_its_next_hops(system):
    fig, router = system.fig, system.router
    watch = Watch(router, "fib", "all")
    assert watch.present() == []
    pods = [fig.add_pod(1), fig.add_pod(2)]
    for pod in pods:
        pod.peer = pod.speaker().establish()
    pods[0].peer.announce(SERVICE, HOPS[0])
    installed = ("installed", {"prefix": SERVICE, "state": "installed", "via": f"{HOPS[0]} weight 1"})
    watch.wait(installed)
    pods[1].peer.announce(SERVICE, HOPS[1])

    def second():
        row = watch.after()[-1]
        return row["event"] in ("changed", "group-changed") and [h["address"] for h in row["next-hops"]] == HOPS
    wait_until(second, 10, "the second next hop")
    later = Watch(router, "fib", "all")
    assert [(r["event"], r["prefix"]) for r in later.present()] == [("present", SERVICE)]
    for pod in pods:
        pod.peer.withdraw(SERVICE)
    wait_until(lambda: (watch.after()[-1]["event"], watch.after()[-1].get("prefix")) == ("removed", SERVICE), 10,
               "the removal")


def test_who_is_no_router_has_no_fib_to_be_watched(fig, reflector):
    with pytest.raises(Exception, match="this daemon is no router"):
        reflector.ctl("watch", "fib")


def test_a_watch_that_begins_amid_changes_tells_of_each_path_once(fig):
    """What is there and what happened meanwhile add up: nothing is added that was there, nothing withdrawn that was not."""
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("import")
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    peer = pod.speaker().establish()
    prefixes = [f"10.1.{i}.0/24" for i in range(200)]
    for number in range(20):
        for part in range(10):
            peer.announce(prefixes[part::10], HOPS[0], med=number)
            peer.withdraw(prefixes[part + number % 7::13])
        watcher = Watcher(fig.lab, reflector.socket)
        peer.announce(prefixes[number::3], HOPS[1], med=number)
        peer.withdraw(prefixes[1::2])
        left = {(p, pod.address, 0) for p in prefixes[0::2]}

        def fact(watcher=watcher, left=left):
            assert not watcher.fault, watcher.fault
            assert set(watcher.paths) == left, len(watcher.paths)
            return True
        peer.announce(prefixes[0::2], HOPS[0], med=1000 + number)
        wait_until(fact, 10, "the watch to tell of the routes that are left")
        watcher.close()
        fig.lab.closers.remove(watcher)
