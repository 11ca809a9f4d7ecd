"""The configurations of churn.py's two daemons: settings that a step may change, the YAML they make, and what they mean to the
model. Every rule lets pass the prefixes and next hops of the checkpoints, so that only `none` makes somebody deaf to them."""
import copy

from . import model

OWN_AS = 65021
EXTERNAL_AS = (65101, 65102, 4200000003)
RR, RR6 = "10.9.0.1", "fd00:9::1"
ROUTER, ROUTER6 = "10.9.0.2", "fd00:9::2"
MARKS = {4: "10.2.{}.0/24", 6: "fd00:2:{}::/48"}
MARK_RULES = ["10.2.0.0/16 ge 24 le 24", "fd00:2::/32 ge 48 le 48"]
NEVER_REFUSED_HOPS = {4: ("10.9.0.201", "10.9.0.202"), 6: ("fd00:9::201", "fd00:9::202")}
MARK_HOPS = ["10.9.0.200/29", "fd00:9::200/120"]
LIMIT = 4

DEFAULTS = {"as": "internal", "client": False, "send": "none", "receive": False, "import": "all", "export": "all",
            "next-hop-self": False, "interval": 0, "extended": True, "refresh": True, "six-hops": False,
            "far": False}
RESET_KEYS = ("client", "receive", "extended", "refresh", "six-hops")  # send too, to and from none
GROUPS = {
    "rr": {"watch": {"client": True, "send": "all", "six-hops": True},
           "clients": {"client": True},
           "paths": {"client": True, "send": "all", "receive": True, "six-hops": True},
           "plain": {"six-hops": True},
           "outside": {"as": "external", "far": True},
           "limited": {"client": True, "send": "best 2", "receive": True, "import": {"max-prefixes": LIMIT}},
           "routers": {"client": True, "send": "all", "six-hops": True}},
    "router": {"outside": {"as": "external", "far": True},
               "plain": {},
               "paths": {"client": True, "send": "multipath", "receive": True},
               # What the router hears from outside stays its own: else what each of the two prefers could depend on the other.
               "reflectors": {"receive": True, "export": "none", "six-hops": True}},
}
STATIC = {"b", "s1", "s2"}
OWN = {"s2": {"far": False}}  # not further away than the link
NETWORKS = ("10.9.0.0/16", "fd00:9::/32")


def with_marks(value):
    """A policy of the configuration that lets the checkpoints pass."""
    if isinstance(value, str):
        return value
    value = dict(value)
    if "prefixes" in value:
        value["prefixes"] = [*value["prefixes"], *MARK_RULES]
    if "next-hops" in value:
        value["next-hops"] = [*value["next-hops"], *MARK_HOPS]
    return value


def policy_of(value):
    """The model's, of what stands in the configuration: all, none, or a dictionary."""
    if isinstance(value, str):
        return model.Policy(everything=value == "all")
    value = with_marks(value)
    rules = value.get("prefixes")
    return model.Policy(prefixes=[_rule(r) for r in rules] if rules else None, next_hops=value.get("next-hops"),
                        max_prefixes=value.get("max-prefixes", 0))


def _rule(text):
    """rrd.conf(5): the length that is written; from ge to the longest; from what is written to le; from ge to le."""
    prefix, *words = text.split()
    bounds = dict(zip(words[::2], map(int, words[1::2])))
    length = model.network(prefix).prefixlen
    low = bounds.get("ge", length)
    high = bounds.get("le", model.network(prefix).max_prefixlen if "ge" in bounds else length)
    return prefix, low, high


def sent_of(value):
    return {"none": model.BEST, "all": model.ALL, "multipath": model.MULTIPATH}.get(value) or int(value.split()[1])


class Settings:
    """Of one daemon. own: {member: keys of its own}, of static ones; homes: {octet of a range: group}."""

    def __init__(self, name, members):
        self.name, self.members = name, [m for m in members.values() if m.daemon == name]
        self.groups = {group: {**DEFAULTS, **keys} for group, keys in GROUPS[name].items()}
        self.own = {m.name: dict(OWN.get(m.name, {})) for m in self.members if m.name in STATIC}
        self.homes = {m.octet: m.group for m in self.members if m.name not in STATIC}
        mine = RR if name == "rr" else ROUTER
        self.router = {"as": OWN_AS, "router-id": mine, "cluster-id": mine, "always-compare-med": False, "as-path-relax": False,
                       "multipath-max": 64}

    def of(self, member):
        """What holds for a member: its group's keys, then its own."""
        group = self.groups[member.group if member.name in STATIC else self.homes[member.octet]]
        keys, own = copy.deepcopy(group), copy.deepcopy(self.own.get(member.name, {}))
        for key, value in own.items():
            # rrd.conf(5), import: all and none replace what the group says, keys are merged with the group's.
            both = key in ("import", "export") and isinstance(value, dict) and isinstance(keys[key], dict)
            keys[key] = {**keys[key], **value} if both else value
        return keys

    def change(self, where, key, value):
        """where: router, group NAME, own MEMBER (value None: as the group), or range OCTET, whose key is its group. The group that
        b is in, and what keeps the cast apart, do not change."""
        kind, _, name = where.partition(" ")
        if kind == "router":
            self.router[key] = value
        elif kind == "group":
            self.groups[name][key] = value
        elif kind == "own" and value is None:
            self.own[name].pop(key, None)
        elif kind == "own":
            self.own[name][key] = value
        else:
            self.homes[int(name)] = key

    # As YAML.

    @staticmethod
    def _keys(keys, all_of_them=False):
        out = {}
        names = {"client": "route-reflector-client", "interval": "advertisement-interval", "extended": "extended-messages",
                 "refresh": "route-refresh", "as": "peer-as", "next-hop-self": "next-hop-self", "six-hops": "extended-next-hop",
                 "far": "multihop-ttl"}
        for key, value in keys.items():
            if key in ("import", "export"):
                out[key] = with_marks(value)
            elif key in ("send", "receive"):
                out.setdefault("add-paths", {})[key] = value
            elif all_of_them or key == "as" or value != DEFAULTS[key]:
                out[names[key]] = 64 * value if key == "far" else value
        return out

    def config(self):
        mine, mine6 = (RR, RR6) if self.name == "rr" else (ROUTER, ROUTER6)
        neighbors = [{"address": m.address, "peer-group": m.group, **self._keys(self.own[m.name], True)}
                     for m in self.members if m.name in self.own]
        other, group = (ROUTER, "routers") if self.name == "rr" else (RR, "reflectors")
        neighbors.append({"address": other, "peer-group": group, "passive": False, "hold-time": 9})
        ranges = [{"prefix": f"fd00:9:{o:x}::/64" if any(m.six and m.octet == o for m in self.members) else f"10.9.{o}.0/24",
                   "peer-group": group} for o, group in self.homes.items()]
        config = {"router": dict(self.router), "listen": [{"address": mine}, {"address": mine6}],
                  "peer-groups": {name: {"passive": True, "min-hold-time": 0, **self._keys(keys)}
                                  for name, keys in self.groups.items()},
                  "neighbors": neighbors, "dynamic-neighbors": ranges, "log": {"to": "stderr", "level": "info"}}
        if self.name == "router":
            config["fib"] = {"enabled": True, "link-bandwidth-unit": 1000, "compare-interval": 1}
        return config
