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
            return row
        return wait_until(look, timeout, what)

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
