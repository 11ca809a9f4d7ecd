"""Thousands of real lb-announcers in one network namespace, each with an address of its own, and the reflectors they speak to."""
import json
import os
import re

from lab import daemons, pair
from lab.wait import wait_until

SERVICES = 20
ROUTER, PODS = "10.0.0.110", "10.0.0.100"
# Starts and ends all announcers; lb-announcer by lb-announcer in a shell would be the shell that is measured.
FARM = """
import os, signal, sys
program, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
null = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1)]
pids = [os.posix_spawn(program, [program, "-c", f"{directory}/announcer-{i}.yaml"], os.environ, file_actions=actions)
        for i in range(count)]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("started", flush=True)
signal.sigwait([signal.SIGTERM])
for pid in pids:
    os.kill(pid, signal.SIGTERM)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in pids))
"""


def address(i):
    return f"172.16.{i // 250}.{i % 250 + 1}"


def announcer_config(i, hold_time_s, reflectors=pair.BOTH, bfd=None):
    more = {"bfd": bfd} if bfd else {}
    return {
        "router": {"as": 65021, "router-id": address(i), "local-address": address(i)},
        "neighbors": [{"address": a, "peer-as": 65021, "hold-time": hold_time_s, **more} for a in reflectors],
        "services": [{"prefix": f"10.1.{i % SERVICES}.0/24", "next-hop": f"10.2.{i // 250}.{i % 250 + 1}", "local-route": False}],
        "drain": {"time": 0, "linger": 0},
        "control": {"socket": f"/run/announcer-{i}.sock"},
        "log": {"to": "stderr", "level": "warning"},
    }


class Farm:
    """A network with the namespace of all announcers. count: of them; bfd: the same for all, or None."""

    def __init__(self, lab, count, hold_time_s, bfd=None):
        self.lab, self.count, self.hold_time_s, self.bfd = lab, count, hold_time_s, bfd
        lan = lab.ns("lan")
        lan.batch("link add br0 type bridge", "link set br0 up")
        self.spaces = {}
        for name, address4 in (("reflector1", pair.BOTH[0]), ("reflector2", pair.BOTH[1]), ("router", ROUTER), ("pods", PODS)):
            self.spaces[name] = lab.ns(name)
            lab.port(lan, "br0", self.spaces[name], "eth0")
            self.spaces[name].batch(f"addr add {address4}/16 dev eth0", f"route add 172.16.0.0/16 via {PODS}" if name != "pods"
                                    else "route add local 172.16.0.0/16 dev lo")
        # The next hops are the router's neighbors, for it to take them.
        self.spaces["router"].batch("addr add 10.2.0.254/16 dev eth0")
        for name in ("reflector1", "reflector2", "router", "pods"):
            # As a machine for that many neighbors is set up; see the guide.
            self.spaces[name].sysctl("net/core/somaxconn", 65535)

    def quiet(self, config):
        config["log"]["level"] = "warning"
        return config

    def reflector_config(self, address4):
        config = pair.reflector_config(address4, self.hold_time_s)
        config["peer-groups"]["k8s"]["import"].pop("next-hops")
        config["dynamic-neighbors"][0]["limit"] = self.count
        if self.bfd:
            config["peer-groups"]["k8s"]["bfd"] = self.bfd
        return self.quiet(config)

    def start(self, reflectors=pair.BOTH):
        """All announcers, which speak to these; the process that ends them."""
        for i in range(self.count):
            config = announcer_config(i, self.hold_time_s, reflectors, self.bfd)
            self.lab.file(f"announcer-{i}.yaml", json.dumps(config))
        farm = self.spaces["pods"].start(["/usr/bin/python3", "-c", FARM, daemons.binary("lb-announcer"), self.lab.directory,
                                          self.count], "farm", ours=True)
        farm.wait_for_log("started", 300)
        for address4, name in zip(reflectors, ("reflector1", "reflector2")):
            daemon = getattr(self, name)
            wait_until(lambda d=daemon: farm.running and farm.log().count("\n") <= 1 and established(d) == self.count, 300,
                       f"all to be at {address4}", 0.5)
        return farm


class Pair(Farm):
    """With two reflectors and a router."""

    def __init__(self, lab, count, hold_time_s):
        super().__init__(lab, count, hold_time_s)
        self.reflector1, self.reflector2 = (daemons.Daemon(self.spaces[f"reflector{n}"], "rrd", self.reflector_config(a))
                                            for n, a in enumerate(pair.BOTH, 1))
        self.router = daemons.Daemon(self.spaces["router"], "rrd", self.quiet(pair.router_config(hold_time_s)))
        self.router.wait_established(*pair.BOTH)


def established(daemon):
    return sum(row["neighbors"] - row["waiting"] for row in daemon.show("ranges"))


def paths(daemon):
    return daemon.status()["ipv4-unicast"]["paths"]


def cpu_s(daemon):
    with open(f"/proc/{daemon.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1)) / 1024
