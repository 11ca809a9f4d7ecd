"""Every forwarding mode, and everything a service can be, by lb-ipvs-agent in a real IPVS.

    client -- router -- overlay -- lb1 (lb-ipvs-agent), web1 ... web3
"""
import pytest

from lab import daemons, lbfarm, traffic, wait_until
from lab.ipvs import name
from lab.lbfarm import ADDRESS, ADDRESS6, FAMILIES

ALL = {"web1", "web2", "web3"}


@pytest.mark.parametrize("mode", ["tun", "dr", "nat", "masquerade"])
def test_requests_are_answered_by_all_servers(lab, mode):
    """Both families, TCP and UDP."""
    farm = lbfarm.LbFarm(lab)
    balancer = farm.balancers[0]
    forward = "nat" if mode == "masquerade" else mode
    farm.route_service(balancer)
    farm.prepare(forward, balancer if mode == "nat" else None)
    services = [daemons.virtual(farm.pods, address, protocol=protocol, forward=forward)
                for address in FAMILIES.values() for protocol in ("tcp", "udp")]
    agent = daemons.Agent(balancer, daemons.agent_config(*services, masquerade=mode == "masquerade"))
    # In the kernel is no service that is not ready to be used.
    for address in FAMILIES.values():
        for protocol in ("TCP", "UDP"):
            agent.wait_weights(farm.pods, address, protocol=protocol)
        assert traffic.spread(farm.client, address, 6) == {n: 2 for n in ALL}
        probes = traffic.Probes(farm.client, address, ports=12)
        wait_until(lambda: set(probes.servers) == ALL, 10, "UDP answers of all three")
        assert probes.stop().refused == 0
        assert {d.forward for d in balancer.ipvs.dests(address).values()} == {forward}


SCHEDULERS = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]


def test_all_schedulers_of_this_kernel(lab):
    farm = lbfarm.LbFarm(lab, pods=1)
    pod = farm.pods[0]
    services = [daemons.virtual([pod], port=8000 + n, scheduler=scheduler) for n, scheduler in enumerate(SCHEDULERS)]
    agent = daemons.Agent(farm.balancers[0], daemons.agent_config(*services)).wait_settled()
    assert {s.port: s.scheduler for s in agent.ipvs.services()} == {8000 + n: scheduler for n, scheduler in enumerate(SCHEDULERS)}
    assert all([d.address for d in s.dests] == [pod.address] for s in agent.ipvs.services())


# A service's keys, and what `ipvsadm -S -n` shows of it and of its server.
DETAILS = [
    ({"scheduler": "mh"}, "-s mh -b mh-fallback,mh-port", ""),
    ({"scheduler": "mh", "flags": ["mh-port"]}, "-s mh -b mh-port", ""),
    ({"scheduler": "sh", "flags": ["sh-fallback"]}, "-s sh -b sh-fallback", ""),
    ({"scheduler": "rr", "persistence": {"timeout": 77}}, "-s rr -p 77", ""),
    ({"scheduler": "rr", "persistence": {"timeout": 90, "prefix-length": 24}}, "-s rr -p 90 -M 255.255.255.0", ""),
    ({"scheduler": "wlc", "weight": 7}, "-s wlc", "-w 7"),
    ({"scheduler": "wlc", "upper-threshold": 20, "lower-threshold": 5}, "-s wlc", ""),
    ({"scheduler": "wrr", "protocol": "udp", "one-packet": True}, "-s wrr -o", ""),
    ({"scheduler": "rr", "forward": "nat", "server-port": 8080}, "-s rr", "-m -w 1"),
    ({"scheduler": "rr", "forward": "dr"}, "-s rr", "-g -w 1"),
    ({"scheduler": "rr", "tunnel": {"type": "gue", "port": 6080}}, "-s rr",
     "-i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum"),
    ({"scheduler": "rr", "tunnel": {"type": "gre", "checksum": "csum"}}, "-s rr", "-i -w 1 --tun-type gre --tun-csum"),
    ({"scheduler": "rr", "protocol": "sctp"}, "-s rr", ""),
    ({"scheduler": "rr", "address": ADDRESS6, "persistence": {"timeout": 60, "prefix-length": 64}},
     "-s rr -p 60 -M 64", ""),
]
OPTION = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}


def test_what_is_configured_is_in_the_kernel_to_the_last_flag(lab):
    farm = lbfarm.LbFarm(lab, pods=1)
    pod = farm.pods[0]
    services, wanted = [], set()
    for n, (keys, service, dest) in enumerate(DETAILS):
        keys = dict(keys)
        address, protocol, port = keys.pop("address", ADDRESS), keys.pop("protocol", "tcp"), 9000 + n
        services.append(daemons.virtual([pod], address, port, protocol, **keys))
        where = f"{OPTION[protocol]} {name(address, port)}"
        wanted.add(f"-A {where} {service}")
        wanted.add(f"-a {where} -r {name(pod.at(address), keys.get('server-port', port))} "
                   + (dest if dest[:2] in ("-i", "-m", "-g") else f"-i {dest or '-w 1'} --tun-type ipip"))
    mark = {"name": "marked", "mark": 7, "family": "ipv4", "scheduler": "rr", "forward": "tun",
            "source": {"servers": daemons.listed([pod])}}
    services.append(mark)
    wanted |= {"-A -f 7 -s rr", f"-a -f 7 -r {pod.address}:0 -i -w 1 --tun-type ipip"}
    daemons.Agent(farm.balancers[0], daemons.agent_config(*services)).wait_settled()
    found = set(farm.balancers[0].ipvs.rules())
    assert found == wanted, f"missing: {sorted(wanted - found)}, instead: {sorted(found - wanted)}"
    limits = farm.balancers[0].ipvs.admin(f"-Ln --thresholds -t {ADDRESS}:9006").split()
    assert limits[-4:-2] == ["20", "5"]


def test_timeouts_and_settings_are_written(lab):
    farm = lbfarm.LbFarm(lab, pods=1)
    ipvs = farm.balancers[0].ipvs
    config = daemons.agent_config(daemons.virtual(farm.pods), timeouts={"tcp": 800, "tcp-fin": 40, "udp": 33},
                                  sysctls={"sloppy-tcp": 1, "schedule-icmp": 1})
    daemons.Agent(farm.balancers[0], config).wait_settled()
    assert "800 40 33" in ipvs.admin("-L --timeout")
    assert (ipvs.sysctl("sloppy_tcp"), ipvs.sysctl("schedule_icmp")) == ("1", "1")


def test_a_thousand_servers_and_many_changes_end_as_the_last_file_says(lab):
    farm = lbfarm.LbFarm(lab, pods=0)
    rows = [{"address": f"172.16.{8 + n // 250}.{1 + n % 250}"} for n in range(1000)]
    file = daemons.Endpoints(lab).write(rows)
    agent = daemons.Agent(farm.balancers[0], daemons.agent_config(daemons.virtual(file.source, scheduler="mh")))
    wait_until(lambda: len(agent.ipvs.weights(ADDRESS)) == 1000, 30, "a thousand servers")
    for n in range(20):
        rows = lab.random.sample(rows, 900) + [{"address": f"172.16.{100 + n}.{m}"} for m in range(1, 101)]
        for row in lab.random.sample(rows, 100):
            row["weight"] = lab.random.randrange(1, 4)
        file.write(rows)
    wanted = {row["address"]: row.get("weight", 1) for row in rows}
    wait_until(lambda: agent.ipvs.weights(ADDRESS) == wanted, 60, "the last file's servers and no others")
    order = agent.ipvs.order(ADDRESS)
    wait_until(lambda: agent.show("services")[0]["ordered"], 30, "the canonical order")
    order = agent.ipvs.order(ADDRESS)
    assert order == sorted(order, key=lambda a: [int(x) for x in a.split(".")])
