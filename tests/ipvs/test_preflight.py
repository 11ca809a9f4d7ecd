"""What lb-ipvs-agent cannot work without: --check names it in words and says what to do, and the agent itself does not start.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1
"""
import os
import re

import pytest

from lab import daemons, lbfarm, traffic, wait_until
from lab.ipvs import Writes
from lab.lbfarm import ADDRESS, ADDRESS6
from lab.traffic import TALK_PORT

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ONLY_NET_ADMIN = [*NOBODY, "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"]
READ_ONLY = ["unshare", "--mount", "sh", "-c", 'mount --bind -o ro /proc/sys /proc/sys && exec "$@"', "sh"]


@pytest.fixture
def farm(lab):
    # Others than root read the configuration too.
    os.chmod(lab.directory, 0o755)
    return lbfarm.LbFarm(lab, pods=1)


def write(farm, config):
    config = {**config, "control": {"socket": "/run/preflight.sock"}}
    config["ipvs"] = {**config.get("ipvs", {}), "state-file": "/run/preflight.state"}
    return farm.lab.file("preflight.yaml", daemons.dump(config))


def agent(farm, config, *words, prefix=()):
    """Exit code and output; 124: it has started after all."""
    argv = ["timeout", "20", *prefix, daemons.binary("lb-ipvs-agent"), *words, "-c", write(farm, config)]
    return farm.balancers[0].ns.result(argv)


def findings(output):
    """{first words of what was found: what to do}, by grade."""
    found = {"problem": [], "not yet": [], "note": []}
    for line in output.splitlines():
        grade, _, what = line.partition(": ")
        if grade in found:
            found[grade].append([what, ""])
        elif line.startswith("    do: "):
            last = [f for g in found.values() for f in g][-1]
            last[1] = line[len("    do: "):]
    return found


def plain(farm, **more):
    return daemons.agent_config(daemons.virtual(farm.pods, **more))


def preserving(farm, **more):
    return {**daemons.agent_config(daemons.virtual(farm.pods, **more), preserve_connections=True), "defaults": {}}


def nat(farm, **more):
    return daemons.agent_config(daemons.virtual(farm.pods, forward="nat"), **more)


# What is missing: how it is taken away, the configuration; what --check says of it and what is to be done; the agent's log.
REFUSED = {
    "root": (NOBODY, plain, "CAP_NET_ADMIN is not in effect", "capabilities: add: [NET_ADMIN]", "CAP_NET_ADMIN is missing"),
    "capability": (["setpriv", "--bounding-set=-net_admin"], plain, "CAP_NET_ADMIN is not in effect",
                   "capabilities: add: [NET_ADMIN]", "CAP_NET_ADMIN is missing"),
    "capability of iptables": (["setpriv", "--bounding-set=-net_raw"], lambda farm: nat(farm, masquerade=True),
                               "CAP_NET_RAW is not in effect", "add: [NET_ADMIN, NET_RAW]", "CAP_NET_RAW is not in effect"),
    "first user namespace": (["unshare", "--user", "--map-root-user", "--net"], plain, "this is a user namespace",
                             "hostUsers: true", "the kernel lets nobody in a user namespace use IPVS"),
    "module": ([], lambda farm: plain(farm, scheduler="twos"), "this kernel has no module ip_vs_twos: the scheduler of tcp-80-v4",
               "use a kernel that has it", "this kernel has no module ip_vs_twos"),
    "settings": (READ_ONLY, preserving, "net.ipv4.vs.sloppy_tcp is 0 and must be 1: preserve-connections",
                 "sysctl -w net.ipv4.vs.sloppy_tcp=1",
                 "net.ipv4.vs.sloppy_tcp is 0 and must be 1.*; it cannot be set: /proc/sys is read-only here"),
    "forwarding": (READ_ONLY, nat, "net.ipv4.ip_forward is 0 and must be 1: forwarding nat", "sysctl -w net.ipv4.ip_forward=1",
                   "net.ipv4.ip_forward is 0 and must be 1.*; it cannot be set: /proc/sys is read-only here"),
    "room": ([], lambda farm: daemons.agent_config(daemons.virtual(farm.pods, ADDRESS6)),
             "leaves 1260 octets of the MTU 1300 of eth0, and IPv6 needs 1280", "raise the MTU", "leaves 1260 octets"),
}


def test_it_does_not_run_half_working(farm):
    balancer = farm.balancers[0]
    before = {key: balancer.ipvs.sysctl(key) for key in PRESERVED}
    for what, (prefix, config, problem, todo, log) in REFUSED.items():
        balancer.ns.sysctl("net/ipv4/ip_forward", 0)
        for key, value in before.items():
            balancer.ipvs.sysctl(key, value)
        if what == "room":
            balancer.ns.ip("link set eth0 mtu 1300")
        code, output = agent(farm, config(farm), "--check", prefix=prefix)
        assert code == 1, f"without {what}: {output}"
        assert any(problem in found and todo in remedy for found, remedy in findings(output)["problem"]), output
        assert output.endswith("preflight.yaml: not good\n")
        code, output = agent(farm, config(farm), prefix=prefix)
        assert code == 1 and re.search(log, output), f"without {what}: exit code {code}: {output}"
        assert balancer.ipvs.services() == []


def test_what_cannot_be_set_is_written_out_for_the_operator(farm):
    """As commands, for a host, and for a pod: on standard output, and line by line in the log."""
    lines = ["sysctl -w net.ipv4.vs.sloppy_tcp=1 net.ipv4.vs.schedule_icmp=1 net.ipv4.vs.conn_reuse_mode=3",
             "    net.ipv4.vs.schedule_icmp = 1", '        - {name: net.ipv4.vs.conn_reuse_mode, value: "3"}',
             "kubelet --allowed-unsafe-sysctls=net.ipv4.vs.*"]
    _, told = agent(farm, preserving(farm), "--check", prefix=READ_ONLY)
    _, log = agent(farm, preserving(farm), prefix=READ_ONLY)
    for line in lines:
        assert f"{line}\n" in told
        assert re.search(f" error: .*{re.escape(line)}$", log, re.M), f"{line} in\n{log}"


def test_what_may_still_come_is_told_and_does_not_stop_it(farm):
    """Addresses that are not local yet, a way that is not there yet, and what depends on the servers."""
    balancer, service = farm.balancers[0], nat(farm)["services"][0]
    balancer.ns.batch("route del local 10.1.1.0/24 dev lo", "route del default")
    service["source"]["servers"].append({"address": "198.51.100.1"})
    config = daemons.agent_config(service, daemons.virtual(farm.pods, port=81))
    expected = {"tcp-80-v4: its address 10.1.1.1 is not local here": "ip route add local 10.1.1.1 dev lo",
                "tcp-80-v4: there is no route to its server 198.51.100.1": "a route to it",
                "tcp-80-v4: with nat the servers' answers must come back through here": "masquerade: true",
                "tcp-81-v4: packets of more than 1480 octets do not fit into the tunnel": "--real-server"}
    code, output = agent(farm, config, "--check")
    assert code == 1
    found = findings(output)
    assert not found["problem"] and len(found["not yet"]) == 3
    for what, todo in expected.items():
        assert any(what in f and todo in t for f, t in found["not yet"] + found["note"]), f"{what} in\n{output}"
    running = daemons.Agent(balancer, config).wait_settled()
    assert all(what in running.log() for what in expected)


def test_a_check_of_what_is_right_says_so_and_changes_nothing(farm):
    balancer = farm.balancers[0]
    writes = Writes(balancer.ns)
    settings = ("sloppy_tcp", "schedule_icmp", "conn_reuse_mode", "expire_nodest_conn", "conntrack")
    before = [balancer.ipvs.sysctl(s) for s in settings]
    code, output = agent(farm, preserving(farm), "--check")
    assert code == 0 and output.endswith("preflight.yaml: good\n"), output
    assert [t for f, t in findings(output)["note"] if "sloppy_tcp is 0 and must be 1" in f] == ["nothing: it is set at start"]
    assert writes.commands() == {} and [balancer.ipvs.sysctl(s) for s in settings] == before


PRESERVED = {"sloppy_tcp": "1", "schedule_icmp": "1", "conntrack": "0", "expire_nodest_conn": "0", "conn_reuse_mode": "3"}
WRONG = {"sloppy_tcp": 0, "schedule_icmp": 0, "conntrack": 1, "expire_nodest_conn": 1, "conn_reuse_mode": 1}


def test_preserve_connections_sets_what_it_needs_and_holds_it(farm):
    """Others' rules that rewrite sources do no harm to what is sent directly, since connection tracking is kept away from it."""
    balancer, ipvs = farm.balancers[0], farm.balancers[0].ipvs
    balancer.ns.ip("addr add 172.16.0.200/16 dev eth0")
    balancer.ns.run("iptables-legacy -t nat -A POSTROUTING -o eth0 -j SNAT --to-source 172.16.0.200".split())
    farm.prepare("dr")
    farm.route_service(balancer)

    def spoil():
        for key, value in WRONG.items():
            ipvs.sysctl(key, value)
    spoil()
    config = preserving(farm, forward="dr")
    running = daemons.Agent(balancer, config).wait_settled()
    for moment in ("start", "comparison"):
        wait_until(lambda: {k: ipvs.sysctl(k) for k in WRONG} == PRESERVED, 10, f"the settings after the {moment}")
        assert traffic.spread(farm.client, ADDRESS, 2) == {"web1": 2}
        for key in WRONG:
            assert re.search(rf"net.ipv4.vs.{key} was .* and is set to {PRESERVED[key]}: ", running.log())
        spoil()
    assert ipvs.rules()[0] == f"-A -t {ADDRESS}:80 -s mh -b mh-fallback,mh-port"


def test_a_whole_life_with_one_capability_and_no_root(farm):
    """Checks, also through the tunnel, a server that dies, a drain, settings, the end."""
    farm.add(pods=2)
    balancer, pods = farm.balancers[0], farm.pods
    farm.prepare("tun")
    farm.route_service(balancer)
    directory = "/run/nobody"
    os.mkdir(directory)
    os.chown(directory, 65534, 65534)
    check = {"type": "tcp", "interval": "100ms", "timeout": "80ms", "rise": 2, "fall": 2}
    inside = {**check, "through": "tunnel", "name": "inside"}
    file = daemons.Endpoints(farm.lab).write(pods)
    config = {**daemons.agent_config(daemons.virtual(file.source, port=TALK_PORT, checks=[check, inside], drain={"time": 3600}),
                                     preserve_connections=True, control={"socket": f"{directory}/agent.sock"}), "defaults": {}}
    config["ipvs"]["state-file"] = f"{directory}/agent.state"
    code, output = agent(farm, config, "--check", prefix=ONLY_NET_ADMIN)
    assert code == 0, f"settings that only need the capability can be set: {output}"
    running = daemons.Agent(balancer, config, prefix=ONLY_NET_ADMIN)
    running.socket = config["control"]["socket"]
    running.wait_weights(pods, port=TALK_PORT).wait_settled()
    with open(f"/proc/{running.process.pid}/status") as f:
        status = f.read()
    assert re.search(r"^Uid:\s+65534\s+65534\s+65534\s+65534$", status, re.M)
    assert re.search(r"^CapEff:\s+0*1000$", status, re.M), "CAP_NET_ADMIN and nothing else"
    assert {k: balancer.ipvs.sysctl(k) for k in PRESERVED} == PRESERVED
    assert {r["check"] for r in running.show("checks") if r["up"]} == {"tcp", "inside"}
    talks = farm.talks.open(farm.client, ADDRESS, 30)
    pods[0].cut()
    running.wait_weights({pods[0]: 0, pods[1]: 1, pods[2]: 1}, port=TALK_PORT)
    pods[0].mend()
    running.wait_weights(pods, port=TALK_PORT)
    running.ctl("drain", pods[2].name)
    running.wait_weights({pods[0]: 1, pods[1]: 1, pods[2]: 0}, port=TALK_PORT)
    farm.talks.wait_answered(talks, 2)
    assert farm.talks.broken() == []
    assert running.process.terminate() == 0
    assert balancer.ipvs.services() == []
