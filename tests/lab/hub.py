"""One daemon and one namespace full of speakers, for tests of what a peer sees: a module may share one.

    speakers 10.9.GROUP.N (fd00:9:GROUP::N) ---- one link ---- rrd 10.9.0.1 (fd00:9::1), AS 65021

The third octet of a speaker's address says which peer group takes it; see GROUPS. All come by dynamic ranges, so that
nothing of a test is left when its speakers are gone. Only the fixed ones are neighbors that the daemon itself connects to.
In the middle may be another daemon than rrd (target.py); what it cannot do is skipped.
"""
import itertools
import struct

import pytest

from . import bgp, target
from .wait import wait_until

AS = 65021
RRD, RRD6 = "10.9.0.1", "fd00:9::1"
# Another link of the daemon's, for next hops that no speaker shares a network with.
FAR, FAR6 = "172.16.0.1/12", "fd00:16::1/32"
EXTENDED = bgp.capability(bgp.CAP_EXTENDED_MESSAGE)

INTERVAL_S = 1
GROUPS = {
    "client": (1, {"route-reflector-client": True}),
    "all": (2, {"route-reflector-client": True, "add-paths": {"send": "all", "receive": True}}),
    "plain": (3, {"route-reflector-client": False}),
    "outside": (4, {"peer-as": "external"}),
    "silent": (5, {"route-reflector-client": True, "export": "none"}),
    "few": (6, {"route-reflector-client": True, "import": {"max-prefixes": 3}}),
    "limited": (7, {"route-reflector-client": True}),
    "short": (8, {"route-reflector-client": True, "hold-time": 3}),
    "send-only": (9, {"route-reflector-client": True, "add-paths": {"send": "all"}}),
    "receive-only": (10, {"route-reflector-client": True, "add-paths": {"receive": True}}),
    "four": (11, {"route-reflector-client": True, "families": ["ipv4-unicast"]}),
    "any": (12, {"peer-as": "any", "route-reflector-client": True, "min-hold-time": 0}),
    "stuck": (13, {"route-reflector-client": True, "hold-time": 3, "send-hold-time": 4}),
    "zero": (14, {"route-reflector-client": True, "min-hold-time": 0}),
    "elsewhere": (15, {"peer-as": "external"}),
    "paced": (16, {"route-reflector-client": True, "advertisement-interval": INTERVAL_S, "add-paths": {"send": "all"}}),
}
LIMIT = 5
FIXED = {"route-reflector-client": True, "connect-retry": 1, "connect-retry-max": 1}
FIXED_OCTET, FOREIGN_OCTET = 20, 21


def ranges(name):
    octet = GROUPS[name][0]
    return f"10.9.{octet}.0/24", f"fd00:9:{octet:x}::/64"


def config(fixed=(), extended_next_hop=False, foreign=(), next_hop_check=False):
    listed = []
    for name in GROUPS:
        limit = LIMIT if name == "limited" else 4096
        listed += [{"prefix": prefix, "peer-group": name, "limit": limit} for prefix in ranges(name)]
    groups = {name: {"hold-time": 90, "passive": True, **more} for name, (_, more) in GROUPS.items()}
    if fixed:
        groups["fixed"] = {"hold-time": 90, **FIXED}
    for asn in {asn for _, asn in foreign}:
        groups[f"foreign-{asn}"] = {"hold-time": 90, **FIXED, "peer-as": asn, "route-reflector-client": False}
    for group in groups.values() if extended_next_hop else ():
        group["extended-next-hop"] = True
    return {
        "router": {"as": AS, "router-id": RRD, "cluster-id": RRD, "next-hop-check": next_hop_check},
        "listen": [{"address": RRD, "port": 179}, {"address": RRD6, "port": 179}],
        "peer-groups": groups,
        "dynamic-neighbors": listed,
        "neighbors": [{"address": address, "peer-group": "fixed"} for address in fixed]
        + [{"address": address, "peer-group": f"foreign-{asn}"} for address, asn in foreign],
        "log": {"to": "stderr", "level": "debug"},
    }


class Hub:
    """daemon: which one (target.TARGETS). fixed: how many neighbors there are that it connects to; foreign: in which AS each of
    those is that are in another. extended_next_hop: every group offers RFC 8950. next_hop_check: it looks into its kernel for the way to
    next hops. cfg: rrd's configuration, instead of the usual one."""

    def __init__(self, lab, cfg=None, daemon="rrd", fixed=0, extended_next_hop=False, foreign=(), next_hop_check=False):
        self.lab = lab
        self.fixed = [f"10.9.{FIXED_OCTET}.{2 + i}" for i in range(fixed)]
        self.free = {AS: list(self.fixed)}
        others = [(f"10.9.{FOREIGN_OCTET}.{2 + i}", asn) for i, asn in enumerate(foreign)]
        for address, asn in others:
            self.free.setdefault(asn, []).append(address)
        self.rr, self.place = lab.ns("rr"), lab.ns("place")
        lab.link(self.rr, "eth0", self.place, "eth0")
        self.rr.batch(f"addr add {RRD}/16 dev eth0", f"addr add {RRD6}/32 dev eth0 nodad",
                      "link add far0 type veth peer name far1", "link set far1 up", "link set far0 up",
                      f"addr add {FAR} dev far0", f"addr add {FAR6} dev far0 nodad")
        self.numbers = {octet: itertools.count(2) for octet, _ in GROUPS.values()}
        self.speakers = []
        sessions = [(name, where, settings) for name, (_, settings) in GROUPS.items() for where in ranges(name)]
        sessions += [("fixed", address, FIXED) for address in self.fixed]
        sessions += [("foreign", address, {"peer-as": asn}) for address, asn in others]
        self.target = target.TARGETS[daemon](self.rr, target.Setup(
            AS, RRD, RRD6, sessions, extended_next_hop, next_hop_check,
            cfg or config(self.fixed, extended_next_hop, others, next_hop_check)))

    @property
    def rrd(self):
        return self.target.daemon

    def address(self, group, six=False):
        """A fresh address whose connection the group takes."""
        if group in self.target.CANNOT:
            pytest.skip(self.target.CANNOT[group])
        octet = GROUPS[group][0]
        number = next(self.numbers[octet])
        address = f"fd00:9:{octet:x}::{number:x}" if six else f"10.9.{octet}.{number}"
        self.place.ip(f"addr add {address}/{'32 dev eth0 nodad' if six else '16 dev eth0'}")
        return address

    def fixed_address(self, asn=AS):
        """A fresh address that the daemon connects to, and where it expects a peer of that AS."""
        if "fixed" in self.target.CANNOT:
            pytest.skip(self.target.CANNOT["fixed"])
        address = self.free[asn].pop(0)
        self.place.ip(f"addr add {address}/16 dev eth0")
        return address

    def speaker(self, group="client", six=False, asn=AS, **more):
        """Not yet connected. router_id: from the address, so that it is the speaker's own."""
        more.setdefault("local", None)
        local = more.pop("local") or self.address(group, six)
        more.setdefault("router_id", local if not six else f"6.6.{GROUPS[group][0]}.{int(local.split(':')[-1], 16)}")
        self.speakers.append(bgp.Speaker(self.place, RRD6 if six else RRD, local=local, asn=asn, **more))
        return self.speakers[-1]

    def up(self, group="client", **more):
        return self.speaker(group, **more).establish()

    def old_speaker(self, group="client", families=(bgp.IPV4,), more=(), **rest):
        """One whose AS numbers have two octets."""
        caps = [bgp.capability(bgp.CAP_MP, struct.pack("!HBB", afi, 0, safi)) for afi, safi in families]
        return self.speaker(group, families=families, capabilities=caps + list(more), **rest)

    def new_speaker(self, group="client", families=(bgp.IPV4,), more=(), asn=AS, **rest):
        """One with further capabilities."""
        caps = [bgp.capability(bgp.CAP_MP, struct.pack("!HBB", afi, 0, safi)) for afi, safi in families]
        caps += [bgp.capability(bgp.CAP_REFRESH), bgp.capability(bgp.CAP_AS4, struct.pack("!I", asn)), *more]
        return self.speaker(group, families=families, capabilities=caps, asn=asn, **rest)

    def gone(self, *speakers):
        """Closes them and waits until the daemon has forgotten them, and all routes when these were the last."""
        for speaker in speakers:
            speaker.close()
        self.speakers = [s for s in self.speakers if s.socket is not None]
        addresses = {s.local for s in speakers}
        wait_until(lambda: not self.target.running or not addresses & self.target.known()
                   and (self.speakers or not self.target.holds_routes()), 10, f"{self.target.TITLE} to forget them", poll_s=0.02)
