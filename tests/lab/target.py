"""The daemon in the middle of a hub: rrd, or one of the peers set up as like it as the peer can be.

What a group of the hub is (hub.GROUPS) is said in rrd's words; each of the others makes its own configuration of it. What one of
them cannot be configured to be stands in its CANNOT, with the reason, for tests to skip. Whoever is asked is asked by its own
command line, and only whom it knows and whether it holds a route: everything else a test has to see on the wire. What an operator
does to one neighbor is said by operate(): "shutdown" and "reset" (both with a text for the peer), "enable" after a shutdown, "refresh".
"""
import re
from dataclasses import dataclass

from . import daemons, others
from .control import Caller

EXTERNAL_AS, ELSEWHERE_AS = 65100, 65200


@dataclass
class Setup:
    """sessions: (name, address or range, group's settings). rrd: the same as rrd's configuration."""
    asn: int
    address: str
    address6: str
    sessions: list
    extended_next_hop: bool
    next_hop_check: bool
    rrd: dict

    def own(self, where):
        return self.address6 if ":" in where else self.address


class Rrd:
    TITLE, CANNOT = "rrd", {}
    VERBS = {"shutdown": "shutdown", "reset": "clear neighbor", "enable": "enable", "refresh": "refresh"}

    def __init__(self, ns, setup):
        self.daemon = daemons.Daemon(ns, "rrd", setup.rrd).wait_until_ready()
        self.caller = Caller(ns.lab, self.daemon.socket)

    @property
    def running(self):
        return self.daemon.process.running

    def again(self):
        self.daemon.start().wait_until_ready()
        self.caller = Caller(self.daemon.ns.lab, self.daemon.socket)

    def stop(self):
        self.daemon.process.terminate()

    def known(self):
        """Addresses of the neighbors it has anything to do with; configured ones only while they are up."""
        rows, _ = self.caller.ask("show neighbors")
        return {row["address"] for row in rows if "range" in row or row["state"].lower() == "established"}

    def holds_routes(self):
        return False

    def operate(self, verb, address, text=""):
        more = [text] if text else ["in"] if verb == "refresh" else []
        self.daemon.ctl(*self.VERBS[verb].split(), address, *more)


class Peer:
    """What the four others have in common; beside others.Other, whose start() each uses."""

    def __init__(self, ns, setup):
        self.ns, self.setup = ns, setup
        self.links, self.announce, self.kernel = [], [], False
        self.address, self.asn, self.router_id = setup.address, setup.asn, setup.address
        self.name = f"{self.TITLE.lower()}-{ns.name}"
        self.program = others.need(self.PROGRAM)
        self.processes = []
        self.sessions = []
        for group, where, settings in setup.sessions:
            if group not in self.CANNOT:
                name = group.replace("-", "_") + ("6" if ":" in where else "4") + ("" if "/" in where else f"_{len(self.sessions)}")
                self.sessions.append((name, where, settings))
        self.start()

    @property
    def running(self):
        return self.process.running

    def again(self):
        self.kill()
        self.start()

    def stop(self):
        self.process.terminate()


def families(settings):
    return [f.split("-")[0] for f in settings.get("families", ("ipv4-unicast", "ipv6-unicast"))]


def is_external(settings):
    return settings.get("peer-as") not in (None, "any")


def peer_as(name, settings, own):
    """For who has to be told the number. name: the session's."""
    if settings.get("peer-as") != "external":
        return settings.get("peer-as", own)
    return ELSEWHERE_AS if name.startswith("elsewhere") else EXTERNAL_AS


def modes(settings):
    """(sends all paths, takes several)"""
    paths = settings.get("add-paths", {})
    return paths.get("send") == "all", bool(paths.get("receive"))


class Bird(Peer, others.Bird):
    CANNOT = {"limited": "BIRD has no limit for a range", "stuck": "BIRD 2.0.12 has no send hold time to set",
              "any": "BIRD has no neighbors of any AS", "paced": "BIRD has no interval between announcements"}

    def _config(self):
        text = f"log stderr all;\nrouter id {self.router_id};\nprotocol device {{ }}\nprotocol direct {{ ipv4; ipv6; }}\n"
        if self.setup.next_hop_check:
            text += "".join(f"protocol kernel {{ learn; scan time 1; {family} {{ import filter {{ igp_metric = krt_metric; accept; }}; }}; }}\n"
                            for family in ("ipv4", "ipv6"))
        return text + "".join(self._protocol(*session) for session in self.sessions)

    def _protocol(self, name, where, settings):
        sends, takes = modes(settings)
        paths = "on" if sends and takes else "tx" if sends else "rx" if takes else "off"
        limit = settings.get("import", {}).get("max-prefixes")
        channel = f"import all; add paths {paths}; extended next hop {'on' if self.setup.extended_next_hop else 'off'};"
        channel += " export none;" if settings.get("export") == "none" else " export where source = RTS_BGP;"
        channel += f" receive limit {limit} action disable;" if limit else ""
        client = settings.get("route-reflector-client")
        return f"""
protocol bgp {name} {{
    local {self.setup.own(where)} as {self.asn};
    neighbor {'range ' + where if '/' in where else where} {'external' if is_external(settings) else 'internal'};
    {f'dynamic name "{name}_"; passive on;' if '/' in where else 'connect delay time 1; connect retry time 1;'}
    error wait time 1, 1; deterministic med on;
    {f'rr client; rr cluster id {self.setup.address};' if client else ''}
    hold time {settings.get("hold-time", 90)};
    enable extended messages on; graceful restart off;
    {' '.join(f'{family} {{ {channel} }};' for family in families(settings))}
}}
"""

    def known(self):
        """Those that are up: what was made for a dynamic one stays."""
        blocks = [b for b in self._ask("show protocols all").split("\n\n") if re.search(r"BGP state:\s+Established", b)]
        return {line.split()[-1] for b in blocks for line in b.splitlines() if "Neighbor address:" in line}

    def holds_routes(self):
        return "BGP.origin" in self._ask("show route all where source = RTS_BGP")

    def operate(self, verb, address, text=""):
        verb = {"shutdown": "disable", "reset": "restart", "refresh": "reload in"}.get(verb, verb)
        blocks = self._ask("show protocols all").split("\n\n")
        name = next(b.split()[0] for b in blocks if re.search(rf"Neighbor address:\s+{re.escape(address)}\s", b))
        self.ns.run(["birdc", "-s", self.socket, f'{verb} {name}' + (f' "{text}"' if text else "")])


class Frr(Peer, others.Frr):
    CANNOT = {"limited": "FRR's limit of a range is one for all ranges", "stuck": "FRR 8.4 has no send hold time to set",
              "any": "FRR 8.4 has no neighbors of any AS", "text of a reset": "FRR says nothing with a reset"}

    def _bgpd(self):
        lines = ["frr defaults traditional", "log stdout informational", f"router bgp {self.asn}", f"bgp router-id {self.router_id}",
                 f"bgp cluster-id {self.router_id}", "no bgp default ipv4-unicast", "no bgp ebgp-requires-policy", "coalesce-time 0",
                 "no bgp network import-check", "bgp listen limit 5000", "bgp deterministic-med", "bgp bestpath compare-routerid"]
        for name, where, settings in self.sessions:
            lines += self._neighbor(name, where, settings)
        for family in ("ipv4", "ipv6"):
            lines.append(f"address-family {family} unicast")
            for name, where, settings in self.sessions:
                if family in families(settings):
                    lines += self._family(name if "/" in where else where, settings)
            lines.append("exit-address-family")
        return "\n".join([*lines, "exit", "route-map none deny 10"]) + "\n"

    def _neighbor(self, name, where, settings):
        who = name if "/" in where else where
        hold = settings.get("hold-time", 90)
        lines = [f"neighbor {who} peer-group"] if "/" in where else []
        lines += [f"neighbor {who} remote-as {'external' if is_external(settings) else 'internal'}",
                  f"neighbor {who} timers {hold // 3} {hold}",
                  f"neighbor {who} advertisement-interval {settings.get('advertisement-interval', 0)}"]
        if is_external(settings):
            lines.append(f"neighbor {who} disable-connected-check")
        if self.setup.extended_next_hop:
            lines.append(f"neighbor {who} capability extended-nexthop")
        lines.append(f"bgp listen range {where} peer-group {name}" if "/" in where else f"neighbor {who} timers connect 1")
        return lines

    def _family(self, who, settings):
        sends, takes = modes(settings)
        limit = settings.get("import", {}).get("max-prefixes")
        lines = [f"neighbor {who} activate"]
        lines += [f"neighbor {who} route-reflector-client"] * bool(settings.get("route-reflector-client"))
        lines += [f"neighbor {who} addpath-tx-all-paths"] * sends + [f"neighbor {who} disable-addpath-rx"] * (not takes)
        lines += [f"neighbor {who} maximum-prefix {limit}"] * bool(limit)
        return lines + [f"neighbor {who} route-map none out"] * (settings.get("export") == "none")

    def known(self):
        summary = self._json("show bgp summary")
        return {a for family in summary.values() for a, row in family.get("peers", {}).items()
                if row.get("dynamicPeer") or row.get("state") == "Established"}

    def holds_routes(self):
        return any(self._json(f"show bgp {family} unicast").get("routes") for family in ("ipv4", "ipv6"))

    def operate(self, verb, address, text=""):
        if verb in ("shutdown", "enable"):
            line = f"{'no ' * (verb == 'enable')}neighbor {address} shutdown" + (f" message {text}" if text else "")
            self._configure("bgpd", f"router bgp {self.asn}", line)
        else:
            self._ask(f"clear bgp {'ipv4 unicast ' * (verb == 'refresh')}{address}{' soft in' * (verb == 'refresh')}")


class Gobgp(Peer, others.Gobgp):
    CANNOT = {"limited": "GoBGP has no limit for a range", "stuck": "GoBGP has no send hold time to set",
              "any": "GoBGP has no dynamic neighbors of any AS", "silent": "GoBGP has no export policy for a neighbor",
              "paced": "GoBGP has no interval between announcements", "next hops": "GoBGP looks at next hops by zebra only",
              "interior cost": "GoBGP looks at next hops by zebra only", "refresh": others.Gobgp.CANNOT["refresh"]}

    def _config(self):
        text = f'[global.config]\n  as = {self.asn}\n  router-id = "{self.router_id}"\n' \
               f'  local-address-list = ["{self.setup.address}", "{self.setup.address6}"]\n' \
               "[global.route-selection-options.config]\n  external-compare-router-id = true\n"
        return text + "".join(self._neighbor(*session) for session in self.sessions)

    def _neighbor(self, name, where, settings):
        table = "peer-groups" if "/" in where else "neighbors"
        text = f"""
[[{table}]]
  [{table}.config]
    {f'peer-group-name = "{name}"' if '/' in where else f'neighbor-address = "{where}"'}
    peer-as = {peer_as(name, settings, self.asn)}
  [{table}.transport.config]
    {'passive-mode = true' if '/' in where else f'local-address = "{self.setup.address}"'}
  [{table}.timers.config]
    connect-retry = 1
    hold-time = {settings.get("hold-time", 90)}
    idle-hold-time-after-reset = 1
"""
        if settings.get("route-reflector-client"):
            text += f'  [{table}.route-reflector.config]\n    route-reflector-client = true\n' \
                    f'    route-reflector-cluster-id = "{self.router_id}"\n'
        for family in families(settings):
            text += self._family(table, family, settings)
        if "/" in where:
            text += f'[[dynamic-neighbors]]\n  [dynamic-neighbors.config]\n    prefix = "{where}"\n    peer-group = "{name}"\n'
        return text

    @staticmethod
    def _family(table, family, settings):
        sends, takes = modes(settings)
        limit = settings.get("import", {}).get("max-prefixes")
        text = f'  [[{table}.afi-safis]]\n    [{table}.afi-safis.config]\n      afi-safi-name = "{family}-unicast"\n'
        text += f"    [{table}.afi-safis.add-paths.config]\n      receive = {str(takes).lower()}\n      send-max = {64 if sends else 0}\n"
        if limit:
            text += f"    [{table}.afi-safis.prefix-limit.config]\n      max-prefixes = {limit}\n"
        return text

    def known(self):
        """Those that are up: a dynamic one that never was stays."""
        states = [row.get("state", {}) for row in self._json("neighbor") or []]
        return {s.get("neighbor_address") for s in states if s.get("session_state") in (6, "ESTABLISHED")}

    def holds_routes(self):
        return bool(self._json("global rib -a ipv4") or self._json("global rib -a ipv6"))

    def operate(self, verb, address, text=""):
        verb = {"shutdown": "disable", "refresh": "softresetin"}.get(verb, verb)
        self.ns.run(["gobgp", "neighbor", address, verb, *(["--reason", text] if text else [])])


class Openbgpd(Peer, others.Openbgpd):
    CANNOT = {"limited": "OpenBGPD has no limit for a range", "stuck": "OpenBGPD 7.7 has no send hold time to set",
              "paced": "OpenBGPD has no interval between announcements", "next hops": "OpenBGPD on Linux asks no kernel for the way to next hops",
              "interior cost": "OpenBGPD compares no interior cost",
              "soon": "OpenBGPD waits half a minute and longer after a connection of its own that failed"}

    def _config(self):
        text = f'AS {self.asn}\nrouter-id {self.router_id}\nlisten on {self.setup.address}\nlisten on {self.setup.address6}\n' \
               f'fib-update no\nsocket "{self.socket}"\n'
        text += "".join(self._neighbor(*session) for session in self.sessions)
        return text + "nexthop qualify via default\nnexthop qualify via bgp\nallow from any\nallow to any\n"

    def _neighbor(self, name, where, settings):
        sends, takes = modes(settings)
        limit = settings.get("import", {}).get("max-prefixes")
        asn = peer_as(name, settings, self.asn)
        # It takes no neighbor of any AS into a cluster.
        client = settings.get("route-reflector-client") and settings.get("peer-as") != "any"
        lines = [f'descr "{name}"', "" if settings.get("peer-as") == "any" else f"remote-as {asn}",
                 "passive" if "/" in where else f"local-address {self.setup.own(where)}",
                 f"route-reflector {self.router_id}" if client else "", f"holdtime {settings.get('hold-time', 90)}",
                 *(f"announce {'IPv6' if f == 'ipv6' else 'IPv4'} {'unicast' if f in families(settings) else 'none'}"
                   for f in ("ipv4", "ipv6")),
                 "announce enhanced refresh yes", "announce restart no",
                 f"announce add-path recv {'yes' if takes else 'no'}", f"announce add-path send {'all' if sends else 'no'}",
                 f"max-prefix {limit}" if limit else "", "export none" if settings.get("export") == "none" else "",
                 "transparent-as no" if is_external(settings) else ""]
        return f"\nneighbor {where} {{\n    " + "\n    ".join(line for line in lines if line) + "\n}\n"

    def known(self):
        found = set()
        for line in self._ask("show summary terse").splitlines():
            words = line.split()
            if len(words) >= 3 and words[-1] == "Established":
                found.add(words[0])
        return found

    def holds_routes(self):
        return "*" in self._ask("show rib").split("destination", 1)[-1]

    def operate(self, verb, address, text=""):
        verb = {"shutdown": "down", "reset": "clear", "enable": "up"}.get(verb, verb)
        self.ns.run(["bgpctl", "-s", self.socket, "neighbor", address, verb, *([text] if text else [])])


TARGETS = {"rrd": Rrd, "bird": Bird, "frr": Frr, "gobgp": Gobgp, "openbgpd": Openbgpd}
