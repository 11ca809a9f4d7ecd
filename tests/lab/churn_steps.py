"""Steps for churn.py at random: Dice(random).steps(n). What they choose from is small, so that routes meet, tie and replace each
other; each kind of thing that a rule speaks of is in it, also what must be refused."""
import struct

from .attributes import (GRACEFUL_SHUTDOWN, NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED, SEQUENCE, SET, Attributes)
from .bulk import REPRESENTATIVES
from .churn import cast
from .churn_config import GROUPS, OWN_AS, RR, STATIC, ROUTER

PREFIXES = {
    4: ["10.1.0.0/16", "10.1.0.0/24", "10.1.1.0/24", "10.1.1.128/25", "10.1.2.3/32", "10.1.3.0/24", "10.1.4.0/22", "10.1.8.0/24",
        "172.16.0.0/12", "203.0.113.0/24", "0.0.0.0/0", "127.5.0.0/16", "224.1.0.0/16"],
    6: ["fd00:1::/32", "fd00:1:1::/48", "fd00:1:1::/64", "fd00:1:2::/64", "fd00:1:2:3::1/128", "2001:db8::/32", "::/0", "ff02::/16"]}
# On a link of the router, behind a gateway that comes and goes; and now and then nowhere, its own, the reflector's own, none at all.
HOPS = {
    4: ["10.9.0.77", "10.10.1.11", "10.10.1.12", "10.10.2.11", "10.10.2.12", "10.20.1.5", "10.20.2.5", "10.20.2.6"],
    6: ["fd00:9::77", "fd00:10:1::11", "fd00:10:1::12", "fd00:10:2::11", "fd00:20:1::5", "fd00:20:2::5"]}
BAD_HOPS = {4: ["10.99.0.1", ROUTER, RR, "127.0.0.1"], 6: ["fd00:99::1", "fd00:9::2", "fd00:9::1", "::1"]}
NETWORKS = {4: ("10.20.1.0/24", "10.20.2.0/24"), 6: ("fd00:20:1::/64", "fd00:20:2::/64")}
GATEWAYS = {4: ("10.10.1.21", "10.10.2.21", "10.9.0.78"), 6: ("fd00:10:1::21", "fd00:10:2::21", "fd00:9::78")}
PREFIX_RULES = ["10.1.0.0/16 le 24", "10.1.0.0/16 ge 24", "10.1.1.0/24 le 32", "10.1.0.0/16", "0.0.0.0/0", "0.0.0.0/0 ge 8 le 16",
                "172.16.0.0/12 le 32", "203.0.113.0/24", "fd00:1::/32 le 64", "fd00:1::/32 ge 64", "::/0", "2001:db8::/32 le 48", "10.64.0.0/10 le 32", "10.64.0.0/11 ge 26 le 26"]
HOP_RULES = ["10.9.0.0/16", "10.10.0.0/16", "10.10.1.0/24", "10.20.0.0/16", "10.9.0.1/32", "fd00:9::/32", "fd00:10::/32",
             "fd00:20::/32"]
CLUSTERS = ["9.9.9.1", "9.9.9.2"]
BANDWIDTHS = [0.0, 10e3, 20e3, 30e3, 100e3, 900e3]
GONE = ("close", "reset", "notification", "mute")

# How often, beside each other.
WEIGHTS = {"say": 340, "withdraw": 120, "burst": 60, "mixed": 25, "down": 45, "up": 70, "takeover": 12, "ask": 30, "again": 20, "refresh": 15,
           "clear": 4, "shutdown": 6, "enable": 10, "drain": 10, "reload": 45, "route": 30, "cable": 8, "flap": 4, "deaf": 20,
           "hear": 15, "vandal": 5, "watch": 10}
LONG_WEIGHTS = {**WEIGHTS, "crash": 1, "flood": 6, "bulk": 40}


class Dice:
    def __init__(self, random, weights=WEIGHTS):
        self.random, self.weights = random, weights
        self.members = cast()
        self.names = [n for n in self.members if n != "b"]
        self.absent = set()

    def steps(self, count, each=40):
        """So many, and a checkpoint after each so many and at the end. All begin by coming up."""
        made = [self.up(name) for name in self.names]
        for number in range(count):
            verb = self.random.choices(list(self.weights), list(self.weights.values()))[0]
            made.append(getattr(self, verb)())
            if number % each == each - 1:
                made.append(("check",))
        return made if made[-1] == ("check",) else [*made, ("check",)]

    # Helpers.

    def chance(self, p):
        return self.random.random() < p

    def one(self, things):
        return self.random.choice(list(things))

    def some(self, things, most):
        things = list(things)
        return self.random.sample(things, self.random.randint(1, min(most, len(things))))

    def version(self):
        return 4 if self.chance(0.7) else 6

    # Sessions.

    def options(self):
        families = self.random.choices([(4, 6), (4,), (6,)], (8, 1, 1))[0]
        return {"families": families, "add_path": self.one((0, 1, 2, 3, 3)), "enhanced": self.chance(0.6),
                "refresh": self.chance(0.85), "extended": self.chance(0.6),
                "six_hops": self.chance(0.5), "hold": self.one((90, 90, 4))}

    def up(self, name=None):
        name = name or self.one(sorted(self.absent) or self.names)
        self.absent.discard(name)
        return ("up", name, self.options())

    def down(self):
        name = self.one(self.names)
        self.absent.add(name)
        return ("down", name, self.random.choices(GONE, (3, 3, 2, 1))[0])

    def takeover(self):
        return ("takeover", self.one(self.names), self.options())

    def deaf(self):
        return ("deaf", self.one(self.names))

    def hear(self):
        return ("hear", self.one(self.names))

    # Routes.

    def attributes(self, member, version):
        """Of an UPDATE of this member. Ties are likely, and so is each reason to be refused or kept inside, now and then."""
        path = self.one(((), (65001,), (65002,), (65001, 65003), (4200000001,), (65001, 65002, 65003)))
        path = ((SEQUENCE, path),) if path else ()
        if self.chance(0.1):
            path = (*path, (SET, (65010, 65011)))
        if member.external:
            rest = path[1:] if path and path[0][0] == SEQUENCE else path
            path = ((SEQUENCE, (member.asn, *(path[0][1] if path and path[0][0] == SEQUENCE else ()))), *rest)
        if self.chance(0.02):
            path = (*path, (SEQUENCE, (OWN_AS,)))
        inside = not member.external or self.chance(0.05)
        # IPv4 routes by IPv6 next hops, where that was agreed on.
        hop_version = 6 if self.chance(0.12) else version
        return Attributes(
            self.one(BAD_HOPS[hop_version] if self.chance(0.08) else HOPS[hop_version]), as_path=path, origin=self.one((0, 0, 0, 0, 1, 2)), med=self.one((None, None, 0, 10, 20)),
            local_pref=self.one((None, 100, 100, 100, 200)) if inside else None, communities=self.communities(),
            originator_id=self.originator() if inside else None, cluster_list=self.clusters() if inside else (),
            extended=self.extended(), others=self.others())

    def communities(self):
        kinds = (NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED, GRACEFUL_SHUTDOWN, OWN_AS << 16 | 7)
        return tuple(self.random.choices(((), (self.one(kinds),), (OWN_AS << 16 | 1, OWN_AS << 16 | 2)), (6, 2, 1))[0])

    def originator(self):
        return self.random.choices((None, "7.7.7.7", self.one(self.members.values()).router_id, RR), (30, 3, 3, 1))[0]

    def clusters(self):
        return self.random.choices(((), tuple(self.some(CLUSTERS, 2)), (ROUTER,), (RR,)), (30, 4, 1, 1))[0]

    def extended(self):
        found = []
        if self.chance(0.4):
            found.append(struct.pack("!BBHf", self.one((0x40, 0x40, 0x00)), 4, OWN_AS, self.one(BANDWIDTHS)))
        if self.chance(0.1):
            found.append(struct.pack("!BBHI", self.one((0x00, 0x40)), 2, OWN_AS, 1))
        return tuple(found)

    def others(self):
        kinds = ((6, 0x40, b""), (7, 0xC0, struct.pack("!I4s", self.one((65001, 4200000001)), b"\x0a\0\0\1")),
                 (32, 0xC0, struct.pack("!III", OWN_AS, 1, self.random.randrange(3))), (99, 0xC0, b"unknown"), (98, 0x80, b"not passed on"),
                 (97, 0xE0, b"partial"))
        return tuple(sorted(k for k in kinds if self.chance(0.05)))

    def fat(self):
        kind = self.random.choices((None, "edge", "octets"), (85, 8, 7))[0]
        if not kind:
            return None
        return (kind, self.random.randrange(-4, 40) if kind == "edge" else self.one((900, 2000, 20000)))

    def said(self, name):
        version = self.version()
        return (self.some(PREFIXES[version], 4), self.random.randint(1, 3), self.attributes(self.members[name], version), self.fat())

    def say(self):
        name = self.one(self.names)
        return ("say", name, *self.said(name))

    def withdrawn(self):
        return (self.some(PREFIXES[self.version()], 4), self.random.randint(1, 3))

    def withdraw(self):
        return ("withdraw", self.one(self.names), *self.withdrawn())

    def burst(self):
        name = self.one(self.names)
        parts = [("say", *self.said(name)) if self.chance(0.7) else ("withdraw", *self.withdrawn())
                 for _ in range(self.random.randint(3, 12))]
        return ("burst", name, parts)

    def mixed(self):
        name, everything = self.one(self.names), PREFIXES[4] + PREFIXES[6]
        return ("mixed", name, self.some(everything, 6), self.some(PREFIXES[4], 3), self.attributes(self.members[name], 4))

    def flood(self):
        name, version = self.one(self.names), self.version()
        return ("flood", name, self.some(PREFIXES[version], 12), self.attributes(self.members[name], version), 150)

    def bulk(self):
        """Of thousands of prefixes, where a representative stands for so many."""
        name, prefixes = self.one(("f1", "f2")), self.some(REPRESENTATIVES, 2)
        if self.chance(0.3):
            return ("withdraw", name, prefixes, 1)
        return ("say", name, prefixes, 1, self.attributes(self.members[name], 4), None)

    def ask(self):
        return ("ask", self.one(self.names), self.version())

    def again(self):
        return ("again", self.one(self.names), self.version(), self.one((0, 1, 2, 3)))

    # Commands and settings.

    def daemon(self):
        return "rr" if self.chance(0.75) else "router"

    def refresh(self):
        name = self.one((*self.names, "all"))
        return ("refresh", self.members[name].daemon if name != "all" else self.daemon(), name, self.one(("in", "out", "both")))

    def clear(self):
        return ("clear", self.one(self.names))

    def shutdown(self):
        return ("shutdown", self.one(self.names))

    def enable(self):
        return ("enable", self.one(self.names))

    def drain(self):
        return ("drain", self.daemon(), self.chance(0.4))

    def watch(self):
        return ("watch", self.daemon(), self.chance(0.7))

    def policy(self, with_hops):
        kind = self.random.choices(("all", "rules", "none"), (5, 4, 1))[0]
        if kind != "rules":
            return kind
        value = {}
        if not with_hops or self.chance(0.7):
            value["prefixes"] = self.some(PREFIX_RULES, 8)
        if with_hops and (not value or self.chance(0.5)):
            value["next-hops"] = self.some(HOP_RULES, 8)
        return value

    def key(self):
        """A key of a group or a neighbor, and a value."""
        key = self.random.choices(("import", "export", "next-hop-self", "send", "interval", "client", "receive", "extended", "refresh",
                                   "six-hops"), (30, 30, 10, 15, 6, 3, 3, 2, 2, 3))[0]
        if key in ("import", "export"):
            return key, self.policy(key == "import")
        return key, self.one({"send": ("none", "all", "all", "multipath", "best 1", "best 2", "best 3"), "interval": (0, 0, 1)}.get(
            key, (False, True)))

    def change(self, daemon):
        kind = self.random.choices(("group", "own", "range", "router", "limit"),
                                   (12, 4, 2, 2, 1 if daemon == "rr" else 0))[0]
        if kind == "own" and daemon == "rr":
            name = self.one(sorted(STATIC - {"b"}))
            key, value = self.key()
            if key == "client" and self.members[name].external:
                key, value = "next-hop-self", value
            return f"own {name}", key, None if self.chance(0.3) else value
        if kind == "limit":
            return "group limited", "import", {"max-prefixes": self.one((2, 4, 4, 8))}
        if kind == "range" and daemon == "rr":
            return f"range {self.one((11, 12, 18, 19))}", self.one(("clients", "paths")), None
        if kind == "router":
            key = self.one(("always-compare-med", "as-path-relax", "multipath-max", "cluster-id"))
            value = self.one({"multipath-max": (64, 64, 2, 1), "cluster-id": (RR, "10.9.0.99")}.get(key, (False, True)))
            return "router", key, value if daemon == "rr" or key != "cluster-id" else ROUTER
        group = self.one(sorted(set(GROUPS[daemon]) - {"watch", "limited"}))
        key, value = self.key()
        if key == "client" and group == "outside":
            key, value = "next-hop-self", value
        if group == "reflectors" and key in ("export", "client", "send"):
            key, value = "import", self.policy(True)
        return f"group {group}", key, value

    def reload(self):
        daemon = self.daemon()
        changes = [self.change(daemon) for _ in range(self.random.choices((1, 2, 4), (6, 3, 1))[0])]
        # Who is reset by it must not come up meanwhile, and is waited for.
        harmless = all(where != "group limited" and key in ("import", "export", "next-hop-self", "interval", "always-compare-med", "as-path-relax", "multipath-max")
                       for where, key, _ in changes)
        return ("reload", daemon, changes, not harmless or self.chance(0.4))

    # The router's kernel.

    def route(self):
        version = self.version()
        return ("route", self.one(NETWORKS[version]), self.one((None, *GATEWAYS[version] * 2)), self.one((10, 10, 50)))

    def cable(self):
        return ("cable", self.one(("eth1", "eth2")), self.chance(0.7))

    def flap(self):
        return ("flap", self.one(("eth1", "eth2")))

    def vandal(self):
        return ("vandal", self.random.randrange(100))

    def crash(self):
        return ("crash", self.daemon())
