"""rrd, lb-announcer, lb-ipvs-agent and rrctl of this tree, with the configurations of the paper's Appendices B, C and D as values.

The programs come from the directory RRD_BUILD names, or from the first build directory found. A configuration is a
dictionary made by one of the functions here; a test changes it before it starts the daemon.
"""
import json
import os
import signal
import subprocess

import yaml

from . import fig4
from .lbfarm import ADDRESS
from .wait import wait_until

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILDS = ("build/sanitizers", "build/plain", "build/demo", "build", ".")


def helper(name):
    """A program of bench/parts; built when it is not there yet."""
    try:
        return binary(f"bench/parts/{name}")
    except FileNotFoundError:
        build = os.path.dirname(binary("rrd"))
        subprocess.run(["make", "-s", "-C", build, f"bench/parts/{name}"], check=True, stdout=subprocess.DEVNULL)
        return binary(f"bench/parts/{name}")


def binary(name):
    places = [os.environ["RRD_BUILD"]] if os.environ.get("RRD_BUILD") else [os.path.join(TOP, b) for b in BUILDS]
    for place in places:
        path = os.path.abspath(os.path.join(place, name))
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{name} is not in {' or '.join(places)}: build it, or set RRD_BUILD to its directory")


class Dumper(yaml.SafeDumper):
    """Writes everything out: the programs take no anchors."""

    def ignore_aliases(self, data):
        return True


def dump(config):
    return yaml.dump(config, Dumper=Dumper, sort_keys=False, default_flow_style=False)


# Configurations.

def reflector_config(routers=(fig4.ROUTER,), address=fig4.REFLECTOR, address6=None):
    """Appendix C: pods by range, all paths to the router."""
    config = {
        "router": {"as": fig4.AS, "router-id": address, "cluster-id": fig4.REFLECTOR},
        "listen": [{"address": address, "port": 179}],
        "peer-groups": {
            "k8s": {
                "peer-as": fig4.AS,
                "route-reflector-client": True,
                "passive": True,
                "hold-time": 9,
                "import": {"prefixes": ["10.1.0.0/16 le 24"], "next-hops": ["10.0.0.0/16"], "max-prefixes": 16},
                "export": "none",
            },
            "routers": {
                "peer-as": fig4.AS,
                "route-reflector-client": True,
                "hold-time": 9,
                "add-paths": {"send": "all"},
            },
        },
        "dynamic-neighbors": [{"prefix": "172.16.0.0/16", "peer-group": "k8s", "limit": 4096}],
        "neighbors": [{"address": r, "peer-group": "routers"} for r in routers],
        "log": {"to": "stderr", "level": "debug"},
    }
    if address6:
        config["listen"].append({"address": address6, "port": 179})
        config["dynamic-neighbors"].append({"prefix": "fd00:172::/32", "peer-group": "k8s", "limit": 4096})
    if address6 or ":" in "".join(routers):
        two_families(config)
    return config


def two_families(config):
    """IPv6 beside IPv4, over whichever transport."""
    for group in config["peer-groups"].values():
        group["families"] = ["ipv4-unicast", "ipv6-unicast"]
        if "import" in group:
            group["import"]["prefixes"].append("fd00:1::/32 le 64")
            group["import"]["next-hops"].append("fd00:10::/64")
    return config


def router_config(reflectors=(fig4.REFLECTOR,)):
    """Appendix B: paths from the reflectors, one multipath route per service in the kernel."""
    return {
        "router": {"as": fig4.AS, "router-id": fig4.ROUTER},
        "listen": [{"address": fig4.ROUTER, "port": 179}],
        "peer-groups": {"reflectors": {"peer-as": fig4.AS, "hold-time": 9, "add-paths": {"receive": True}}},
        "neighbors": [{"address": r, "peer-group": "reflectors"} for r in reflectors],
        # The unit is an announcer's bandwidth when nothing is said of it: so each weighs 1.
        "fib": {"enabled": True, "table": "main", "metric": 20, "protocol": "bgp"},
        "log": {"to": "stderr", "level": "debug"},
    }


def announcer_config(pod, prefixes=(fig4.SERVICE,), reflectors=(fig4.REFLECTOR,)):
    """Appendix D: the pod's own identity, the node's address as next hop. It leaves without draining: tests that
    measure how soon something is withdrawn mean just that, and tests of the drain give it time."""
    return {
        "router": {"as": fig4.AS, "router-id": pod.address},
        "neighbors": [{"address": r, "peer-as": fig4.AS, "hold-time": 9} for r in reflectors],
        "services": [{"prefix": p, "next-hop": pod.node.address6 if ":" in p else pod.node.address}
                     for p in prefixes],
        "drain": {"time": 0, "linger": 0},
        "log": {"to": "stderr", "level": "debug"},
    }


# Daemons.

class Daemon:
    """A daemon of ours, its configuration and its control socket. files: {path: the file that it sees there}; prefix: words
    of a command that starts it with rights of its own"""
    role = ()  # what a program that is several daemons is told first

    def __init__(self, ns, program, config, name=None, env=None, arguments=(), files=None, prefix=()):
        self.ns, self.program = ns, program
        self.name = name or f"{program}-{ns.name}"
        self.socket = f"/run/{self.name}.sock"
        self.config, self.env, self.arguments = config, env, list(arguments)
        self.process = None
        mounts = "".join(f"mount --bind {mine} {theirs} && " for theirs, mine in (files or {}).items())
        self.prefix = ["unshare", "--mount", "sh", "-c", f'{mounts}exec "$@"', "sh"] if mounts else []
        self.prefix += prefix
        self.start()

    def start(self):
        """Starts it, or starts it again; does not wait for more than the process."""
        self.config.setdefault("control", {"socket": self.socket})
        argv = [*self.prefix, binary(self.program), *self.role, "-c", self.write(), *self.arguments]
        self.process = self.ns.start(argv, self.name, env=self.env, ours=True)
        self.process.handles_term = True
        return self

    def write(self):
        """Its configuration as a file, which is told."""
        return self.ns.lab.file(f"{self.name}.yaml", dump(self.config))

    def log(self):
        return self.process.log()

    def wait_for_log(self, text, timeout=10):
        return self.process.wait_for_log(text, timeout)

    def show(self, *words):
        """The rows of `rrctl --json show WORDS`."""
        out = self.ctl("--json", "show", *" ".join(words).split())
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def ctl(self, *words, check=True):
        whom = ["-n"] if self.role else {"lb-announcer": ["-a"], "lb-ipvs-agent": ["-i"]}.get(self.program, [])
        return self.ns.run([binary("rrctl"), *whom, "--socket", self.socket, *words], check=check)

    def wait_until_ready(self):
        """Waits until it answers on its control socket."""
        def fact():
            assert self.process.running, f"{self.name} has ended with {self.process.popen.returncode}"
            self.show("status")
            return True
        wait_until(fact, 10, f"{self.name} to answer on its control socket")
        return self

    # Another configuration.

    def status(self):
        return self.show("status")[0]

    def rewrite(self, config):
        """The daemon's file says something else from now on; the daemon does not know it yet."""
        self.config = {"control": self.config["control"], **config}
        self.write()
        return self

    def reload(self, config=None):
        """SIGHUP, with another configuration if one is given; waits until it was taken or refused and returns the status."""
        before = self.status()
        if config is not None:
            self.rewrite(config)
        self.process.signal(signal.SIGHUP)

        def fact():
            now = self.status()
            return now if any(now[k] != before[k] for k in ("reloads", "reloads-refused")) else None
        return wait_until(fact, 10, f"{self.name} to have read its configuration again")

    # Neighbors, as rows by address.

    def neighbors(self):
        return {row["address"]: row for row in self.show("neighbors")}

    def state(self, address):
        row = self.neighbors().get(address)
        return row["state"].lower() if row else None

    def wait_established(self, *addresses, timeout=15):
        """Waits until the sessions with all these addresses are up."""
        def fact():
            states = {a: self.state(a) for a in addresses}
            assert all(s == "established" for s in states.values()), f"states: {states}"
            return True
        wait_until(fact, timeout, f"{self.name}: sessions with {', '.join(addresses)} to be established")
        return self


def reflector(fig, config=None, ns=None):
    return Daemon(ns or fig.reflector, "rrd", config or reflector_config())


def router(fig, config=None):
    return Daemon(fig.router, "rrd", config or router_config())


def announcer(pod, prefixes=(fig4.SERVICE,), config=None, env=None):
    return Daemon(pod.ns, "lb-announcer", config or announcer_config(pod, prefixes), env=env)


class NodeRoutes(Daemon):
    """lb-announcer --node of a node of Fig. 4."""
    role = ("--node",)

    def __init__(self, node, name=None, env=None, **more):
        self.node = node
        self.registry = f"/run/{name or ''}registry-{node.name}.sock"
        settings = {"socket": self.registry, "services": ["10.1.0.0/16", "fd00:1::/32"],
                    "pods": [node.overlay, node.overlay6], "restart-time": 2, "sysctls": "set",
                    **{key.replace("_", "-"): value for key, value in more.items()}}
        config = {"node": settings, "log": {"to": "stderr", "level": "debug"}}
        super().__init__(node.ns, "lb-announcer", config, name=f"{name or 'node'}-{node.name}", env=env)

    def services(self):
        """{(prefix, pod): row}"""
        return {(row["prefix"], row["pod"]): row for row in self.show("services")}


def registered(pod, prefixes=(fig4.SERVICE,), **more):
    """An announcer that registers with its node's lb-announcer --node."""
    config = announcer_config(pod, prefixes)
    config["node-route"] = {"socket": f"/run/registry-{pod.node.name}.sock"}
    if all(":" in p for p in prefixes):
        config["router"]["local-address"] = pod.address6
        config["neighbors"][0]["local-address"] = "auto"
    config.update(more)
    pod.daemon = announcer(pod, config=config)
    return pod.daemon


class System:
    """The whole of Fig. 4, running: a reflector, a router, and pods as they are added."""

    def __init__(self, lab, reflector_cfg=None, router_cfg=None, nodes=3):
        self.fig = fig4.Fig4(lab, nodes)
        self.lab = lab
        self.reflector = reflector(self.fig, reflector_cfg)
        self.router = router(self.fig, router_cfg)

    def add_announcer(self, node=None, prefixes=(fig4.SERVICE,), serve=False, config=None):
        """A pod with an announcer. serve: it also answers, and its node's route leads to it."""
        pod = self.fig.add_pod(node)
        if serve:
            pod.serve()
            for prefix in prefixes:
                pod.node.route_service(prefix, pod)
        pod.daemon = announcer(pod, prefixes, config)
        return pod

    def wait_for_hops(self, hops, prefix=fig4.SERVICE, timeout=15):
        """Waits until the router's kernel has exactly these next hops: {node: weight}, or node names (weight 1)."""
        wanted = hops if isinstance(hops, dict) else {h: 1 for h in hops}

        def fact():
            found = self.fig.hops(prefix)
            assert found == wanted, f"the kernel has {found}"
            return True
        wait_until(fact, timeout, f"{prefix} via {wanted or 'nothing'} in the router's kernel")


# lb-ipvs-agent.

def listed(members, service=ADDRESS, **more):
    """Members of a farm as an endpoint file or `servers` has them."""
    return [{"address": m.at(service), "name": m.name, **more} for m in members]


def virtual(source, address=ADDRESS, port=80, protocol="tcp", **more):
    """A service of the agent's configuration. source: members, or the text of `source` as it is."""
    if not isinstance(source, dict):
        source = {"servers": listed(source, address)}
    return {"name": more.pop("name", f"{protocol}-{port}-v{6 if ':' in address else 4}"), "address": address, "port": port,
            "protocol": protocol, **more, "source": source}


def agent_config(*services, **more):
    """TUN and rr unless a service says otherwise; what others changed is looked for each second."""
    config = {"defaults": {"forward": "tun", "scheduler": "rr"}, "services": list(services),
              "ipvs": {"compare-interval": 1}, "log": {"to": "stderr", "level": "debug"}}
    for key, value in more.items():
        config[key.replace("_", "-")] = value
    return config


class Endpoints:
    """An endpoint file, replaced by renaming as any careful writer does."""

    def __init__(self, lab, name="web.yaml"):
        self.lab = lab
        self.path = lab.file(name, "servers: []\n")
        self.source = {"file": self.path}

    def write(self, members, service=ADDRESS):
        """members: of a farm, or rows; JSON, which is quick for thousands."""
        rows = [m if isinstance(m, dict) else listed([m], service)[0] for m in members]
        return self.write_text(json.dumps({"servers": rows}))

    def write_text(self, text):
        os.rename(self.lab.file(os.path.basename(self.path) + ".new", text), self.path)
        return self


class Agent(Daemon):
    """lb-ipvs-agent in a load balancer of a farm."""

    def __init__(self, balancer, config, **more):
        self.balancer, self.ipvs = balancer, balancer.ipvs
        config.setdefault("ipvs", {}).setdefault("state-file", f"/run/lb-ipvs-agent-{balancer.name}.state")
        super().__init__(balancer.ns, "lb-ipvs-agent", config, **more)

    def wait_settled(self, timeout=15):
        """Waits until the kernel is as wished, for the first time or again."""
        def fact():
            assert self.process.running, f"{self.name} has ended with {self.process.popen.returncode}"
            status = self.status()
            return status["ready"] and status["settled"]
        wait_until(fact, timeout, f"{self.name} to have the kernel as it wants it")
        return self

    def servers(self, service=""):
        """{server's name or address: row}"""
        return {row.get("name") or row["server"]: row for row in self.show(f"servers {service}")}

    def states(self, service=""):
        return {name: row["state"] for name, row in self.servers(service).items()}

    def wait_weights(self, weights, address=ADDRESS, port=80, protocol="TCP", timeout=15):
        """Waits until the kernel has exactly these servers: {member: weight}, or members (weight 1)."""
        wanted = weights if isinstance(weights, dict) else {m: 1 for m in weights}
        wanted = {m.at(address): w for m, w in wanted.items()}

        def fact():
            found = self.ipvs.weights(address, port, protocol)
            assert found == wanted, f"the kernel has {found}"
            return True
        wait_until(fact, timeout, f"{wanted} in the kernel of {self.balancer.name}")
        return self

    def rewrite(self, config):
        config = {**config, "control": self.config["control"]}
        config.setdefault("ipvs", {}).setdefault("state-file", f"/run/lb-ipvs-agent-{self.balancer.name}.state")
        return super().rewrite(config)

    def kill_and_restart(self):
        """As a crash would."""
        self.process.kill()
        return self.start()
