"""One rrd and one namespace full of speakers, for tests of what a peer sees: a module may share one.

    speakers 10.9.GROUP.N (fd00:9:GROUP::N) ---- one link ---- rrd 10.9.0.1 (fd00:9::1), AS 65021

The third octet of a speaker's address says which peer group takes it; see GROUPS. All come by dynamic ranges, so that
nothing of a test is left when its speakers are gone.
"""
import itertools
import struct

from . import bgp, daemons
from .wait import wait_until

AS = 65021
RRD, RRD6 = "10.9.0.1", "fd00:9::1"
EXTENDED = bgp.capability(bgp.CAP_EXTENDED_MESSAGE)

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
}
LIMIT = 5


def config():
    ranges = []
    for name, (octet, _) in GROUPS.items():
        limit = LIMIT if name == "limited" else 4096
        ranges += [{"prefix": f"10.9.{octet}.0/24", "peer-group": name, "limit": limit},
                   {"prefix": f"fd00:9:{octet:x}::/64", "peer-group": name, "limit": limit}]
    return {
        "router": {"as": AS, "router-id": RRD, "cluster-id": RRD},
        "listen": [{"address": RRD, "port": 179}, {"address": RRD6, "port": 179}],
        "peer-groups": {name: {"hold-time": 90, "passive": True, **more} for name, (_, more) in GROUPS.items()},
        "dynamic-neighbors": ranges,
        "log": {"to": "stderr", "level": "debug"},
    }


class Hub:
    def __init__(self, lab, cfg=None):
        self.lab = lab
        self.rr, self.place = lab.ns("rr"), lab.ns("place")
        lab.link(self.rr, "eth0", self.place, "eth0")
        self.rr.batch(f"addr add {RRD}/16 dev eth0", f"addr add {RRD6}/32 dev eth0 nodad")
        self.numbers = {octet: itertools.count(2) for octet, _ in GROUPS.values()}
        self.rrd = daemons.Daemon(self.rr, "rrd", cfg or config()).wait_until_ready()

    def address(self, group, six=False):
        """A fresh address whose connection the group takes."""
        octet = GROUPS[group][0]
        number = next(self.numbers[octet])
        address = f"fd00:9:{octet:x}::{number:x}" if six else f"10.9.{octet}.{number}"
        self.place.ip(f"addr add {address}/{'32 dev eth0 nodad' if six else '16 dev eth0'}")
        return address

    def speaker(self, group="client", six=False, asn=AS, **more):
        """Not yet connected. router_id: from the address, so that it is the speaker's own."""
        more.setdefault("local", None)
        local = more.pop("local") or self.address(group, six)
        more.setdefault("router_id", local if not six else f"6.6.{GROUPS[group][0]}.{int(local.split(':')[-1], 16)}")
        return bgp.Speaker(self.place, RRD6 if six else RRD, local=local, asn=asn, **more)

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
        """Closes them and waits until rrd has forgotten them."""
        for speaker in speakers:
            speaker.close()
        addresses = {s.local for s in speakers}
        wait_until(lambda: not addresses & set(self.rrd.neighbors()), 10, "rrd to forget them")
