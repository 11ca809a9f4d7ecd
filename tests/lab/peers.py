"""Other BGP speakers, run inside the lab's namespaces: BIRD 2, GoBGP 3 and ExaBGP 4. Installed by tests/packages peers."""
import ipaddress
import json
import shutil

import pytest

from . import fig4
from .wait import wait_until


def need(program):
    """Skips the test where the program is missing; tests/all installs it."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        pytest.skip(f"{program} is not installed (tests/packages peers)")
    return path


class Bird:
    """config: BIRD's own language, after the router id and the logs."""

    def __init__(self, ns, router_id, config, name=None):
        self.ns = ns
        name = name or f"bird-{ns.name}"
        self.socket = f"/run/{name}.ctl"
        path = ns.lab.file(f"{name}.conf", f"log stderr all;\nrouter id {router_id};\nprotocol device {{ }}\n{config}\n")
        self.process = ns.start([need("bird"), "-f", "-c", path, "-s", self.socket], name)
        wait_until(lambda: "Daemon is up" in self.command("show status"),
                   10, f"{name} to answer")

    def command(self, text, check=True):
        return self.ns.run(["birdc", "-s", self.socket, *text.split()], check=check)

    def next_hops(self, prefix):
        """Next hops of all paths it holds for the prefix, sorted."""
        out = self.command(f"show route all for {prefix}", check=False)
        return sorted(line.split()[1] for line in out.splitlines() if line.strip().startswith("BGP.next_hop:"))

    def established(self, count=1):
        return self.command("show protocols").count("Established") >= count


def bird_session(remote, local=None, client=False, add_paths=None, hold_time=9, extra="", name="peer",
                 families=("ipv4", "ipv6"), export="all"):
    """A BGP protocol of BIRD. client: the remote is a route-reflector client of it. add_paths: tx, rx or on."""
    paths = f"add paths {add_paths};" if add_paths else ""
    channels = "".join(f"{family} {{ import all; export {export}; {paths} }};\n" for family in families)
    return f"""
        protocol bgp {name} {{
            local {local or ''} as {fig4.AS};
            neighbor {remote} as {fig4.AS};
            hold time {hold_time};
            connect delay time 1; connect retry time 1; error wait time 1, 2;
            {'rr client;' if client else ''}
            {extra}
            {channels}
        }}"""


def bird_router(fig, reflectors=(fig4.REFLECTOR,)):
    """BIRD as the upstream router: all paths by add-path, merged into one kernel route."""
    sessions = "".join(bird_session(r, add_paths="rx", name=f"reflector{i}", export="none") for i, r in enumerate(reflectors))
    return Bird(fig.router, fig4.ROUTER, f"""
        protocol kernel {{ metric 20; merge paths on; ipv4 {{ export all; }}; }}
        protocol kernel {{ metric 20; merge paths on; ipv6 {{ export all; }}; }}
        # Resolves next hops, which are iBGP's and so looked up like any address.
        protocol direct {{ ipv4; ipv6; }}
        {sessions}""")


def bird_reflector(fig):
    """BIRD as the route reflector: pods by range, all paths to the router."""
    return Bird(fig.reflector, fig4.REFLECTOR, f"""
        protocol direct {{ ipv4; ipv6; }}
        {bird_session(fig4.ROUTER, client=True, add_paths="tx", name="upstream")}
        {bird_session("range 172.16.0.0/16", client=True, name="pods",
                      extra='dynamic name "pod";', families=("ipv4", "ipv6"))}""")


class Gobgp:
    """config: GoBGP's TOML."""

    def __init__(self, ns, config, name=None):
        self.ns = ns
        name = name or f"gobgp-{ns.name}"
        path = ns.lab.file(f"{name}.toml", config)
        self.process = ns.start([need("gobgpd"), "-t", "toml", "-f", path, "--api-hosts", "127.0.0.1:50051",
                                 "-l", "debug", "--pprof-disable"], name)

    def command(self, text):
        return self.ns.run(["gobgp", "-j", *text.split()])

    def established(self, remote):
        out = self.command(f"neighbor {remote}")
        return json.loads(out).get("state", {}).get("session_state") in (6, "ESTABLISHED")

    def next_hops(self, prefix):
        """Next hops of all paths in its global table, sorted."""
        family = "ipv6" if ":" in prefix else "ipv4"
        table = json.loads(self.command(f"global rib -a {family}") or "{}") or {}
        wanted = ipaddress.ip_network(prefix)
        for key, paths in table.items():
            if ipaddress.ip_network(key) == wanted:
                return sorted(_gobgp_next_hop(p) for p in paths)
        return []


def _gobgp_next_hop(path):
    for attribute in path["attrs"]:
        if "nexthop" in attribute:
            return attribute["nexthop"]
    raise LookupError(f"no next hop in {path}")


def gobgp_client(ns, router_id, remote, add_paths=True, families=("ipv4-unicast",), announce=True):
    """A GoBGP that connects to remote and receives; announce: it may send what is put into it too."""
    blocks = ""
    for family in families:
        blocks += f"""
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "{family}"
""" + ("""    [neighbors.afi-safis.add-paths.config]
      receive = true
""" if add_paths else "")
    return Gobgp(ns, f"""
[global.config]
  as = {fig4.AS}
  router-id = "{router_id}"
[global.use-multiple-paths.config]
  enabled = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{remote}"
    peer-as = {fig4.AS}
  [neighbors.timers.config]
    connect-retry = 1
    hold-time = 9
{blocks}""")


class Exabgp:
    """The announcer of the paper's Appendix D. routes: [(prefix, next hop)]."""

    def __init__(self, pod, routes, remote=fig4.REFLECTOR, hold_time=1800, router_id=None, local=None):
        lines = "\n".join(f"route {prefix} next-hop {hop};" for prefix, hop in routes)
        name = f"exabgp-{pod.name}"
        six = any(":" in prefix for prefix, _ in routes)
        path = pod.ns.lab.file(f"{name}.conf", f"""
neighbor {remote} {{
    router-id {router_id or pod.address};
    local-address {local or pod.address};
    local-as {fig4.AS};
    peer-as {fig4.AS};
    hold-time {hold_time};
    family {{ ipv4 unicast; {'ipv6 unicast;' if six else ''} }}
    static {{
        {lines}
    }}
}}
""")
        # Without a user it would become nobody, who cannot read the lab's directory; its command pipes are not used.
        environment = {"exabgp_daemon_user": "root", "exabgp_daemon_daemonize": "false", "exabgp_api_cli": "false",
                       "exabgp_log_destination": "stdout", "exabgp_log_level": "INFO", "exabgp_log_all": "false",
                       "exabgp_tcp_bind": ""}
        self.process = pod.ns.start([need("exabgp"), path], name, env=environment)
