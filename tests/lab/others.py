"""Five other BGP speakers behind one face: what sessions it is to have is said once, and each makes its own configuration of it.

    bird = others.Bird(ns, "10.0.0.120", [Link("10.0.0.109", client=True)], announce=[("10.1.1.0/24", "10.0.0.105")])
    bird.established("10.0.0.109")      bird.held("10.1.1.0/24")      bird.refresh("10.0.0.109")

What one of them cannot do stands in CANNOT, with the reason, for tests to skip.
"""
import ipaddress
import json
import os
import re
from dataclasses import dataclass

from . import fig4
from .peers import need
from .wait import wait_until


@dataclass
class Link:
    """A session. remote: an address, or a range (then it waits for those). add_path: "rx", "tx" or None, for all paths. bfd: "active",
    "passive" or None, with packets each 150 ms; bfd_key: for meticulous keyed SHA1."""
    remote: str
    asn: int = fig4.AS
    client: bool = False
    add_path: str = None
    password: str = None
    bfd: str = None
    bfd_key: str = None

    @property
    def is_range(self):
        return "/" in self.remote


def family_of(text):
    return "ipv6" if ":" in text else "ipv4"


class Other:
    """families follow from what it is to announce and from the addresses, unless given. kernel: it is a router."""

    CANNOT = {}
    PACKAGE = PROGRAM = TITLE = None

    def __init__(self, ns, address, links, announce=(), asn=fig4.AS, kernel=False, families=None, router_id=None):
        self.ns, self.address, self.links, self.announce = ns, address, links, list(announce)
        self.asn, self.kernel = asn, kernel
        self.router_id = router_id or address
        self.families = families or sorted({family_of(p) for p, _ in announce} or {family_of(address)})
        self.name = f"{self.TITLE.lower()}-{ns.name}"
        self.program = need(self.PROGRAM)
        self.processes = []
        self.start()

    def run(self, argv, name=None, **more):
        process = self.ns.start(argv, name or self.name, **more)
        self.processes.append(process)
        return process

    def kill(self):
        for process in self.processes:
            process.kill()
        self.processes.clear()

    def file(self, text, mode=0o644):
        path = self.ns.lab.file(f"{self.name}.conf", text)
        os.chmod(path, mode)
        return path

    @classmethod
    def version(cls, lab):
        return lab.run(["dpkg-query", "-W", "-f", "${Version}", cls.PACKAGE], check=False).strip()

    def wait_established(self, remote, timeout=30):
        wait_until(lambda: self.established(remote), timeout, f"{self.name}: session with {remote}", poll_s=0.1)

    def wait_held(self, prefix, next_hops, timeout=20):
        def fact():
            held = self.held(prefix)
            assert held == sorted(next_hops), f"it holds {held}"
            return True
        wait_until(fact, timeout, f"{self.name} to hold {prefix} by {sorted(next_hops)}", poll_s=0.1)


class Bird(Other):
    PACKAGE, PROGRAM, TITLE = "bird2", "bird", "BIRD"
    CANNOT = {"stop BFD": "BIRD falls silent when its BFD is disabled, as if it had died, and says no AdminDown"}

    def start(self):
        self.socket = f"/run/{self.name}.ctl"
        self.process = self.run([self.program, "-f", "-c", self.file(self._config()), "-s", self.socket], self.name)
        wait_until(lambda: "Daemon is up" in self._ask("show status"), 10, f"{self.name} to answer")

    def _config(self):
        text = f"log stderr all;\nrouter id {self.router_id};\nprotocol device {{ }}\n"
        # Next hops are iBGP's, so looked up like any address.
        text += "protocol direct { ipv4; ipv6; }\n"
        for family in self.families:
            if self.kernel:
                text += f"protocol kernel {{ metric 20; merge paths on; {family} {{ export where source = RTS_BGP; }}; }}\n"
            routes = " ".join(f'route {p} blackhole {{ bgp_next_hop = {hop}; }};' for p, hop in self.announce
                              if family_of(p) == family)
            text += f"protocol static {{ {family}; {routes} }}\n"
        for i, link in enumerate(self.links):
            text += self._session(i, link)
        return text + self._bfd()

    def _bfd(self):
        asked = [link for link in self.links if link.bfd]
        if not asked:
            return ""
        passive = "passive yes;" if asked[0].bfd == "passive" else ""
        key = asked[0].bfd_key
        key = f'authentication meticulous keyed sha1; password "{key}" {{ id 1; }};' if key else ""
        how = f"{{ interval 150 ms; idle tx interval 1 s; multiplier 3; {passive} {key} }}"
        return f'protocol bfd {{ interface "*" {how}; multihop {how}; }}\n'

    def bfd_state(self, remote):
        """The state of the BFD session in its own word, or None."""
        found = re.search(rf"^{re.escape(remote)}\s+\S+\s+(\S+)", self._ask("show bfd sessions"), re.M)
        return found.group(1) if found else None

    def _on_link(self, remote):
        return "/" not in remote and self.ns.run(["ip", "route", "get", remote]).split()[1] != "via"

    def _session(self, i, link):
        paths = f"add paths {link.add_path};" if link.add_path else ""
        channels = "\n".join(f"{f} {{ import all; export where source = RTS_BGP || source = RTS_STATIC; {paths} }};"
                             for f in self.families)
        neighbor = f"range {link.remote}" if link.is_range else link.remote
        return f"""
protocol bgp peer{i} {{
    local {self.address} as {self.asn};
    neighbor {neighbor} as {link.asn};
    hold time 9; connect delay time 1; connect retry time 1; error wait time 1, 2;
    {'rr client;' if link.client else ''}
    {f'password "{link.password}";' if link.password else ''}
    {'bfd on;' if link.bfd else ''}
    {'direct;' if link.bfd and self._on_link(link.remote) else ''}
    {'dynamic name "dynamic";' if link.is_range else ''}
    {channels}
}}
"""

    def _ask(self, text):
        return self.ns.run(["birdc", "-s", self.socket, *text.split()], check=False)

    def established(self, remote):
        for block in self._ask("show protocols all").split("\n\n"):
            if re.search(rf"Neighbor address:\s+{re.escape(remote)}\s", block):
                return "Established" in block
        return False

    def held(self, prefix):
        out = self._ask(f"show route all for {prefix} where source = RTS_BGP")
        return sorted(line.split()[1] for line in out.splitlines() if line.strip().startswith("BGP.next_hop:"))

    def refresh(self, remote):
        i = [link.remote for link in self.links].index(remote)
        return self._ask(f"reload in peer{i}")


class Frr(Other):
    """bgpd with zebra. Each has a directory of its own under /run and a /var/tmp of its own."""

    PACKAGE, PROGRAM, TITLE = "frr", "/usr/lib/frr/bgpd", "FRR"
    CANNOT = {"BFD key": "FRR's bfdd has no authentication"}

    def start(self):
        self.directory = f"/run/{self.name}"
        self.ns.lab.run(["install", "-d", "-o", "frr", "-g", "frr", self.directory])
        # Without this a next hop that is reached by a default route alone is none.
        zebra = "log stdout informational\nip nht resolve-via-default\nipv6 nht resolve-via-default\n"
        self.run(self._daemon("/usr/lib/frr/zebra", zebra), f"{self.name}-zebra")
        wait_until(lambda: os.path.exists(f"{self.directory}/zserv.api"), 20, "zebra's socket")
        if any(link.bfd for link in self.links):
            passive = " passive-mode\n" if any(link.bfd == "passive" for link in self.links) else ""
            self.run(self._daemon("/usr/lib/frr/bfdd", f"bfd\n profile lab\n  detect-multiplier 3\n  receive-interval 150\n"
                                  f"  transmit-interval 150\n {passive} exit\nexit\n", "--bfdctl", f"{self.directory}/bfdd.sock"),
                     f"{self.name}-bfdd")
            wait_until(lambda: os.path.exists(f"{self.directory}/bfdd.vty"), 20, "bfdd's socket")
        more = [] if self.kernel else ["-n"]
        self.process = self.run(self._daemon(self.program, self._bgpd(), "-p", "179", *more), self.name)
        wait_until(lambda: "BGP" in self._ask("show bgp summary") or "No BGP" in self._ask("show bgp summary"), 20,
                   f"{self.name} to answer", poll_s=0.1)
        for i, link in enumerate(self.links):
            if link.bfd:
                self._guard(f"group{i}" if link.is_range else link.remote)

    def _guard(self, who):
        """Not by the file: what bgpd asks of bfdd before zebra knows bgpd is lost now and then."""
        wait_until(lambda: "Client: bgp" in self._ask("show zebra client", "zebra"), 20, "zebra to know bgpd", poll_s=0.1)
        self._configure("bgpd", f"router bgp {self.asn}", f"neighbor {who} bfd", f"neighbor {who} bfd profile lab")

    def _configure(self, daemon, *lines):
        words = [w for line in ("configure terminal", *lines) for w in ("-c", line)]
        self.ns.run(["vtysh", "--vty_socket", self.directory, "-d", daemon, *words])

    def _daemon(self, program, config, *more):
        name = os.path.basename(program)
        file = f"{self.directory}/{name}.conf"
        with open(file, "w", encoding="utf-8") as f:
            f.write(config)
        os.chmod(file, 0o644)
        script = 'mount -t tmpfs none /var/tmp && install -d -o frr -g frr /var/tmp/frr && exec "$@"'
        return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", program, "-u", "frr", "-g", "frr", "-f", file,
                "-i", f"{self.directory}/{name}.pid", "-z", f"{self.directory}/zserv.api",
                "--vty_socket", self.directory, "-P", "0", "--log", "stdout", *more]

    def _bgpd(self):
        lines = ["frr defaults traditional", "log stdout informational"]
        for i, (prefix, hop) in enumerate(self.announce):
            six = family_of(prefix) == "ipv6"
            lines += [f"route-map hop{i} permit 10", f" set {'ipv6 next-hop global' if six else 'ip next-hop'} {hop}", "exit"]
        lines += [f"router bgp {self.asn}", f"bgp router-id {self.router_id}", "no bgp default ipv4-unicast",
                  "no bgp ebgp-requires-policy", "coalesce-time 0", "no bgp network import-check"]
        for i, link in enumerate(self.links):
            who = f"group{i}" if link.is_range else link.remote
            if link.is_range:
                lines.append(f"neighbor {who} peer-group")
            lines += [f"neighbor {who} remote-as {link.asn}", f"neighbor {who} timers 3 9",
                      f"neighbor {who} advertisement-interval 0"]
            if not link.is_range:
                lines += [f"neighbor {who} timers connect 1", f"neighbor {who} update-source {self.address}"]
            else:
                lines.append(f"bgp listen range {link.remote} peer-group {who}")
            if link.password:
                lines.append(f"neighbor {who} password {link.password}")
        for family in self.families:
            lines += [f"address-family {family} unicast", "maximum-paths ibgp 64"]
            lines += [f"network {p} route-map hop{i}" for i, (p, _) in enumerate(self.announce) if family_of(p) == family]
            for i, link in enumerate(self.links):
                who = f"group{i}" if link.is_range else link.remote
                lines += [f"neighbor {who} activate"]
                if link.client:
                    lines.append(f"neighbor {who} route-reflector-client")
                if link.add_path == "tx":
                    lines.append(f"neighbor {who} addpath-tx-all-paths")
            lines.append("exit-address-family")
        return "\n".join(lines) + "\n"

    def _ask(self, text, daemon="bgpd"):
        return self.ns.run(["vtysh", "--vty_socket", self.directory, "-d", daemon, "-c", text], check=False)

    def stop_bfd(self):
        self._configure("bfdd", "bfd", "profile lab", "shutdown")

    def bfd_state(self, remote):
        try:
            rows = json.loads(self._ask("show bfd peers json", "bfdd"))
        except ValueError:
            return None
        return next((row["status"].capitalize() for row in rows if row["peer"] == remote), None)

    def _json(self, text):
        try:
            return json.loads(self._ask(f"{text} json"))
        except ValueError:
            return {}

    def established(self, remote):
        return self._json(f"show bgp neighbors {remote}").get(remote, {}).get("bgpState") == "Established"

    def held(self, prefix):
        paths = self._json(f"show bgp {family_of(prefix)} unicast {prefix}").get("paths", [])
        return sorted(hop["ip"] for path in paths if path.get("peer", {}).get("peerId", "::") not in ("::", "0.0.0.0")
                      for hop in path["nexthops"] if hop.get("scope") != "link-local")

    def refresh(self, remote):
        for family in self.families:
            self._ask(f"clear bgp {family} unicast {remote} soft in")


class Gobgp(Other):
    PACKAGE, PROGRAM, TITLE = "gobgpd", "gobgpd", "GoBGP"
    CANNOT = {"kernel": "GoBGP writes no routes itself, and its release here panics on what zebra 8.4 sends",
              "refresh": "GoBGP keeps what it heard and asks for no refresh (softresetin looks at its own table)"}

    def start(self):
        self.process = self.run([self.program, "-t", "toml", "-f", self.file(self._config()), "--api-hosts", "127.0.0.1:50051",
                                 "-l", "debug", "--pprof-disable"], self.name)
        wait_until(lambda: "router_id" in self._ask("global"), 20, f"{self.name} to answer", poll_s=0.1)
        for prefix, hop in self.announce:
            self.ns.run(["gobgp", *f"global rib add {prefix} nexthop {hop} -a {family_of(prefix)}".split()])

    def _config(self):
        text = f'[global.config]\n  as = {self.asn}\n  router-id = "{self.router_id}"\n' \
               f'  local-address-list = ["{self.address}"]\n[global.use-multiple-paths.config]\n  enabled = true\n'
        for i, link in enumerate(self.links):
            if link.is_range:
                text += self._session(link, "peer-groups", f'peer-group-name = "group{i}"')
                text += f'[[dynamic-neighbors]]\n  [dynamic-neighbors.config]\n    prefix = "{link.remote}"\n' \
                        f'    peer-group = "group{i}"\n'
            else:
                text += self._session(link, "neighbors", f'neighbor-address = "{link.remote}"')
        return text

    def _session(self, link, table, which):
        text = f"""
[[{table}]]
  [{table}.config]
    {which}
    peer-as = {link.asn}
    {f'auth-password = "{link.password}"' if link.password else ''}
  [{table}.transport.config]
    {f'passive-mode = true' if link.is_range else f'local-address = "{self.address}"'}
  [{table}.timers.config]
    connect-retry = 1
    hold-time = 9
    idle-hold-time-after-reset = 1
"""
        if link.client:
            text += f'  [{table}.route-reflector.config]\n    route-reflector-client = true\n' \
                    f'    route-reflector-cluster-id = "{self.router_id}"\n'
        for family in self.families:
            text += f'  [[{table}.afi-safis]]\n    [{table}.afi-safis.config]\n      afi-safi-name = "{family}-unicast"\n'
            if link.add_path:
                text += f"    [{table}.afi-safis.add-paths.config]\n" + \
                        ("      receive = true\n" if link.add_path == "rx" else "      send-max = 64\n")
        return text

    def _ask(self, text):
        return self.ns.run(["gobgp", "-j", *text.split()], check=False)

    def _json(self, text):
        try:
            return json.loads(self._ask(text) or "{}") or {}
        except ValueError:
            return {}

    def established(self, remote):
        return self._json(f"neighbor {remote}").get("state", {}).get("session_state") in (6, "ESTABLISHED")

    def held(self, prefix):
        hops = []
        for key, paths in self._json(f"global rib -a {family_of(prefix)}").items():
            if ipaddress.ip_network(key) == ipaddress.ip_network(prefix):
                # What it announces itself has no neighbor to come from.
                hops += [a["nexthop"] for path in paths if path.get("neighbor-ip", path.get("source-id")) not in (None, "<nil>", "")
                         for a in path["attrs"] if "nexthop" in a]
        return sorted(hops)


class Openbgpd(Other):
    PACKAGE, PROGRAM, TITLE = "openbgpd", "/usr/sbin/bgpd", "OpenBGPD"
    CANNOT = {"kernel": "OpenBGPD on Linux writes no routes into the kernel",
              "password": "OpenBGPD on Linux has no TCP-MD5: its sessions come up unsigned"}

    def start(self):
        self.socket = f"/run/{self.name}.sock"
        os.makedirs("/run/openbgpd", exist_ok=True)
        self.process = self.run([self.program, "-d", "-v", "-f", self.file(self._config(), 0o600)], self.name)
        wait_until(lambda: "Neighbor" in self._ask("show summary"), 20, f"{self.name} to answer", poll_s=0.1)

    def _config(self):
        text = f'AS {self.asn}\nrouter-id {self.router_id}\nlisten on {self.address}\nfib-update no\nsocket "{self.socket}"\n'
        text += "".join(f"network {p} set nexthop {hop}\n" for p, hop in self.announce)
        for i, link in enumerate(self.links):
            paths = {"tx": "announce add-path send all", "rx": "announce add-path recv yes"}.get(link.add_path, "")
            families = "\n".join(f"announce {'IPv6' if f == 'ipv6' else 'IPv4'} unicast" for f in self.families)
            text += f"""
neighbor {link.remote} {{
    descr "peer{i}"
    remote-as {link.asn}
    {'passive' if link.is_range else f'local-address {self.address}'}
    {'route-reflector' if link.client else ''}
    holdtime 9
    {families}
    {paths}
}}
"""
        # Next hops are reached by what the kernel has, for which the default is connected routes and its own.
        return text + "nexthop qualify via default\nnexthop qualify via bgp\nallow from any\nallow to any\n"

    def _ask(self, text):
        return self.ns.run(["bgpctl", "-s", self.socket, *text.split()], check=False)

    def established(self, remote):
        return "BGP state = Established" in self._ask(f"show neighbor {remote}")

    def held(self, prefix):
        entries = self._ask("show rib detail").split("BGP routing table entry for ")
        own = {hop for p, hop in self.announce if p == prefix}
        return sorted(hop for entry in entries if entry.split("\n")[0].strip() == prefix
                      for hop in re.findall(r"Nexthop (\S+) ", entry) if hop not in own)

    def refresh(self, remote):
        return self._ask(f"neighbor {remote} refresh")


class Exabgp(Other):
    """It has no table: what came is in its log, of which the last word on a path counts."""

    PACKAGE, PROGRAM, TITLE = "exabgp", "exabgp", "ExaBGP"
    CANNOT = {"kernel": "ExaBGP writes no routes", "reflector": "ExaBGP does not reflect", "range": "ExaBGP waits for nobody",
              "refresh": "ExaBGP has no command to ask for a refresh"}

    def start(self):
        text = ""
        for link in self.links:
            routes = "\n".join(f"route {p} next-hop {hop};" for p, hop in self.announce)
            mode = {"rx": "receive", "tx": "send"}.get(link.add_path)
            paths = f"capability {{ add-path {mode}; }}" if mode else ""
            paths += f" add-path {{ {' '.join(f'{f} unicast;' for f in self.families)} }}" if mode else ""
            text += f"""
neighbor {link.remote} {{
    router-id {self.router_id};
    local-address {self.address};
    local-as {self.asn};
    peer-as {link.asn};
    hold-time 9;
    {f'md5-password "{link.password}";' if link.password else ''}
    family {{ {' '.join(f'{f} unicast;' for f in self.families)} }}
    {paths}
    static {{
        {routes}
    }}
}}
"""
        # Without a user it would become nobody, who cannot read the lab's directory; its command pipes are not used.
        environment = {"exabgp_daemon_user": "root", "exabgp_daemon_daemonize": "false", "exabgp_api_cli": "false",
                       "exabgp_log_destination": "stdout", "exabgp_log_level": "DEBUG", "exabgp_log_all": "true",
                       "exabgp_tcp_bind": ""}
        self.process = self.run([self.program, self.file(text)], self.name, env=environment)

    def established(self, remote):
        return bool(re.search(rf"connected to peer-\d+ with .*{re.escape(remote)}|peer-\d+.*state.*ESTABLISHED",
                              self.process.log(), re.I))

    def held(self, prefix):
        held = {}
        for line in self.process.log().splitlines():
            match = re.search(rf"(update|withdraw\w*|announce\w*).*\b{re.escape(prefix)}\b", line, re.I)
            if not match:
                continue
            ident = (re.search(r"path-information (\S+)", line) or [None, ""])[1]
            hop = re.search(r"next-hop (\S+)", line)
            if hop:
                held[ident] = hop[1]
            else:
                held.pop(ident, None)
        own = {hop for p, hop in self.announce if p == prefix}
        return sorted(h for h in held.values() if h not in own)


ALL = (Bird, Frr, Gobgp, Openbgpd, Exabgp)
