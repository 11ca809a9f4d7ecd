"""The three systems on the topology of the paper's Fig. 4: reflector, router, and how an announcer is started.

ours    lb-announcer -> rrd as reflector -> rrd as router
bird    BIRD in all three places
paper   ExaBGP -> GoBGP as reflector -> GoBGP with FRR's zebra as router
All log to a file at their usual level. Hold time 9 s, the paper's announcer 1800 s: it plays no part in what is measured.
"""
import os
import re

from lab import daemons, fig4, peers
from lab.wait import wait_until

from .programs import first_line, package, program

HERE = os.path.dirname(os.path.abspath(__file__))
ZEBRA = "/usr/lib/frr/zebra"


def compiled(lab, name):
    """A helper in C, compiled into the lab's directory once."""
    target = os.path.join(lab.directory, name)
    if not os.path.exists(target):
        lab.run([os.environ.get("CC", "cc"), "-O2", "-o", target, os.path.join(HERE, f"{name}.c")])
    return target


class System:
    """fig: the networks. Subclasses start reflector and router in start()."""

    name = title = None

    def __init__(self, fig):
        self.fig, self.lab = fig, fig.lab

    def start(self):
        raise NotImplementedError

    def announcer(self, pod):
        """(argv, environment) of the announcer of a pod; argv[0] is a path."""
        raise NotImplementedError

    @classmethod
    def missing(cls):
        """What is not installed, in words, or None."""
        for name in cls.programs:
            try:
                program(name)
            except FileNotFoundError as e:
                return str(e)
        return None


class Ours(System):
    name, title = "ours", "rrd"
    programs = ()

    @classmethod
    def missing(cls):
        try:
            daemons.binary("rrd")
        except FileNotFoundError as e:
            return str(e)
        return None

    @classmethod
    def version(cls):
        return first_line(daemons.binary("rrd"), "--version")

    @staticmethod
    def quieter(config):
        config["log"]["level"] = "info"
        return config

    def start(self):
        reflector = daemons.reflector(self.fig, self.quieter(daemons.reflector_config()))
        daemons.router(self.fig, self.quieter(daemons.router_config()))
        reflector.wait_established(fig4.ROUTER)

    def announcer(self, pod):
        config = self.quieter(daemons.announcer_config(pod))
        config["control"] = {"socket": f"/run/lb-announcer-{pod.name}.sock"}
        path = self.lab.file("announcer.yaml", daemons.dump(config))
        return [daemons.binary("lb-announcer"), "-c", path], {}


class Bird(System):
    name, title = "bird", "BIRD"
    programs = ("bird", "birdc")

    @classmethod
    def version(cls):
        return first_line(program("bird"), "--version")

    def start(self):
        pods = peers.bird_session("range 172.16.0.0/16", client=True, name="pods", extra='dynamic name "pod";',
                                  families=("ipv4",), export="none")
        router = peers.bird_session(fig4.ROUTER, client=True, add_paths="tx", name="upstream", families=("ipv4",))
        # Resolves next hops, which are iBGP's and so looked up like any address.
        reflector = peers.Bird(self.fig.reflector, fig4.REFLECTOR, f"protocol direct {{ ipv4; }}{router}{pods}")
        peers.bird_router(self.fig)
        wait_until(lambda: reflector.established(1), 20, "BIRD's session between router and reflector")

    def announcer(self, pod):
        session = peers.bird_session(fig4.REFLECTOR, pod.address, families=("ipv4",),
                                     export=f"filter {{ bgp_next_hop = {pod.node.address}; accept; }}")
        path = self.lab.file("announcer.conf", f"""
            log stderr all;
            router id {pod.address};
            protocol device {{ }}
            protocol static {{ ipv4; route {fig4.SERVICE} blackhole; }}
            {session}""")
        return [program("bird"), "-f", "-c", path, "-s", "/run/bird-announcer.ctl"], {}


class Paper(System):
    name, title = "paper", "ExaBGP + GoBGP + zebra"
    programs = ("exabgp", "gobgpd", "gobgp", ZEBRA)
    hold_time = 1800

    @classmethod
    def version(cls):
        return ", ".join(package(name) for name in ("exabgp", "gobgpd", "frr"))

    def start(self):
        self.start_zebra()
        self.reflector = self.gobgpd(self.fig.reflector, f"""
[global.config]
  as = {fig4.AS}
  router-id = "{fig4.REFLECTOR}"
[global.use-multiple-paths.config]
  enabled = true
[[peer-groups]]
  [peer-groups.config]
    peer-group-name = "k8s"
    peer-as = {fig4.AS}
  [[peer-groups.afi-safis]]
    [peer-groups.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
[[dynamic-neighbors]]
  [dynamic-neighbors.config]
    prefix = "172.16.0.0/16"
    peer-group = "k8s"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{fig4.ROUTER}"
    peer-as = {fig4.AS}
  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "{fig4.REFLECTOR}"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 255
""")
        self.gobgpd(self.fig.router, f"""
[global.config]
  as = {fig4.AS}
  router-id = "{fig4.ROUTER}"
[global.use-multiple-paths.config]
  enabled = true
[zebra.config]
  enabled = true
  url = "unix:/run/frr/for-gobgp.api"
  redistribute-route-type-list = ["static"]
  version = 6
  software-name = "frr8.2"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{fig4.REFLECTOR}"
    peer-as = {fig4.AS}
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.add-paths.config]
      receive = true
""")
        wait_until(lambda: re.search(r'"?session_state"?:\s*"?(6|ESTABLISHED)', self.fig.router.run(
            ["gobgp", "-j", "neighbor", fig4.REFLECTOR])), 60, "GoBGP's session between router and reflector")

    def start_zebra(self):
        """zebra wants a user of its own and a directory for it in /var/tmp, which here is a private one."""
        self.lab.run(["install", "-d", "-o", "frr", "-g", "frr", "/run/frr"])
        for old in ("zserv.api", "for-gobgp.api", "zebra.vty"):
            self.lab.run(["rm", "-f", f"/run/frr/{old}"])
        self.lab.run(["install", "-o", "frr", "-g", "frr", "-m", "644", "/dev/null", "/run/frr/zebra.conf"])
        script = f"""mount -t tmpfs none /var/tmp && install -d -o frr -g frr /var/tmp/frr && \
            exec {ZEBRA} -u frr -g frr -f /run/frr/zebra.conf -i /run/frr/zebra.pid -z /run/frr/zserv.api \
            --vty_socket /run/frr -A 127.0.0.1 -P 0 --log stdout"""
        self.fig.router.start(["unshare", "--mount", "/bin/sh", "-c", script], "zebra")
        wait_until(lambda: os.path.exists("/run/frr/zserv.api"), 10, "zebra's socket")
        self.fig.router.start([compiled(self.lab, "zebra_proxy"), "/run/frr/for-gobgp.api", "/run/frr/zserv.api"],
                              "zebra-proxy")
        wait_until(lambda: os.path.exists("/run/frr/for-gobgp.api"), 10, "the proxy's socket")

    def gobgpd(self, ns, config):
        path = self.lab.file(f"gobgpd-{ns.name}.toml", config)
        return ns.start([program("gobgpd"), "-t", "toml", "-f", path, "--api-hosts", "127.0.0.1:50051",
                         "--pprof-disable"], f"gobgpd-{ns.name}")

    def announcer(self, pod):
        path = self.lab.file(f"announcer-{pod.name}.conf", f"""
neighbor {fig4.REFLECTOR} {{
    router-id {pod.address};
    local-address {pod.address};
    local-as {fig4.AS};
    peer-as {fig4.AS};
    hold-time {self.hold_time};
    family {{ ipv4 unicast; }}
    static {{ route {fig4.SERVICE} next-hop {pod.node.address}; }}
}}
""")
        environment = {"exabgp_daemon_user": "root", "exabgp_daemon_daemonize": "false", "exabgp_api_cli": "false",
                       "exabgp_log_destination": "stdout", "exabgp_log_level": "INFO", "exabgp_log_all": "false",
                       "exabgp_tcp_bind": ""}
        return [program("exabgp"), path], environment


SYSTEMS = {s.name: s for s in (Ours, Bird, Paper)}
