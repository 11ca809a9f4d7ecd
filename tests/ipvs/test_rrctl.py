"""What rrctl tells of the agent is what the kernel has, and what it commands is done.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1 ... web3
"""
import json

import pytest

from lab import daemons, exposition, lbfarm, traffic, wait_until
from lab.ipvs import name
from lab.lbfarm import ADDRESS, ADDRESS6
from lab.traffic import TALK_PORT

CHECK = {"type": "tcp", "interval": "100ms", "timeout": "80ms", "rise": 2, "fall": 2, "port": traffic.PORT}
WEIGHTS = {"web1": 1, "web2": 2, "web3": 1}
MH_SLOTS = 4093


@pytest.fixture
def running(lab):
    farm = lbfarm.LbFarm(lab)
    farm.route_service(farm.balancers[0])
    farm.prepare("tun")
    weighted = {"servers": [{**row, "weight": WEIGHTS[row["name"]]} for row in daemons.listed(farm.pods)]}
    services = [daemons.virtual(weighted, port=TALK_PORT, scheduler="mh", checks=[CHECK], drain={"time": 3600}),
                daemons.virtual(farm.pods, ADDRESS6, protocol="udp"),
                {"name": "marked", "mark": 7, "family": "ipv4", "source": {"servers": daemons.listed(farm.pods[:1])}},
                {"name": "marked6", "mark": 7, "family": "ipv6", "source": {"servers": daemons.listed(farm.pods[:1], ADDRESS6)}}]
    agent = daemons.Agent(farm.balancers[0], daemons.agent_config(*services))
    agent.farm = farm
    agent.wait_weights({p: WEIGHTS[p.name] for p in farm.pods}, port=TALK_PORT)
    return agent.wait_settled()


def kernel(agent):
    """{service's key as the agent writes it: [(server, weight, active, inactive)]}; marks of both families together."""
    found = {}
    for s in agent.ipvs.services():
        key = f"mark {s.mark}" if s.mark else f"{s.protocol} {name(s.address, s.port)}"
        found.setdefault(key, []).extend((name(d.address, d.port), d.weight, d.active, d.inactive) for d in s.dests)
    return {key: sorted(dests) for key, dests in found.items()}


def told(agent):
    """The same by rrctl."""
    keys = {r["service"]: "mark 7" if r["service"].startswith("marked") else r["key"] for r in agent.show("services")}
    found = {}
    for r in agent.show("servers"):
        found.setdefault(keys[r["service"]], []).append((r["server"], r["weight"], r["active"], r["inactive"]))
    return {key: sorted(dests) for key, dests in found.items()}


def test_services_servers_table_and_metrics_are_the_kernels(running):
    farm = running.farm
    farm.talks.open(farm.client, ADDRESS, 24)
    probes = traffic.Probes(farm.client, ADDRESS6, interval_s=0.02, ports=6)
    wait_until(lambda: len(probes.answered) >= 12, 10, "some answers")
    assert probes.stop().lost == []

    def same():
        mine, theirs = told(running), kernel(running)
        assert mine == theirs, f"rrctl says {mine}, the kernel {theirs}"
        return True
    wait_until(same, 10, "rrctl and the kernel to have the same servers, weights and connections")

    # The kernel counts connections anew every two seconds.
    def service(name, key, value):
        row = next(r for r in running.show("services") if r["service"] == name)
        assert row[key] == value, f"{name} has {row[key]} {key}"
        return row
    talks = wait_until(lambda: service(f"tcp-{TALK_PORT}-v4", "connections", 24), 10, "all connections to be counted")
    service("udp-80-v6", "inactive", 6)
    assert (talks["scheduler"], talks["flags"], talks["forward"]) == ("mh", ["mh-fallback", "mh-port"], "tun")
    assert (talks["active"], talks["up"]) == (24, 3)
    rows = running.show("table")
    assert {r["service"] for r in rows} == {talks["service"]} and {r["fingerprint"] for r in rows} == {talks["fingerprint"]}
    assert sum(r["slot-count"] for r in rows) == MH_SLOTS
    for row, pod in zip(rows, farm.pods):
        assert row["weight"] == WEIGHTS[pod.name]
        assert abs(row["slot-count"] / MH_SLOTS - row["weight"] / 4) < 0.01
    metrics = exposition.parse(running.ctl("metrics"))
    for row in running.show("servers"):
        labels = {"service": row["service"], "server": row["server"]}
        for metric, key in (("weight", "weight"), ("active_connections", "active"), ("inactive_connections", "inactive"),
                            ("connections_total", "connections")):
            assert metrics[f"lb_ipvs_agent_server_{metric}"].value(**labels) == row[key], f"{metric} of {labels}"
    assert metrics["lb_ipvs_agent_service_table_fingerprint"].value(service=talks["service"], fingerprint=talks["fingerprint"])


def test_commands_are_done_and_watched(running):
    """A drain and its end, a server that dies: the kernel, rrctl and whoever watches see the same; the impossible is refused."""
    pods = running.farm.pods
    running.farm.talks.open(running.farm.client, ADDRESS, 12)
    watch = running.ns.start([daemons.binary("rrctl"), "-i", "--json", "--socket", running.socket, "watch"], "watch")
    rows = lambda: [json.loads(line) for line in watch.log().splitlines()]  # noqa: E731

    def seen(pod, *states):
        """It went through these states, in this order."""
        moves = [r["to"] for r in rows() if r["event"] == "server" and r["name"] == pod.name]
        assert moves == list(states), f"{pod.name}: {moves}"
        return True
    # The watch may begin later than the first command.
    wait_until(lambda: running.ctl("drain", "web1") is not None and running.ctl("undrain", "web1") is not None and rows(),
               10, "the first event")
    running.ctl("drain", "web2", "3600", "service", f"tcp-{TALK_PORT}-v4")
    running.wait_weights({pods[0]: 1, pods[1]: 0, pods[2]: 1}, port=TALK_PORT)
    assert running.ipvs.weights(ADDRESS6, 80, "UDP")[pods[1].address6] == 1, "the other service's is left alone"
    assert running.states(f"tcp-{TALK_PORT}-v4")["web2"] == "draining"
    running.ctl("undrain", "web2")
    running.wait_weights({p: WEIGHTS[p.name] for p in pods}, port=TALK_PORT)
    wait_until(lambda: seen(pods[1], "draining", "up"), 10, "web2's way, watched")
    pods[2].cut()
    running.wait_weights({pods[0]: 1, pods[1]: 2, pods[2]: 0}, port=TALK_PORT)
    wait_until(lambda: any(r["event"] == "check" and r["to"] == "down" for r in rows()), 10, "the failed check, watched")
    row = next(r for r in running.show("checks") if r["server"].startswith(f"{pods[2].address}:"))
    assert not row["up"] and row["last"] == "timeout" and row["failures"] >= 2

    rrctl = [daemons.binary("rrctl"), "-i", "--socket", running.socket]
    for words, why in ((["drain", "web9"], "web9"), (["drain", "web1", "99999999"], "out of range"),
                       (["undrain", "web1", "service", "nonsense"], "nonsense"), (["show", "servers", "nonsense"], "nonsense")):
        code, output = running.ns.result([*rrctl, *words])
        assert code != 0 and why in output, f"{words}: exit code {code}: {output}"
    code, output = running.ns.result([*rrctl, "show", "servers"])
    assert code == 0 and output.splitlines()[0].split()[:3] == ["SERVICE", "SERVER", "NAME"]
