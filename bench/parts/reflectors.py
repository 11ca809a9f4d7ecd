"""rrd and the peers, each as who knows it would set it up for speed with the same behaviour: clients of a reflector, every
path to those who take several, nothing filtered, no timer that holds routes back, log at the usual level to a file.
"""
import json
import os
import signal
import socket

from lab import daemons
from lab.wait import wait_until

from .plan import AS, PORT, SERVER
from .systems import first_line, package, program


class Reflector:
    """One daemon, started by start(). plan: a Plan."""

    name = title = None
    programs = ()
    has_fib = False
    is_limit = False

    def __init__(self, lab, ns, plan):
        self.lab, self.ns, self.plan = lab, ns, plan
        self.process = None

    @classmethod
    def missing(cls):
        """What is not installed, in words, or None."""
        for name in cls.programs:
            try:
                program(name)
            except FileNotFoundError as e:
                return str(e)
        return None

    @classmethod
    def version(cls):
        raise NotImplementedError

    def command(self):
        """Writes the configuration and returns argv."""
        raise NotImplementedError

    def start(self):
        self.process = self.ns.start(self.command(), self.name)
        wait_until(self.is_listening, 20, f"{self.title} to listen on port {PORT}")

    def reload(self):
        """Has the daemon do what the plan's rules say by now, as its operator would."""
        raise NotImplementedError

    def processes(self):
        """The pids to be measured."""
        return [self.process.pid]

    def is_listening(self):
        assert self.process.running, f"{self.title} has ended:\n{self.process.log()[-2000:]}"
        with self.ns.entered(), open("/proc/thread-self/net/tcp") as f:
            listening = [line.split()[1] for line in f.readlines()[1:] if line.split()[3] == "0A"]
        port = f":{PORT:04X}"
        return any(l.endswith(port) for l in listening)

    def question(self):
        """Asks the daemon something small on its command socket and returns when it has answered, with what it says of the longest
        turn of its loop, if anything; NotImplementedError when this is not measured. Called from another thread."""
        raise NotImplementedError


class Rrd(Reflector):
    name, title, has_fib = "rrd", "rrd", True

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

    def group(self, peers):
        settings = {"peer-as": AS, "route-reflector-client": True, "passive": True, "hold-time": peers.hold_s,
                    "families": ["ipv4-unicast"],
                    "add-paths": {"send": "all" if peers.all_paths else "none", "receive": peers.path_ids}}
        if not peers.export:
            settings["export"] = "none"
        part = {"prefixes": [f"{self.plan.part} le 24"]}
        if peers.told_part:
            settings["export"] = part
        if peers.taken_part:
            settings["import"] = part
        return settings

    def config(self):
        config = {
            "router": {"as": AS, "router-id": SERVER},
            "listen": [{"address": SERVER, "port": PORT}],
            "peer-groups": {p.name: self.group(p) for p in self.plan.peers},
            "dynamic-neighbors": [{"prefix": p.range, "peer-group": p.name, "limit": 60000}
                                  for p in self.plan.peers if p.range],
            "neighbors": [{"address": a, "peer-group": p.name} for p in self.plan.peers if not p.range for a in p.addresses],
            "control": {"socket": "/run/rrd.sock"},
            "log": {"to": "stderr", "level": "info"},
        }
        if self.plan.fib:
            config["fib"] = {"enabled": True, "metric": 20, "sysctls": "ignore", "on-exit": "keep"}
            if self.plan.resilient:
                config["fib"]["groups"] = [{"prefixes": self.plan.resilient, "type": "resilient", "buckets": 4096}]
        return config

    def command(self):
        return [daemons.binary("rrd"), "-c", self.lab.file("rrd.yaml", daemons.dump(self.config()))]

    def reload(self):
        self.command()
        self.process.signal(signal.SIGHUP)

    def question(self):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect("/run/rrd.sock")
            control.sendall(b'{"command": "show status"}\n')
            octets = b""
            while b'"end"' not in octets and b'"error"' not in octets:
                more = control.recv(65536)
                if not more:
                    break
                octets += more
        return json.loads(octets.split(b"\n")[0]).get("row", {}).get("longest-turn")


class Bird(Reflector):
    """Next hops are looked up in a table of their own, as an IGP's would be, so nothing but BGP is in the table reflected."""

    name, title, has_fib = "bird", "BIRD", True
    programs = ("bird", "birdc")

    @classmethod
    def version(cls):
        return first_line(program("bird"), "--version")

    def protocol(self, peers, name, neighbor, more=""):
        part = f"where net ~ [ {self.plan.part}{{1,24}} ]"
        export = "none" if not peers.export else part if peers.told_part else "all"
        paths = " ".join(["add paths", {1: "tx", 2: "rx", 3: "on"}[peers.add_path]]) + ";" if peers.add_path else ""
        return f"""
protocol bgp {name} {{
    local {SERVER} port {PORT} as {AS};
    neighbor {neighbor} as {AS};
    strict bind yes; passive yes; rr client; hold time {peers.hold_s};
    error wait time 1, 1; {more}
    ipv4 {{ igp table igp4; import {part if peers.taken_part else 'all'}; export {export}; {paths} }};
}}
"""

    def command(self):
        text = f"log stderr {{ info, warning, error, fatal, auth, bug }};\nrouter id {SERVER};\n"
        text += "protocol device { }\nipv4 table igp4;\n"
        if self.plan.fib:
            text += "protocol direct { ipv4 { table igp4; }; }\n"
            text += "protocol kernel { metric 20; merge paths on limit 64; ipv4 { import none; export all; }; persist; }\n"
        else:
            text += f'protocol static {{ ipv4 {{ table igp4; }}; route 10.0.0.0/8 via "{self.plan.via}"; }}\n'
        for peers in self.plan.peers:
            if peers.range:
                text += self.protocol(peers, peers.name, f"range {peers.range}", f'dynamic name "{peers.name}_";')
                continue
            for i, a in enumerate(peers.addresses):
                text += self.protocol(peers, f"{peers.name}{i}", a)
        return [program("bird"), "-f", "-c", self.lab.file("bird.conf", text), "-s", "/run/bird.ctl"]

    @staticmethod
    def ask(command, last):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect("/run/bird.ctl")
            control.recv(4096)
            control.sendall(command)
            octets = b""
            while not any(line.startswith(last) for line in octets.split(b"\n")):
                more = control.recv(65536)
                if not more:
                    break
                octets += more

    def question(self):
        self.ask(b"show status\n", b"0013 ")

    def reload(self):
        self.command()
        # Done, in progress, or an error, which shows by what does not come.
        self.ask(b"configure\n", (b"0003 ", b"0004 ", b"8", b"9"))


class Frr(Reflector):
    """bgpd and zebra; as a reflector with -n, so that no route goes to the kernel, and next hops by way of the default route: bgpd
    without zebra takes longer and logs an error for each route. coalesce-time and the advertisement interval, which hold
    routes back, are 0."""

    name, title, has_fib = "frr", "FRR", True
    programs = ("/usr/lib/frr/bgpd", "/usr/lib/frr/zebra")
    zebra = None

    def __init__(self, lab, ns, plan):
        super().__init__(lab, ns, plan)
        self.limited = set()  # (name of peers, way) whose routes must be within the plan's part by now

    @classmethod
    def version(cls):
        return package("frr")

    def group(self, peers):
        lines = [f"neighbor {peers.name} peer-group", f"neighbor {peers.name} remote-as {AS}",
                 f"neighbor {peers.name} passive", f"neighbor {peers.name} timers {max(peers.hold_s // 3, 1)} {peers.hold_s}",
                 f"neighbor {peers.name} advertisement-interval 0"]
        if peers.range:
            lines.append(f"bgp listen range {peers.range} peer-group {peers.name}")
        else:
            lines += [f"neighbor {a} peer-group {peers.name}" for a in peers.addresses]
        return lines

    def family(self, peers):
        lines = [f"neighbor {peers.name} activate", f"neighbor {peers.name} route-reflector-client"]
        if peers.all_paths:
            lines.append(f"neighbor {peers.name} addpath-tx-all-paths")
        if not peers.export:
            lines.append(f"neighbor {peers.name} route-map nothing out")
        return lines

    def bgpd_config(self):
        part = [f"ip prefix-list part permit {self.plan.part} le 24"] if self.plan.part else []
        lines = ["frr defaults traditional", "log stdout informational", "route-map nothing deny 10", "exit", *part,
                 f"router bgp {AS}", f"bgp router-id {SERVER}", "no bgp default ipv4-unicast", "no bgp ebgp-requires-policy",
                 "bgp listen limit 65535", "coalesce-time 0", "no bgp network import-check"]
        for peers in self.plan.peers:
            lines += self.group(peers)
        lines.append("address-family ipv4 unicast")
        lines.append("maximum-paths ibgp 64")
        for peers in self.plan.peers:
            lines += self.family(peers)
        return "\n".join(lines) + "\n"

    def reload(self):
        """What frr-reload.py would have vtysh say, without its reading of the whole configuration."""
        lines, clear = ["configure terminal", f"router bgp {AS}", "address-family ipv4 unicast"], []
        for peers in self.plan.peers:
            for way, limited in (("out", peers.told_part), ("in", peers.taken_part)):
                if limited != ((peers.name, way) in self.limited):
                    lines.append(f"{'' if limited else 'no '}neighbor {peers.name} prefix-list part {way}")
                    clear.append(f"clear bgp ipv4 unicast peer-group {peers.name} soft {way}")
                    self.limited ^= {(peers.name, way)}
        words = [w for line in [*lines, "end", *clear] for w in ("-c", line)]
        self.ns.run([program("vtysh"), "--vty_socket", "/run/frr", "-d", "bgpd", *words], timeout=600)

    @staticmethod
    def private(argv):
        """argv with a /var/tmp of its own, where FRR's daemons want a directory for themselves."""
        script = 'mount -t tmpfs none /var/tmp && install -d -o frr -g frr /var/tmp/frr && exec "$@"'
        return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", *argv]

    def daemon(self, path, config, *more):
        name = os.path.basename(path)
        file = f"/run/frr/{name}.conf"
        with open(file, "w") as f:
            f.write(config)
        os.chmod(file, 0o644)
        return self.private([program(path), "-u", "frr", "-g", "frr", "-f", file, "-i", f"/run/frr/{name}.pid",
                             "-z", "/run/frr/zserv.api", "--vty_socket", "/run/frr", "-P", "0", "--log", "stdout", *more])

    def start(self):
        self.lab.run(["rm", "-rf", "/run/frr"])
        self.lab.run(["install", "-d", "-o", "frr", "-g", "frr", "/run/frr"])
        config = "log stdout informational\n"
        if not self.plan.fib:
            self.ns.ip(f"route add default via {self.plan.gateway} dev {self.plan.via}")
            config += "ip nht resolve-via-default\n"
        self.zebra = self.ns.start(self.daemon(self.programs[1], config), "zebra")
        wait_until(lambda: os.path.exists("/run/frr/zserv.api"), 20, "zebra's socket")
        super().start()

    def command(self):
        more = [] if self.plan.fib else ["-n"]
        return self.daemon(self.programs[0], self.bgpd_config(), "-p", str(PORT), "-l", SERVER, *more)

    def processes(self):
        return [self.process.pid, self.zebra.pid]


class Gobgp(Reflector):
    name, title = "gobgp", "GoBGP"
    programs = ("gobgpd", "gobgp")

    def __init__(self, lab, ns, plan):
        super().__init__(lab, ns, plan)
        self.limited = set()  # as FRR's

    @classmethod
    def version(cls):
        return package("gobgpd")

    @staticmethod
    def settings(peers, table, dynamic):
        """The keys that a neighbor and a peer group share. table: the name of the TOML table."""
        more = "" if dynamic else 'neighbor-address = "{address}"\n'
        return f"""
[[{table}]]
  [{table}.config]
    peer-as = {AS}
    {more}{f'peer-group-name = "{peers.name}"' if dynamic else ''}
  [{table}.transport.config]
    passive-mode = true
  [{table}.timers.config]
    hold-time = {peers.hold_s}
    minimum-advertisement-interval = 0
  [{table}.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "{SERVER}"
  [[{table}.afi-safis]]
    [{table}.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [{table}.afi-safis.add-paths.config]
      receive = {'true' if peers.path_ids else 'false'}
      send-max = {255 if peers.all_paths else 0}
"""

    def command(self):
        text = f'[global.config]\n  as = {AS}\n  router-id = "{SERVER}"\n  port = {PORT}\n  local-address-list = ["{SERVER}"]\n'
        silent = [p for p in self.plan.peers if not p.export]
        if silent:
            text += '[global.apply-policy.config]\n  export-policy-list = ["silence"]\n'
            text += '  default-export-policy = "accept-route"\n  default-import-policy = "accept-route"\n'
            text += self.neighbor_set("silent", silent) + self.policy("silence", "silent")
        if self.plan.part:
            text += '[[defined-sets.prefix-sets]]\n  prefix-set-name = "part"\n  [[defined-sets.prefix-sets.prefix-list]]\n'
            text += f'    ip-prefix = "{self.plan.part}"\n    masklength-range = "{self.plan.part.split("/")[1]}..24"\n'
            for peers in self.plan.peers:
                text += self.neighbor_set(peers.name, [peers]) + self.policy(f"{peers.name}-part", peers.name, self.OUTSIDE)
        for peers in self.plan.peers:
            if peers.range:
                text += self.settings(peers, "peer-groups", True)
                text += f'[[dynamic-neighbors]]\n  [dynamic-neighbors.config]\n    prefix = "{peers.range}"\n'
                text += f'    peer-group = "{peers.name}"\n'
            else:
                one = self.settings(peers, "neighbors", False)
                text += "".join(one.replace("{address}", a) for a in peers.addresses)
        return [program("gobgpd"), "-t", "toml", "-f", self.lab.file("gobgpd.toml", text), "--api-hosts", "127.0.0.1:50051",
                "--pprof-disable"]

    OUTSIDE = """
    [policy-definitions.statements.conditions.match-prefix-set]
      prefix-set = "part"
      match-set-options = "invert"
"""

    @staticmethod
    def neighbor_set(name, groups):
        members = ", ".join(f'"{a}"' for p in groups for a in ([p.range] if p.range else p.addresses))
        return f"""
[[defined-sets.neighbor-sets]]
  neighbor-set-name = "{name}"
  neighbor-info-list = [{members}]
"""

    @staticmethod
    def policy(name, neighbors, condition=""):
        """Nothing (for which the condition holds) for, or from, those of the set."""
        return f"""
[[policy-definitions]]
  name = "{name}"
  [[policy-definitions.statements]]
    name = "{name}"
    [policy-definitions.statements.conditions.match-neighbor-set]
      neighbor-set = "{neighbors}"
    {condition}
    [policy-definitions.statements.actions]
      route-disposition = "reject-route"
"""

    def reload(self):
        """By its own command, since a reload of its file resets what comes in, whatever was changed."""
        for peers in self.plan.peers:
            for way, short, limited in (("export", "out", peers.told_part), ("import", "in", peers.taken_part)):
                if limited != ((peers.name, way) in self.limited):
                    self.ns.run([program("gobgp"), "global", "policy", way, "add" if limited else "del",
                                 f"{peers.name}-part", "default", "accept"], timeout=600)
                    self.limited ^= {(peers.name, way)}
                    for address in peers.addresses:
                        self.ns.run([program("gobgp"), "neighbor", address, f"softreset{short}"], timeout=600)


class Openbgpd(Reflector):
    """Three processes; their memory is summed."""

    name, title = "openbgpd", "OpenBGPD"
    programs = ("/usr/sbin/bgpd",)

    @classmethod
    def version(cls):
        return package("openbgpd")

    @staticmethod
    def group(peers):
        paths = ("announce add-path send all\n" if peers.all_paths else "") + \
                ("announce add-path recv yes\n" if peers.path_ids else "")
        # A neighbor without a word of its own is a syntax error.
        neighbors = "\n".join(f'neighbor {a} {{ descr "{peers.name}" }}' for a in ([peers.range] if peers.range else peers.addresses))
        return f"""
group "{peers.name}" {{
    remote-as {AS}
    route-reflector
    passive
    holdtime {peers.hold_s}
    announce IPv4 unicast
    {'' if peers.export else 'export none'}
    {paths}
    {neighbors}
}}
"""

    def command(self):
        text = f"AS {AS}\nrouter-id {SERVER}\nlisten on {SERVER} port {PORT}\nfib-update no\n"
        text += "".join(self.group(p) for p in self.plan.peers)
        text += "allow from any\nallow to any\n"
        for peers in self.plan.peers:
            for way, limited in (("to", peers.told_part), ("from", peers.taken_part)):
                if limited:
                    text += f'deny {way} group "{peers.name}"\n'
                    text += f'allow {way} group "{peers.name}" prefix {self.plan.part} or-longer\n'
        path = self.lab.file("openbgpd.conf", text)
        os.chmod(path, 0o600)
        os.makedirs("/run/openbgpd", exist_ok=True)
        return [program(self.programs[0]), "-d", "-f", path]

    def reload(self):
        self.command()
        self.process.signal(signal.SIGHUP)

    def processes(self):
        return [self.process.pid, *children(self.process.pid)]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


class Relay(Reflector):
    """No daemon: it copies what the feeders say to everybody else. What the machine can do at most."""

    name, title, is_limit = "relay", "null relay", True

    @classmethod
    def version(cls):
        return "of this tree"

    def command(self):
        add_path = any(p.add_path for p in self.plan.peers)
        return [daemons.binary("bench/parts/relay"), SERVER, str(PORT), str(AS), "3" if add_path else "0"]


class Sink(Relay):
    """Reads and drops: what the generator can send at most."""

    name, title = "sink", "sink"

    def command(self):
        return [*super().command(), "sink"]


class Loader(Reflector):
    """No daemon and no BGP: parts/routes.c puts the routes into the kernel. What the kernel can do at most."""

    name, title, is_limit = "loader", "raw netlink", True
    as_fed = False

    @classmethod
    def version(cls):
        return "of this tree"


class FedLoader(Loader):
    """The same in the order in which the feeder announces and withdraws, which a daemon cannot choose."""

    name, title, as_fed = "loader-fed", "raw netlink, as fed", True


REFLECTORS = {r.name: r for r in (Rrd, Bird, Frr, Gobgp, Openbgpd)}
LIMITS = {r.name: r for r in (Relay, Sink, Loader, FedLoader)}

