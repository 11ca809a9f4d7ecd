"""Servers from EndpointSlices: the API on its good days and its bad ones. Without IPVS: a program that holds the agent's sources
writes down what they tell (bench/parts/follow.c).

    api (HTTPS on a loopback address) -- follow
"""
import json
import os

import pytest

from lab import daemons, wait_until
from lab.kubeapi import KubeApi, endpoint, port, slice_of
from lab.wait import holds


class Follower:
    """bench/parts/follow with one service, or with those given: {name: what stands under source.kubernetes}."""

    def __init__(self, lab, api, sources=None, env=None, kubernetes=None, **source):
        self.lab, self.api = lab, api
        sources = sources or {"web": {"service": "web", "namespace": "shop", **source}}
        self.directory = os.path.join(lab.directory, f"told-{len(lab.processes)}")
        os.mkdir(self.directory)
        services = [{"name": name, "address": f"10.1.1.{n + 1}", "port": 80, **one.pop("virtual", {}), "source": {"kubernetes": one}}
                    for n, (name, one) in enumerate(sources.items())]
        config = {"services": services, "kubernetes": api.config(silence=60) if kubernetes is None else kubernetes}
        path = lab.file(f"follow-{len(lab.processes)}.conf", daemons.dump(config))
        self.process = api.ns.start([daemons.helper("follow"), path, self.directory], "follow", ours=True, env=env)

    def row(self, name="web"):
        with open(os.path.join(self.directory, f"{name}.json")) as f:
            return json.load(f)

    def servers(self, name="web"):
        return self.row(name).get("servers")

    def error(self, name="web"):
        return self.row(name)["error"]

    def wait(self, servers, name="web", timeout=10):
        """{address and port: state}, or addresses that are ready at port 8080."""
        wanted = servers if isinstance(servers, dict) else {f"{a}:8080": "ready" for a in servers}

        def fact():
            found = self.servers(name)
            assert found == wanted, f"told: {str(found)[:400]}; error: {self.error(name)}"
            return True
        wait_until(fact, timeout, f"{str(wanted)[:400]} to be told")
        return self

    def wait_row(self, what, fact, name="web", timeout=10):
        def look():
            row = self.row(name)
            assert fact(row), str({k: v for k, v in row.items() if k != "servers"})
            return True
        wait_until(look, timeout, what)
        return self

    def wait_error(self, *texts, name="web", timeout=10):
        return self.wait_row(f"an error with {texts}", lambda r: all(t in r["error"] for t in texts), name, timeout)

    def wait_well(self, name="web", timeout=10):
        return self.wait_row("no error, and a watch", lambda r: not r["error"] and r["state"] == "watching", name, timeout)


@pytest.fixture
def api(lab):
    ns = lab.ns("pod")
    ns.ip("link set lo up")
    return KubeApi(lab, ns)


def addresses(count, network=1):
    return [f"172.16.{network + n // 200}.{n % 200 + 1}" for n in range(count)]


def test_a_list_becomes_servers_and_a_watch_keeps_them(lab, api):
    api.put(slice_of("web-a", addresses(2)))
    follower = Follower(lab, api).wait(addresses(2))
    follower.wait_well()
    api.put(slice_of("web-a", addresses(3)))
    follower.wait(addresses(3))
    api.put(slice_of("web-b", addresses(2, 9)))
    follower.wait(addresses(3) + addresses(2, 9))
    api.delete("web-a")
    follower.wait(addresses(2, 9))
    assert follower.row()["lists"] == 1, "all by one list and one watch"
    assert len(api.seen("watch")) == 1


def test_conditions_tell_servers_apart(lab, api):
    """What counts is the source's to say; where none is ready, those that still serve do, as with kube-proxy."""
    virtual = {"forward": "nat"}
    sources = {kind: {"service": "web", "namespace": "shop", "conditions": kind, "virtual": virtual}
               for kind in ("ready", "ready-only", "serving", "any")}
    api.put(slice_of("web-a", [endpoint("172.16.1.1"), endpoint("172.16.1.2", False, True, True), endpoint("172.16.1.3", False),
                               endpoint("172.16.1.4", False, False, True), endpoint("172.16.1.5", None)]))
    follower = Follower(lab, api, sources)

    def told(*states):
        return {f"172.16.1.{n + 1}:8080": state for n, state in enumerate(states)}
    follower.wait(told("ready", "terminating", "unready", "terminating", "ready"), "ready")
    follower.wait(told("ready", "terminating", "unready", "terminating", "ready"), "ready-only")
    follower.wait(told("ready", "ready", "unready", "terminating", "ready"), "serving")
    follower.wait(told("ready", "terminating", "ready", "terminating", "ready"), "any")
    assert len(api.seen("watch")) <= 1, "they share a watch"
    api.put(slice_of("web-a", [endpoint("172.16.1.1", False), endpoint("172.16.1.2", False, True, True), endpoint("172.16.1.3", False),
                               endpoint("172.16.1.4", False, False, True)]))
    follower.wait(told("unready", "ready", "unready", "terminating"), "ready")
    follower.wait(told("unready", "terminating", "unready", "terminating"), "ready-only")


def test_ports_and_families_and_duplicates(lab, api):
    """Two ports and two families of one service; an endpoint that stands in two slices is one server, in its best state."""
    both = [port(8080, "http"), port(8443, "https"), port(8080, "quic", "UDP")]
    api.put(slice_of("web-a", ["172.16.1.1", endpoint("172.16.1.2", False)], ports=both),
            slice_of("web-b", ["172.16.1.2", "172.16.1.3"], ports=both),
            slice_of("web-c", ["172.16.1.4"], ports=[port(9090, "http")]),
            slice_of("web-6", ["fd00::1"], family="IPv6", ports=both),
            slice_of("web-n", ["www.example.com"], family="FQDN", ports=both))
    web = {"service": "web", "namespace": "shop"}
    follower = Follower(lab, api, {
        "http": {**web, "port": "http"}, "https": {**web, "port": "https"},
        "quic": {**web, "virtual": {"protocol": "udp"}},
        "six": {**web, "port": "https", "virtual": {"address": "fd00:10::1"}},
        "tunnel": {**web, "port": "https", "virtual": {"forward": "tun"}},
        "unnamed": dict(web), "wrong": {**web, "port": "gopher"}})
    follower.wait({"172.16.1.1:8080": "ready", "172.16.1.2:8080": "ready", "172.16.1.3:8080": "ready", "172.16.1.4:9090": "ready"}, "http")
    follower.wait({f"172.16.1.{n}:8443": "ready" for n in (1, 2, 3)}, "https")
    follower.wait({f"172.16.1.{n}:8080": "ready" for n in (1, 2, 3)}, "quic")
    follower.wait({"[fd00::1]:8443": "ready"}, "six")
    follower.wait({**{f"172.16.1.{n}:0": "ready" for n in (1, 2, 3)}, "[fd00::1]:0": "ready"}, "tunnel")
    follower.wait_error("several ports", "http, https", name="unnamed")
    follower.wait_error("no port named gopher", name="wrong")
    assert follower.servers("wrong") is None
    api.put(*[slice_of(s, ["172.16.1.9"], ports=[port(70, "gopher")]) for s in ("web-a", "web-b", "web-c", "web-6")
              if s != "web-6"])
    follower.wait({"172.16.1.9:70": "ready"}, "wrong")


def test_a_service_without_endpoints_and_one_that_is_not_there(lab, api):
    api.put(slice_of("web-a", []))
    follower = Follower(lab, api, {"web": {"service": "web", "namespace": "shop"}, "nobody": {"service": "nobody", "namespace": "shop"}})
    follower.wait([]).wait([], "nobody")
    follower.process.wait_for_log("shop/nobody: there is no EndpointSlice of it")
    api.put(slice_of("nobody-a", addresses(1), service="nobody"))
    follower.wait(addresses(1), "nobody")


def test_pages_of_five_thousand_endpoints(lab, api):
    """Over fifty slices; one page at a time, and all of them or none."""
    slices = [slice_of(f"web-{n}", addresses(100, 10 + n)) for n in range(50)]
    api.put(*slices)
    wanted = [a for n in range(50) for a in addresses(100, 10 + n)]
    follower = Follower(lab, api).wait(wanted, timeout=30)
    lists = api.seen("list")
    assert len(lists) == 5 and all(r.query["limit"] == "10" for r in lists)
    assert [bool(r.query.get("continue")) for r in lists] == [False, True, True, True, True]
    row = follower.row()
    assert (row["slices"], row["endpoints"], row["lists"], row["lists-told"]) == (50, 5000, 1, 1)
    # A page in the middle of the next list fails: what was known stays, and the list begins again.
    api.quietly(gone=["web-7"])
    api.forget()
    api.spoil(kind="list", status=200, body=b"")
    api.spoil(kind="list", status=410)
    api.cut()
    follower.wait([a for n in range(50) if n != 7 for a in addresses(100, 10 + n)], timeout=30)
    assert follower.row()["lists"] == 2
    assert follower.row()["troubles"]["gone"] >= 2


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(lab, api):
    api.put(*[slice_of(f"web-{n:02}", addresses(2, 10 + n)) for n in range(12)])
    api.spoil(kind="list", body=b" " * (9 << 20))
    Follower(lab, api).wait([a for n in range(12) for a in addresses(2, 10 + n)], timeout=20)
    assert [r.query["limit"] for r in api.seen("list")] == ["10"] + ["2"] * 6


def test_ten_thousand_events_at_full_speed(lab, api):
    """The list is the API's at the end, whatever came between, and nothing is held of it all."""
    api.put(slice_of("web-a", addresses(50)))
    follower = Follower(lab, api).wait(addresses(50)).wait_well()
    for burst in range(100):
        count = 50 + burst % 7
        api.put(*[slice_of(f"web-{'abc'[n % 3]}", addresses(count + n % 5, 1 + n % 3)) for n in range(100)])
    follower.wait_row("all events", lambda r: r["events"] == 10000, timeout=60)
    follower.wait(sorted(api.addresses()), timeout=20)
    row = follower.row()
    assert row["lists"] == 1 and row["error"] == "" and len(api.seen("watch")) == 1
    assert row["lists-told"] < 10000, "in a storm it is told what came out of it, not each step"
    with open(f"/proc/{follower.process.pid}/status") as f:
        resident = next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))
    print(f"lists told: {row['lists-told']}, at most {resident} kB resident")


# --- the bad days of a watch ---

def test_a_watch_that_ends_in_mid_line_is_gone_on_from(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.push(b'{"type": "MODIFIED", "object": {"kind": "Endpoi', end=True)
    wait_until(lambda: len(api.seen("watch")) == 2, 10, "another watch")
    api.put(slice_of("web-a", addresses(2)))
    follower.wait(addresses(2))
    first, second = api.seen("watch")
    assert second.query["resourceVersion"] == first.query["resourceVersion"], "from where the first one was"
    assert follower.row()["lists"] == 1


def test_a_bookmark_moves_on_where_a_watch_begins_again(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.bookmark()
    follower.wait_row("the bookmark", lambda r: r["events"] == 1)
    version = str(api.version)
    api.cut()
    wait_until(lambda: len(api.seen("watch")) == 2, 10, "another watch")
    assert api.seen("watch")[1].query["resourceVersion"] == version
    assert api.seen("watch")[1].query["allowWatchBookmarks"] == "true"


@pytest.mark.parametrize("as_event", [False, True], ids=["status", "event"])
def test_gone_means_a_list_and_nothing_is_missed(lab, api, as_event):
    api.put(slice_of("web-a", addresses(1)), slice_of("web-b", addresses(1, 2)))
    follower = Follower(lab, api).wait(addresses(1) + addresses(1, 2)).wait_well()
    api.quietly(slice_of("web-a", addresses(3)), gone=["web-b"])
    api.forget(as_event)
    api.cut()
    follower.wait(addresses(3)).wait_well()
    row = follower.row()
    assert row["lists"] == 2 and row["troubles"]["gone"] == 1 and row["failures"] == 0


def test_a_silent_watch_is_renewed(lab, api):
    """The connection is there, and nothing comes: as behind a load balancer that forgot it."""
    api.put(slice_of("web-a", addresses(1)))
    kubernetes = api.config(silence=1)
    follower = Follower(lab, api, kubernetes=kubernetes).wait(addresses(1))
    follower.wait_row("renewed watches", lambda r: r["troubles"]["silent"] >= 2, timeout=15)
    assert follower.row()["lists"] == 1 and follower.row()["failures"] == 0
    assert len({r.query["resourceVersion"] for r in api.seen("watch")}) == 1
    api.put(slice_of("web-a", addresses(2)))
    follower.wait(addresses(2))


BROKEN = {
    "not JSON": (b"this is no event\n", "not JSON"),
    "half an object": (b'{"type": "ADDED"\n', "not JSON"),
    "a proxy's page": (b"<html><head><title>502 Bad Gateway</title></head>\n", "<html><head><title>502 Bad Gateway"),
    "another kind": (b'{"type": "ADDED", "object": {"kind": "Pod", "metadata": {"resourceVersion": "1"}}}\n', "kind EndpointSlice"),
    "an unknown type": (b'{"type": "REPLACED", "object": {}}\n', "unknown type"),
    "another service's": (json.dumps({"type": "ADDED", "object": {**slice_of("x", [], service="y"), "metadata": {
        "name": "x", "resourceVersion": "7", "labels": {}}}}).encode() + b"\n", "another service"),
    "no address": (b'{"type": "ADDED", "object": ' + json.dumps({**slice_of("x", ["172.16.1.300"]), "metadata": {
        "name": "x", "resourceVersion": "7", "labels": {"kubernetes.io/service-name": "web"}}}).encode() + b"}\n", "172.16.1.300"),
    "an error": (b'{"type": "ERROR", "object": {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd"}}\n',
                 "InternalError: etcd"),
    "a deep one": (b'{"type": ' + b"[" * 100 + b"]" * 100 + b"}\n", "nested deeper"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_is_refused_and_all_is_listed_again(lab, api, what):
    octets, words = BROKEN[what]
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.quietly(slice_of("web-a", addresses(2)))
    # The list after it, so that the error is there to be seen.
    api.spoil(kind="list", status=500, times=2)
    api.push(octets)
    follower.process.wait_for_log(r"its servers stay as they were")
    assert words in follower.process.log()
    follower.wait(addresses(2)).wait_well()
    follower.process.wait_for_log("all is well again")
    assert follower.row()["lists"] == 2


def test_a_line_over_the_limit_is_refused_before_it_is_held(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.push(b'{"type": "' + b"A" * (5 << 20))
    follower.process.wait_for_log("a line is above 4 MiB")
    wait_until(lambda: follower.row()["lists"] == 2, what="another list")
    assert set(follower.wait_well().servers()) == {"172.16.1.1:8080"}


# --- the bad days of the API ---

REFUSALS = {
    "429": ({"status": 429, "headers": {"Retry-After": "1"}}, "answers 429", "busy"),
    "500": ({"status": 500}, "answers 500", "status"),
    "503": ({"status": 503, "headers": {"Retry-After": "1"}, "body": "upstream connect error"}, "upstream connect error", "busy"),
    "403": ({"status": 403}, "role with list and watch of endpointslices", "denied"),
    "404": ({"status": 404}, "discovery.k8s.io/v1", "status"),
    "302": ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, "redirects are not followed", "status"),
    "html": ({"body": "<html><body>Please log in</body></html>"}, "<html><body>Please log in", "broken"),
    "empty": ({"raw": b""}, "closed without an answer", "connection"),
    "not http": ({"raw": b"SSH-2.0-OpenSSH_9.2\r\n"}, "not HTTP", "connection"),
    "half": ({"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"}, "broke off", "connection"),
    "one list in a thousand": ({"body": '{"kind": "EndpointSliceList", "metadata": {}, "items": []}'}, "resourceVersion is missing", "broken"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_no_to_a_list_is_told_and_asked_again(lab, api, what):
    """At the start, and while something is known: which stays."""
    spoil, words, kind = REFUSALS[what]
    api.put(slice_of("web-a", addresses(1)))
    api.spoil(kind="list", **spoil)
    follower = Follower(lab, api)
    follower.wait(addresses(1)).wait_well()
    assert words in follower.process.log(), follower.process.log()
    assert follower.row()["troubles"][kind] == 1
    if "Retry-After" in spoil.get("headers", {}):
        first, second = api.seen("list")
        assert second.time - first.time >= 1, "not before the server wants it"
    api.forget()
    api.quietly(slice_of("web-a", addresses(2)))
    api.spoil(kind="list", **spoil)
    api.cut()
    follower.wait_row("the trouble", lambda r: r["troubles"][kind] == 2)
    follower.wait(addresses(2)).wait_well()


def test_a_watch_that_is_refused_waits_longer_and_longer(lab, api):
    """Five times, then all is listed again: a cluster that was set back knows nothing of our version."""
    api.put(slice_of("web-a", addresses(1)))
    api.spoil(kind="watch", status=504, times=5, body=json.dumps({"kind": "Status", "code": 504, "reason": "Timeout",
                                                                 "message": "Too large resource version: 999, current: 5"}))
    follower = Follower(lab, api).wait(addresses(1))
    follower.wait_error("answers 504", "Too large resource version")
    follower.wait_well(timeout=30)
    watches = [r.time for r in api.seen("watch")]
    gaps = [b - a for a, b in zip(watches, watches[1:])]
    # 200, 400, 800, 1600 ms, each cut by chance to no less than the half.
    assert all(gap >= 0.1 * 2 ** n for n, gap in enumerate(gaps[:4])), gaps
    assert follower.row()["lists"] == 2


def test_an_expired_token_is_refused_until_the_file_has_another(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.tokens = {"token-2"}
    api.put(slice_of("web-a", addresses(2)))
    follower.wait(addresses(2))  # a watch is asked for its token at its begin only
    api.cut()
    follower.wait_error("answers 401", "token-file")
    assert set(follower.servers()) == {"172.16.1.1:8080", "172.16.1.2:8080"}
    api.write_token("token-2")
    follower.wait_well(timeout=20)
    assert "token-1" not in follower.process.log() and "token-2" not in follower.process.log()


def test_a_token_that_was_rotated_in_time_is_no_trouble(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    follower = Follower(lab, api).wait(addresses(1)).wait_well()
    api.tokens = {"token-1", "token-2"}
    api.write_token("token-2")
    api.cut()
    wait_until(lambda: len(api.seen("watch")) == 2, 10, "another watch")
    assert api.seen("watch")[1].token == "token-2"
    follower.wait_well()
    assert follower.row()["failures"] == 0


def test_certificates_are_verified(lab, api):
    """Another's authority, another's name, an authority that was replaced."""
    api.put(slice_of("web-a", addresses(1)))
    api.use_certificate("stranger", authority="other")
    follower = Follower(lab, api)
    follower.wait_error("certificate", "kubernetes.ca-file")
    assert api.requests == [], "nobody who is not known hears our token"
    api.write_ca("other")
    follower.wait(addresses(1), timeout=20).wait_well()
    api.use_certificate("elsewhere", names="DNS:elsewhere.example", authority="other")
    api.cut()
    follower.wait_error("certificate", "kubernetes.tls-name")
    assert set(follower.servers()) == {"172.16.1.1:8080"}
    named = Follower(lab, api, kubernetes=api.config(**{"tls-name": "elsewhere.example"}))
    named.wait(addresses(1)).wait_well()


def test_the_api_is_away_at_the_start_and_later(lab, api):
    api.put(slice_of("web-a", addresses(2)))
    api.stop()
    follower = Follower(lab, api)
    follower.wait_error("connection refused")
    api.start()
    follower.wait(addresses(2), timeout=20).wait_well()
    api.stop()
    follower.wait_error("connection refused")
    holds(lambda: len(follower.servers()) == 2, 0.5, "what is known stays")
    api.put(slice_of("web-a", addresses(3)))
    api.start()
    follower.wait(addresses(3), timeout=20).wait_well()


def test_a_slow_api_is_waited_for(lab, api):
    api.put(slice_of("web-a", addresses(1)))
    api.spoil(kind="list", stall_s=1.5)
    follower = Follower(lab, api).wait(addresses(1))
    assert follower.row()["failures"] == 0 and len(api.seen("list")) == 1


def test_a_pod_finds_the_api_by_its_environment(lab, api):
    """Server, namespace, token and certificates as a pod has them."""
    api.put(slice_of("web-a", addresses(1)))
    lab.file("namespace", "shop")
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
    kubernetes = {k: v for k, v in api.config().items() if k != "server"}
    Follower(lab, api, {"web": {"service": "web"}}, env, kubernetes).wait(addresses(1))
    other = Follower(lab, api, {"web": {"service": "web"}}, {"KUBERNETES_SERVICE_HOST": ""}, kubernetes)
    other.wait_error("KUBERNETES_SERVICE_HOST", "kubernetes.server")


@pytest.mark.parametrize("file, words", [("token", "token"), ("ca.crt", "ca.crt")])
def test_a_missing_file_is_told_with_its_name(lab, api, file, words):
    api.put(slice_of("web-a", addresses(1)))
    path = os.path.join(lab.directory, file)
    os.rename(path, path + ".away")
    follower = Follower(lab, api)
    follower.wait_error(words, "No such file")
    assert follower.row()["troubles"]["local"] >= 1 and api.requests == []
    os.rename(path + ".away", path)
    follower.wait(addresses(1), timeout=20)


def test_the_api_by_name(lab, api):
    """Its addresses are asked for in a thread, and again when none of them answers."""
    api.put(slice_of("web-a", addresses(1)))
    kubernetes = api.config(server=f"localhost:{api.port}", **{"tls-name": "kubernetes.default.svc"})
    follower = Follower(lab, api, kubernetes=kubernetes).wait(addresses(1)).wait_well()
    api.stop()
    follower.wait_error("the API at localhost")
    api.start()
    follower.wait_well(timeout=20)
    unknown = Follower(lab, api, kubernetes={**kubernetes, "server": "no-such-host.invalid:443"})
    unknown.wait_error("no-such-host.invalid")
