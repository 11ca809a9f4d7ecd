"""EndpointSlices in the kernel: equal to what the API holds, after storms and bad days; and with the API away nothing is withdrawn.

    api (HTTPS, in lb1) -- lb1 (lb-ipvs-agent), web1 ... web3
"""
import time

import pytest

from lab import daemons, lbfarm, traffic, wait_until
from lab.ipvs import Writes
from lab.kubeapi import SPACE, KubeApi, endpoint, slice_of
from lab.lbfarm import ADDRESS
from lab.wait import holds

SOURCE = {"kubernetes": {"service": "web", "namespace": SPACE}}


@pytest.fixture
def farm(lab):
    return lbfarm.LbFarm(lab)


@pytest.fixture
def api(lab, farm):
    return KubeApi(lab, farm.balancers[0].ns)


def start(farm, api, **more):
    config = daemons.agent_config(daemons.virtual(SOURCE, drain={"time": 0}, **more), kubernetes=api.config(silence=30))
    return daemons.Agent(farm.balancers[0], config)


def crowd(count, network=7):
    return [f"172.16.{network + n // 200}.{n % 200 + 1}" for n in range(count)]


def wait_equal(agent, api, timeout=20):
    """The kernel has what the API holds: ready ones at weight 1, others at 0."""
    def fact():
        wanted = {e["addresses"][0]: int(e["conditions"].get("ready", True)) for s in api.stored.values() for e in s["endpoints"]}
        found = agent.ipvs.weights(ADDRESS)
        assert found == wanted, f"{len(found)} in the kernel, {len(wanted)} in the API"
        return True
    wait_until(fact, timeout, "the kernel to be as the API is")


def test_slices_become_servers_that_answer(lab, farm, api):
    """All the way: a client is served by the endpoints that are ready, and by no other."""
    farm.route_service(farm.balancers[0])
    farm.prepare("tun")
    pods = [p.address for p in farm.pods]
    api.put(slice_of("web-a", [endpoint(pods[0], name="web1"), endpoint(pods[1])]), slice_of("web-b", [pods[1], endpoint(pods[2], False)]))
    agent = start(farm, api).wait_weights({farm.pods[0]: 1, farm.pods[1]: 1, farm.pods[2]: 0})
    assert set(traffic.spread(farm.client, ADDRESS, 6)) == {"web1", "web2"}
    assert agent.states()["web1"] == "up"
    assert agent.servers()[f"{pods[2]}:80"]["reason"] == "failed", "not ready is as a check that failed"
    source = agent.show("sources")[0]
    assert (source["source"], source["watch"], source["endpoints"], source["error"]) == ("kubernetes shop/web", "watching", 4, "")
    api.put(slice_of("web-a", [endpoint(pods[0], False, True, True)]))
    agent.wait_weights({farm.pods[1]: 1, farm.pods[2]: 0})
    assert set(traffic.spread(farm.client, ADDRESS, 4)) == {"web2"}
    # None is ready: those that still serve do.
    api.put(slice_of("web-b", [endpoint(pods[1], False, True, True), endpoint(pods[2], False)]))
    agent.wait_weights({farm.pods[0]: 1, farm.pods[1]: 1, farm.pods[2]: 0})
    metrics = agent.ctl("metrics")
    for line in ('kubernetes_watching{service="tcp-80-v4"} 1', 'kubernetes_lists_total{service="tcp-80-v4"} 1',
                 'kubernetes_errors_total{service="tcp-80-v4",kind="gone"} 0'):
        assert f"lb_ipvs_agent_{line}" in metrics, metrics
    assert "lb_ipvs_agent_kubernetes_last_heard_seconds" in metrics


def test_the_kernel_is_the_apis_after_storms_and_bad_days(lab, farm, api, record_property):
    """One agent through all of it: events at full speed, gone by status and by event, a watch that breaks off, what cannot be, 429 and
    500, an API that is away; and a change in each of these."""
    api.put(*[slice_of(f"web-{n}", crowd(30, 7 + n)) for n in range(4)])
    agent = start(farm, api)
    wait_equal(agent, api)
    for n in range(300):
        slices = n % 4
        rows = [endpoint(a, ready=(n + i) % 5 > 0) for i, a in enumerate(crowd(20 + n % 11, 7 + slices))]
        api.put(slice_of(f"web-{slices}", rows))
    wait_equal(agent, api)
    steps = {
        "gone by status": lambda: (api.quietly(slice_of("web-0", crowd(5)), gone=["web-1"]), api.forget(), api.cut()),
        "gone by event": lambda: (api.quietly(slice_of("web-1", crowd(6, 8))), api.forget(as_event=True), api.cut()),
        "in mid-line": lambda: (api.push(b'{"type": "MODI', end=True), api.put(slice_of("web-2", crowd(3, 9)))),
        "not JSON": lambda: (api.quietly(gone=["web-3"]), api.push(b"<html>\n")),
        "429 and 500": lambda: (api.spoil(kind="watch", status=429, headers={"Retry-After": "1"}), api.spoil(kind="watch", status=500),
                                api.cut(), api.put(slice_of("web-0", crowd(9)))),
        "away": lambda: (api.stop(), api.put(slice_of("web-0", crowd(4))), api.start()),
        "ordinary": lambda: api.put(slice_of("web-0", crowd(2))),
    }
    for name, step in steps.items():
        before = time.monotonic()
        step()
        wait_equal(agent, api)
        record_property(name, f"{time.monotonic() - before:.2f} s")
        print(f"{name}: {time.monotonic() - before:.2f} s")
    row = agent.show("sources")[0]
    assert row["troubles"]["gone"] == 2 and row["troubles"]["broken"] == 1, row


def test_with_the_api_away_nothing_is_withdrawn_and_a_restart_adopts(lab, farm, api):
    """What the kernel has is the list until there is another: checked, reported to announcers, and not written again."""
    farm.route_service(farm.balancers[0])
    farm.prepare("tun")
    pods = [p.address for p in farm.pods]
    check = {"type": "tcp", "interval": "200ms", "timeout": "150ms", "fall": 2, "rise": 1, "port": 80}
    api.put(slice_of("web-a", pods))
    agent = start(farm, api, checks=[check]).wait_weights(farm.pods).wait_settled()
    api.stop()
    wait_until(lambda: "connection refused" in agent.show("sources")[0]["error"], 10, "the API to be missed")
    writes = Writes(farm.balancers[0].ns)
    agent.kill_and_restart().wait_settled()
    wait_until(lambda: agent.show("sources")[0]["assumed"], 10, "the kernel's servers to be taken for the list")
    wait_until(lambda: set(agent.states().values()) == {"up"}, 10, "all to be up")
    wait_until(lambda: all(r["known"] for r in agent.show("checks")), 10, "checks of them")
    assert writes.commands() == {}
    assert not agent.show("sources")[0]["told"]
    # It is a list like any other: a server that dies is found.
    farm.pods[0].cut()
    agent.wait_weights({farm.pods[0]: 0, farm.pods[1]: 1, farm.pods[2]: 1})
    farm.pods[0].mend()
    agent.wait_weights(farm.pods)
    holds(lambda: len(agent.ipvs.weights(ADDRESS)) == 3, 0.3, "nothing is withdrawn")
    api.put(slice_of("web-a", pods[:2]))
    api.start()
    agent.wait_weights(farm.pods[:2])
    wait_until(lambda: not agent.show("sources")[0]["assumed"], 10, "the API's word to count")


def test_a_reload_keeps_the_watch_and_another_api_is_asked(lab, farm, api):
    api.put(slice_of("web-a", crowd(3)))
    agent = start(farm, api)
    wait_equal(agent, api)
    agent.reload({**agent.config, "services": [daemons.virtual(SOURCE, drain={"time": 1})]})
    agent.wait_settled()
    api.put(slice_of("web-a", crowd(2)))
    wait_equal(agent, api)
    assert len(api.seen("watch")) == 1, "the watch has gone on"
    other = KubeApi(lab, farm.balancers[0].ns)
    other.put(slice_of("web-a", crowd(4)))
    agent.reload({**agent.config, "kubernetes": other.config()})
    wait_equal(agent, other)

    def left():
        api.bookmark()  # its server learns that nobody listens when it says something
        return api.watching == 0
    wait_until(left, 10, "the first to be left")
