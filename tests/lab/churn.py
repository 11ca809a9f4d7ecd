"""A reflector, a router with its kernel, and a cast of speakers, driven by a list of steps; beside them a model (model.py).

    c1..c5, f1, l1, s1 clients    n1..n3 non-clients    x1..x3, f2, s2 external    o1 client of two-octet AS numbers    b
       |                         |                     |                      |                                 |
    ---+-------------------------+---- 10.9.0.0/16 (fd00:9::/32), a bridge -----+---------------------------------+---
       |                                                    |                                   |
    reflector (rrd) 10.9.0.1, AS 65021                  router (rrd) 10.9.0.2              y1, y2 external,
                                                      eth1 10.10.1.0/24  eth2 10.10.2.0/24  i1 non-client, k1 client
                                                      (next hops, gateways to 10.20.N.0/24) of the router

f1 and f2 say routes of thousands of prefixes, where bulk is more than 1. All but s1, s2, b and the daemons come by dynamic ranges; c5 comes over IPv6. b is never changed: it hears all paths of the
reflector, and tells by its identifiers which of two equal ones the router prefers.

A step is a tuple of plain values, (verb, arguments...), that means something or nothing whatever was done before: so any part
of a list of steps is a list of steps, and a failure can be made shorter (test_churn.py). What may be done to whom is in
churn_steps.py. check() is a checkpoint: everybody says a new version of a route of his own, which comes behind all he said
before; when all have heard what the model says of all that, b does so once more, and then nothing else may have changed.
"""
import itertools
import signal
import time
from collections import Counter
from dataclasses import dataclass, replace

from . import attributes, bgp, daemons, model
from .attributes import SEQUENCE, Attributes
from .bulk import Bulk
from .churn_config import (EXTERNAL_AS, MARKS, NETWORKS, NEVER_REFUSED_HOPS, OWN_AS, RESET_KEYS, RR, RR6, ROUTER, ROUTER6, Settings,
                           policy_of, sent_of)
from .talker import Talker
from .wait import wait_until
from .watcher import Watcher

FAMILIES = {4: bgp.IPV4, 6: bgp.IPV6}
CEASE = 6


class Fault(AssertionError):
    """The daemons did something else than they must."""


@dataclass
class Member:
    """One of the cast. daemon: rr or router. number: the last part of its address."""
    name: str
    daemon: str
    group: str
    octet: int
    number: int
    six: bool = False
    old: bool = False
    asn: int = OWN_AS
    session: Talker = None
    shut: bool = False
    ending: bool = False    # the daemon is to end the session, or has
    may_end: bool = False   # or it may

    @property
    def address(self):
        return f"fd00:9:{self.octet:x}::{self.number:x}" if self.six else f"10.9.{self.octet}.{self.number}"

    @property
    def router_id(self):
        return f"10.9.{self.octet}.{self.number}"

    @property
    def external(self):
        return self.asn != OWN_AS


def cast():
    def of(daemon, group, octet, *names, asns=(), **more):
        return [Member(name, daemon, group, octet, number, asn=asns[number - 11] if asns else OWN_AS, **more)
                for number, name in enumerate(names, 11)]
    members = of("rr", "watch", 1, "b") + of("rr", "clients", 11, "c1", "c2") + of("rr", "paths", 12, "c3", "c4")
    members += of("rr", "plain", 13, "n1", "n2", "n3") + of("rr", "outside", 14, "x1", "x2", "x3", asns=EXTERNAL_AS[:3])
    members += of("rr", "limited", 15, "l1") + of("rr", "clients", 16, "s1") + of("rr", "outside", 17, "s2", asns=EXTERNAL_AS[1:2])
    members += of("rr", "clients", 20, "f1") + of("rr", "outside", 21, "f2", asns=EXTERNAL_AS[1:2])
    members += of("rr", "paths", 18, "c5", six=True) + of("rr", "clients", 19, "o1", old=True)
    members += of("router", "outside", 24, "y1", "y2", asns=EXTERNAL_AS[:2]) + of("router", "plain", 23, "i1")
    members += of("router", "paths", 22, "k1")
    return {m.name: m for m in members}


class World:
    def __init__(self, lab, bulk=1):
        self.lab, self.bulk = lab, Bulk(bulk)
        self.members = cast()
        self.settings = {name: Settings(name, self.members) for name in ("rr", "router")}
        self.round = 0
        self.compared = Counter()  # what the checkpoints have looked at: routes of peers, of the kernel
        self.watchers = {}   # {daemon: Watcher}
        self.reloading = {}  # {daemon: its status before a reload that nobody has waited for}
        self.kernel = model.Kernel([ROUTER, ROUTER6], {
            "eth0": ["10.9.0.0/16", "fd00:9::/32"], "eth1": ["10.10.1.0/24", "fd00:10:1::/64"],
            "eth2": ["10.10.2.0/24", "fd00:10:2::/64"]})
        for device, number in (("eth1", 1), ("eth2", 2)):
            self.kernel.addresses |= {f"10.10.{number}.1", f"fd00:10:{number}::1"}
        self.model = {"rr": model.Speaker(OWN_AS, RR), "router": model.Speaker(OWN_AS, ROUTER, kernel=self.kernel)}
        self._make_networks()
        self.daemon = {name: daemons.Daemon(self.ns[name], "rrd", self.settings[name].config(), name=f"rrd-{name}")
                       for name in ("rr", "router")}
        for daemon in self.daemon.values():
            daemon.wait_until_ready()
        self.apply_settings()

    def _make_networks(self):
        lan, self.place, self.far = self.lab.ns("lan"), self.lab.ns("place"), self.lab.ns("far")
        self.ns = {"rr": self.lab.ns("rr"), "router": self.lab.ns("router")}
        lan.batch("link add br0 type bridge", "link set br0 up")
        for ns in (*self.ns.values(), self.place):
            self.lab.port(lan, "br0", ns, "eth0")
        for name, four, six in (("rr", RR, RR6), ("router", ROUTER, ROUTER6)):
            self.ns[name].batch(f"addr add {four}/16 dev eth0", f"addr add {six}/32 dev eth0 nodad")
        self.place.batch(*(f"addr add {m.address}/{32 if m.six else 16} dev eth0{' nodad' if m.six else ''}"
                           for m in self.members.values()))
        router = self.ns["router"]
        for number in (1, 2):
            device = f"eth{number}"
            self.lab.link(router, device, self.far, device)
            router.sysctl(f"net/ipv6/conf/{device}/keep_addr_on_down", 1)
            router.batch(f"addr add 10.10.{number}.1/24 dev {device}", f"addr add fd00:10:{number}::1/64 dev {device} nodad")

    # Settings, and what follows from them in the model.

    def apply_settings(self):
        for name, speaker in self.model.items():
            router = self.settings[name].router
            speaker.always_compare_med = router["always-compare-med"]
            speaker.as_path_relax = router["as-path-relax"]
            speaker.multipath_max = router["multipath-max"]
            speaker.cluster_id = router["cluster-id"]
        for member in self.members.values():
            peer = self.model[member.daemon].peers.get(member.name)
            if peer:
                self._configure(peer, self.settings[member.daemon].of(member))
        self._apply_between()

    @staticmethod
    def _configure(peer, keys):
        peer.imports, peer.exports = policy_of(keys["import"]), policy_of(keys["export"])
        peer.next_hop_self, peer.sent = keys["next-hop-self"], sent_of(keys["send"])

    def _apply_between(self):
        """The session of the two daemons with each other, which they make themselves."""
        rr, router = self.settings["rr"].groups["routers"], self.settings["router"].groups["reflectors"]
        both = frozenset((4, 6)) if rr["send"] != "none" and router["receive"] else frozenset()
        there = self.model["rr"].peers.setdefault("router", model.Peer(
            "router", ROUTER, ROUTER, model.CLIENT, {4: RR, 6: RR6}, longest=65535))
        there.kind = model.CLIENT if rr["client"] else model.NON_CLIENT
        there.takes_paths = both
        there.extended_next_hop = rr["six-hops"] and router["six-hops"]
        there.longest = 65535 if rr["extended"] and router["extended"] else 4096
        self._configure(there, rr)
        here = self.model["router"].peers.setdefault("rr", model.Peer("rr", RR, RR, model.NON_CLIENT, {4: ROUTER, 6: ROUTER6}))
        self._configure(here, router)

    # Members.

    def local_of(self, member):
        return {4: RR, 6: RR6} if member.daemon == "rr" else {4: ROUTER, 6: ROUTER6}

    def up(self, member, families=(4, 6), add_path=0, enhanced=True, refresh=True, extended=True, hold=90, six_hops=False):
        session = Talker(self.place, self.local_of(member)[6 if member.six else 4], self.bulk, old=member.old, enhanced=enhanced,
                         refresh=refresh, extended=extended, six_hops=six_hops, local=member.address, asn=member.asn, router_id=member.router_id,
                         hold_time=hold, families=tuple(FAMILIES[f] for f in families),
                         add_path={FAMILIES[f]: add_path for f in families} if add_path else None)
        try:
            return session.establish()
        except (ConnectionError, OSError):
            self.lab.closers.remove(session)
            session.close()
            raise

    def up_at_last(self, member, options):
        """What is left of its last session may still be in the way."""
        return wait_until(lambda: self.up(member, **options), 15, f"{member.name} to be let in")

    def take(self, member, session):
        """The session is the member's from now on, and in the model."""
        keys = self.settings[member.daemon].of(member)
        kind = model.EXTERNAL if member.external else model.CLIENT if keys["client"] else model.NON_CLIENT
        member.session, member.ending, member.may_end = session, False, False
        local = self.local_of(member)
        if session.six_hops and member.six:
            local[4] = local[6]
        peer = model.Peer(
            member.name, member.address, member.router_id, kind, local, extended_next_hop=session.six_hops,
            families=tuple(v for v, f in FAMILIES.items() if f in session.families), as4=not member.old, longest=session.longest,
            takes_paths=frozenset(v for v, f in FAMILIES.items() if f in session.add_path_in),
            networks=NETWORKS if member.external and not keys["far"] else (), asn=member.asn if member.external else None, said=session.said)
        self._configure(peer, keys)
        self.model[member.daemon].peers[member.name] = peer

    def lose(self, member):
        """The daemon has no session with it any more, or will not have one."""
        self.model[member.daemon].peers.pop(member.name, None)
        member.ending = member.session is not None
        if member.session:
            member.session.hears.set()

    def drop(self, member):
        """Forgets a session that is over."""
        self.model[member.daemon].peers.pop(member.name, None)
        if member.session:
            self.lab.closers.remove(member.session)
            member.session.close()
        member.session, member.ending, member.may_end = None, False, False

    def notice(self):
        """Whose session has ended may have had a reason; and nothing came that must not."""
        for member in self.members.values():
            session = member.session
            if session and session.fault:
                raise Fault(f"{member.name} heard {session.fault}")
            if session and session.closed:
                if not member.ending and not member.may_end:
                    raise Fault(f"the session of {member.name} has ended ({session.closed}, NOTIFICATION {session.notification})")
                self.drop(member)

    def is_up(self, member):
        return member.session is not None and not member.ending

    # The checkpoint.

    def mark_prefix(self, member):
        number = list(self.members).index(member.name)
        return MARKS[4].format(number) if bgp.IPV4 in member.session.families else MARKS[6].format(number)

    def say_mark(self, member):
        self.round += 1
        prefix = self.mark_prefix(member)
        hops = NEVER_REFUSED_HOPS[6 if ":" in prefix else 4]
        path = ((SEQUENCE, (member.asn,)),) if member.external else ()
        a = Attributes(hops[self.round % len(hops)], as_path=path, communities=(OWN_AS << 16 | self.round & 0xffff,))
        with_id = FAMILIES[6 if ":" in prefix else 4] in member.session.add_path_out
        self.say(member, [prefix], 1 if with_id else None, a)
        return prefix

    def say(self, member, prefixes, path_id, a):
        """And the end of a member that says more than it may (rrd.conf(5), max-prefixes)."""
        member.session.announce_value(prefixes, path_id, a)
        self.over_limit(member)

    def over_limit(self, member):
        speaker, peer = self.model[member.daemon], self.model[member.daemon].peers[member.name]
        # Of each family; it is the UPDATEs before this one that were within the limit.
        limit = peer.imports.max_prefixes
        if limit and any(len(speaker.accepted(replace(peer, families=(f,)))) > limit for f in peer.families):
            self.lose(member)

    def check(self, timeout=20):
        self.finish_reloads()
        for member in self.members.values():
            if member.session:
                member.session.hears.set()
        self.settle_ends()
        b = self.members["b"]
        if not self.is_up(b):
            self.take(b, self.up_at_last(b, {"add_path": bgp.ADD_PATH_RECEIVE, "six_hops": True}))
        for member in self.members.values():
            if self.is_up(member):
                self.say_mark(member)
        self.wait_for_equality(timeout)
        for member in self.members.values():
            member.may_end = False
            if member.session:
                self.compared["routes"] += len(member.session.heard) + len(member.session.heard_bulk)
        self.compared["checkpoints"] += 1
        self.compared["kernel routes"] += len(self._kernel_routes())
        self.say_mark(b)
        wait_until(lambda: not self.differences(only=self.mark_prefix(b)), timeout, "b's last word")
        found = self.differences()
        if found:
            raise Fault("after all had been equal, and nothing was said but b's last word:\n" + "\n".join(found))
        self.compare_counts()

    def settle_ends(self):
        def fact():
            self.notice()
            assert not any(m.session and m.ending for m in self.members.values()), \
                [m.name for m in self.members.values() if m.session and m.ending]
            return True
        wait_until(fact, 15, "the end of sessions that must end")

    def wait_for_equality(self, timeout):
        end = time.monotonic() + timeout
        for pause in itertools.chain((0.02, 0.05, 0.1), itertools.repeat(0.2)):
            self.notice()
            found = self.differences()
            if not found:
                return
            if time.monotonic() > end:
                raise Fault("\n".join(found))
            time.sleep(pause)

    def differences(self, only=None):
        """Words for what is not as the model says, at most a few. only: a prefix."""
        found, table = [], self.model["rr"].table()
        for name in ("rr", "router"):
            if name == "router":
                self._tell_router(table)
                table = self.model["router"].table()
            for member in self.members.values():
                if member.daemon == name and self.is_up(member):
                    found += self._compare_member(member, table, only)
            if name in self.watchers and not only:
                found += self._compare_watcher(name, table)
            if found:
                return found[:12]
        return self._compare_kernel(table, only)[:12]

    def _compare_member(self, member, table, only):
        told = self.model[member.daemon].told(self.model[member.daemon].peers[member.name], table)
        held, found = {}, []
        for (prefix, _), a in list(member.session.heard.items()):
            held.setdefault(prefix, []).append(a)
        if self.bulk.count > 1:
            for prefix, (most, others) in self.bulk.collapsed(dict(member.session.heard_bulk)).items():
                held[prefix] = most
                if others:
                    found.append(f"{member.name}: {others} of {self.bulk.count} like {prefix} are not as the others")
        for prefix in sorted(set(told) | set(held)):
            wanted, has = [a for _, a in told.get(prefix, ())], list(held.get(prefix, ()))
            for a in list(wanted):
                if a in has:
                    has.remove(a)
                    wanted.remove(a)
            if only in (None, prefix):
                found += [f"{member.name}: {prefix} {a} is missing" for a in wanted]
                found += [f"{member.name}: {prefix} {a} should not be there" for a in has]
        return found

    def _compare_watcher(self, name, table):
        watcher, found = self.watchers[name], []
        if watcher.fault or watcher.ended:
            raise Fault(f"the watch of {name}: {watcher.fault or 'it has ended'}")
        if watcher.lost:
            # It was told so, and may begin again.
            self.do_watch(name, False)
            return []
        # b's own mark has an identifier at the router that nobody knows.
        hidden = {self.mark_prefix(self.members["b"])} if name == "router" else set()
        hidden |= set(self.bulk.octets) if self.bulk.count > 1 else set()
        paths = {(p.prefix, p.peer.address, p.path_id): p.attributes.next_hop for ps in table.values() for p in ps}
        best = {prefix: self.model[name].decide(paths)[0] for prefix, paths in table.items()}
        best = {prefix: (p.peer.address, p.path_id) for prefix, p in best.items() if p}
        for what, wanted, told in (("paths", paths, dict(watcher.paths)), ("best", best, dict(watcher.best))):
            for key in sorted({*wanted, *told}, key=str):
                prefix = key if what == "best" else key[0]
                if wanted.get(key) != told.get(key) and prefix not in hidden and prefix not in self.bulk.of:
                    found.append(f"watch of {name}, {what}: {key} is {told.get(key)} and should be {wanted.get(key)}")
        return found

    def _tell_router(self, table):
        """What the reflector tells the router, as the model has it, with the identifiers that b hears: they are the paths', the same
        for everybody (RFC 7911 leaves them to the sender). b and the router may hold two equal paths the other way round; that
        makes no difference, since all the router knows of them is equal then."""
        rr, peer = self.model["rr"], self.model["rr"].peers["router"]
        ids = {}
        for (prefix, path_id), a in self.members["b"].session.heard.items():
            ids.setdefault(prefix, []).append((a, path_id))
        as_b_hears = {prefix: {path: a for path, a in paths} for prefix, paths in rr.told(rr.peers["b"], table).items()}
        said = {}
        for prefix, paths in rr.told(peer, table).items():
            mine = sorted(ids.get(prefix, ()), key=lambda i: i[1])
            for path_id, a in self._by_id(paths, as_b_hears.get(prefix, {}), mine):
                said[prefix, path_id if peer.takes_paths and peer.sent != model.BEST else 0] = a
        self.model["router"].peers["rr"].said = said

    @staticmethod
    def _by_id(paths, as_b_hears, ids):
        left = list(ids)
        for number, (path, a) in enumerate(paths):
            match = next((i for i in left if i[0] == as_b_hears.get(path)), None)
            if match:
                left.remove(match)
            # b does not hear its own.
            yield (match[1] if match else -1 - number), a

    def _compare_kernel(self, table, only):
        wanted, has, found = self.model["router"].forwarding(table), self.kernel_routes(), []
        for prefix in sorted(set(wanted) | set(has)):
            if wanted.get(prefix) != has.get(prefix) and only in (None, prefix):
                found.append(f"kernel: {prefix} is {has.get(prefix)} and should be {wanted.get(prefix)}")
        return found

    def kernel_routes(self):
        """{prefix: {gateway: weight}} of all routes of protocol bgp."""
        table = self._kernel_routes()
        many = {(prefix, 0): table.pop(prefix) for prefix in list(table) if prefix in self.bulk.of}
        if self.bulk.count > 1:
            for prefix, (most, others) in self.bulk.collapsed(many).items():
                if most or others:
                    table[prefix] = most[0] if not others else (("others", others),)
        return {prefix: dict(hops) for prefix, hops in table.items()}

    def _kernel_routes(self):
        """{prefix: ((gateway, weight), ...)}, by the next-hop groups that the routes point at."""
        router, table = self.ns["router"], {}
        routes = {version: router.ip_json(f"-{version} route show table main proto bgp") for version in (4, 6)}
        objects = {o["id"]: o for o in router.ip_json("nexthop")}
        groups = {}
        for number, group in objects.items():
            hops = Counter()
            for hop in group.get("group", ()):
                hops[objects.get(hop["id"], {}).get("gateway", f"object {hop['id']}")] += hop.get("weight", 1)
            groups[number] = tuple(sorted(hops.items()))
        for version in (4, 6):
            for route in routes[version]:
                prefix = {"default": "0.0.0.0/0" if version == 4 else "::/0"}.get(route["dst"], route["dst"])
                prefix = prefix if "/" in prefix else f"{prefix}/{32 if version == 4 else 128}"
                assert prefix not in table, f"two routes for {prefix}"
                table[prefix] = groups.get(route["nhid"], (("no group", route["nhid"]),))
        return table

    def compare_counts(self):
        """What the daemons say of each neighbor."""
        def fact():
            for name, daemon in self.daemon.items():
                rows, speaker = daemon.neighbors(), self.model[name]
                table = speaker.table()
                for member in self.members.values():
                    if member.daemon == name and self.is_up(member):
                        row, peer = rows[member.address], speaker.peers[member.name]
                        told = speaker.told(peer, table)
                        wanted = (sum(self.bulk.size(prefix) for prefix, _ in speaker.accepted(peer)),
                                  sum(self.bulk.size(prefix) * len(paths) for prefix, paths in told.items()))
                        assert (row["received"], row["advertised"]) == wanted, \
                            f"{member.name}: received, advertised {row['received']}, {row['advertised']}, should be {wanted}"
            return True
        wait_until(fact, 10, "the daemons' own counts")

    def finish(self, timeout=20):
        """Everybody leaves: then the daemons hold nothing."""
        self.check(timeout)
        for member in self.members.values():
            self.drop(member)

        def fact():
            for name, daemon in self.daemon.items():
                rows = {row["what"]: row["objects"] for row in daemon.show("memory")}
                left = {what: rows[what] for what in ("prefixes", "paths", "withdrawn paths not yet told to all", "attribute sets")}
                assert not any(left.values()), f"{name} holds {left}"
            assert not self.kernel_routes(), self.kernel_routes()
            return True
        wait_until(fact, timeout, "empty tables when everybody has left")
        for name, watcher in self.watchers.items():
            assert watcher.lost or not (watcher.paths or watcher.best or watcher.fault), \
                f"the watch of {name}: {watcher.fault} {watcher.paths} {watcher.best}"

    def wait_until_read(self, name):
        """Until the daemon has read all that a member said."""
        member = self.members[name]
        if not self.is_up(member):
            return
        speaker = self.model[member.daemon]
        wanted = len(speaker.accepted(speaker.peers[name]))
        wait_until(lambda: self.daemon[member.daemon].neighbors()[member.address]["received"] == wanted, 10,
                   f"{member.daemon} to hold {wanted} routes of {name}")

    # Steps.

    def step(self, verb, *arguments):
        self.notice()
        getattr(self, f"do_{verb}")(*arguments)

    def do_up(self, name, options):
        member = self.members[name]
        self.finish_reloads()
        if member.ending:
            self.settle_ends()
        if not member.session and not member.shut:
            self.take(member, self.up_at_last(member, options))

    def do_down(self, name, how):
        member = self.members[name]
        session = member.session
        if not self.is_up(member):
            return
        if how == "mute":
            # It is over when the daemon says so.
            if session.hold_time <= 10:
                session.hush()
                self.lose(member)
            return
        if how == "notification":
            session.send(bgp.notification(CEASE, 2))
        self.lab.closers.remove(session)
        session.close(reset=how == "reset")
        member.session = None
        self.lose(member)

    def do_takeover(self, name, options):
        """A second connection of the same speaker takes the place of the first, unless there were many of late."""
        member = self.members[name]
        if not self.is_up(member):
            return
        self.finish_reloads()
        try:
            session = self.up(member, **options)
        except ConnectionError:
            return
        first, member.session = member.session, None
        first.hears.set()
        first.wait_for_end()
        self.lab.closers.remove(first)
        first.close()
        self.take(member, session)

    def do_say(self, name, prefixes, path_id, a, fat=None):
        member = self.members[name]
        if not self.is_up(member):
            return
        session, family = member.session, bgp.IPV6 if ":" in prefixes[0] else bgp.IPV4
        if family not in session.families:
            return
        if ":" in a.next_hop and family == bgp.IPV4 and not session.six_hops:
            return
        with_id = family in session.add_path_out
        if fat:
            prefixes, a = prefixes[:1], self._fattened(session, prefixes[0], a, with_id, *fat)
        self.say(member, prefixes, path_id if with_id else None, a)

    @staticmethod
    def _fattened(session, prefix, a, with_id, kind, octets):
        """With an attribute that makes the message as long as may be but for so many octets, or longer by so many."""
        as4 = not session.old
        plain = attributes.update_length(prefix, a if as4 else attributes.narrow(a), with_id, as4)
        if kind == "edge":
            octets = session.longest - plain - 4 - octets
        octets = min(octets, session.longest - plain - 4)
        return replace(a, others=tuple(sorted((*a.others, (200, 0xC0, bytes(max(octets, 256)))))))

    def do_withdraw(self, name, prefixes, path_id):
        member = self.members[name]
        if not self.is_up(member):
            return
        family = bgp.IPV6 if ":" in prefixes[0] else bgp.IPV4
        if family in member.session.families:
            with_ids = family in member.session.add_path_out
            member.session.withdraw_names([(p, path_id if with_ids else 0) for p in prefixes], with_ids)

    def do_mixed(self, name, gone, new, a):
        """One UPDATE that withdraws and announces, also the same prefix, which then counts as announced (RFC 4271 4.3); what it
        withdraws of IPv6 goes along in MP_UNREACH_NLRI."""
        member = self.members[name]
        if ":" not in a.next_hop and self.is_up(member) and bgp.IPV4 in member.session.families \
                and bgp.IPV4 not in member.session.add_path_out:
            six = bgp.IPV6 in member.session.families and bgp.IPV6 not in member.session.add_path_out
            member.session.mix([p for p in gone if ":" not in p], [p for p in gone if ":" in p] if six else [], new, a)
            self.over_limit(member)

    def do_flood(self, name, prefixes, a, count):
        """So many routes of as many octets as a message may have: more than those who do not read are kept in a stream for."""
        member = self.members[name]
        for number in range(count):
            self.do_say(name, [prefixes[number % len(prefixes)]], 1, replace(a, med=number), ("octets", 60000))
            if not self.is_up(member):
                return

    def do_burst(self, name, parts):
        for verb, *arguments in parts:
            self.step(verb, name, *arguments)

    def do_ask(self, name, version):
        member = self.members[name]
        if self.is_up(member) and member.session.refreshes and FAMILIES[version] in member.session.families:
            member.session.ask(FAMILIES[version])

    def do_again(self, name, version, leave_out):
        """A refresh of its own, without being asked (RFC 7313 4); every so manyth route is left out."""
        member = self.members[name]
        if self.is_up(member) and member.session.enhanced and FAMILIES[version] in member.session.families:
            names = sorted(n for n in member.session.said if model.family_of(n[0]) == version)
            member.session.say_again(FAMILIES[version], names[::leave_out] if leave_out else ())

    def do_deaf(self, name):
        if self.is_up(self.members[name]):
            self.members[name].session.hears.clear()

    def do_hear(self, name):
        if self.members[name].session:
            self.members[name].session.hears.set()

    # Commands.

    def ctl(self, daemon, *words):
        return self.daemon[daemon].ctl(*words, check=False)

    def do_refresh(self, daemon, name, direction):
        """name: of a member, or all. direction: in, out, or both."""
        whom = self.members[name].address if name != "all" else "all"
        if name == "all" or self.is_up(self.members[name]):
            self.ctl(daemon, "refresh", whom, *([direction] if direction != "both" else []))

    def do_clear(self, name):
        member = self.members[name]
        if self.is_up(member):
            self.lose(member)
            self.ctl(member.daemon, "clear", "neighbor", member.address)

    def do_shutdown(self, name):
        member = self.members[name]
        if not member.shut:
            if self.is_up(member):
                self.lose(member)
            member.shut = True
            self.ctl(member.daemon, "shutdown", member.address)

    def do_enable(self, name):
        member = self.members[name]
        if member.shut:
            self.ctl(member.daemon, "enable", member.address)
            member.shut = False

    def do_watch(self, daemon, on):
        """Somebody watches the routes, and all that he is told adds up to the table."""
        watcher = self.watchers.pop(daemon, None)
        if watcher:
            self.lab.closers.remove(watcher)
            watcher.close()
        if on:
            watcher = self.watchers[daemon] = Watcher(self.lab, self.daemon[daemon].socket)
            assert watcher.watching.wait(10), f"the watch of {daemon} has not begun"

    def do_drain(self, daemon, on):
        self.ctl(daemon, "drain" if on else "undrain")
        self.model[daemon].draining = on

    def do_reload(self, daemon, changes, wait=True):
        """changes: (where, key, value), see churn_config.Settings.change(). wait False: what is said next may be read before the
        configuration is, or after."""
        self.finish_reloads()
        if any(where == "group limited" for where, _, _ in changes):
            self.wait_until_read("l1")  # else nobody knows which limit it met
        settings, up = self.settings[daemon], [m for m in self.members.values() if m.daemon == daemon and self.is_up(m)]
        before, identity = {m.name: settings.of(m) for m in up}, dict(settings.router)
        for change in changes:
            settings.change(*change)
        self.reloading[daemon] = self.daemon[daemon].status()
        self.daemon[daemon].rewrite(settings.config()).process.signal(signal.SIGHUP)
        if wait:
            self.finish_reloads()
        for member in up:
            old, new = before[member.name], settings.of(member)
            reset = settings.router["cluster-id"] != identity["cluster-id"] or (old["send"] == "none") != (new["send"] == "none")
            if reset or any(old[k] != new[k] for k in RESET_KEYS):
                self.lose(member)
            elif old["import"] != new["import"] and not member.session.refreshes:
                # What it said before was refused and forgotten, and it cannot be asked.
                member.may_end = True
        self.apply_settings()
        for member in up:
            if self.is_up(member):
                self.over_limit(member)

    def finish_reloads(self):
        for name, before in self.reloading.items():
            def fact(daemon=self.daemon[name], before=before):
                now = daemon.status()
                return now if any(now[k] != before[k] for k in ("reloads", "reloads-refused")) else None
            now = wait_until(fact, 10, f"{name} to have read its configuration again")
            if now["reload-error"]:
                raise Fault(f"{name} refused its configuration: {now['reload-error']}")
        self.reloading.clear()

    def do_crash(self, daemon):
        """Killed, and started again: what it was told by command is forgotten. The kernel's routes stay meanwhile."""
        for member in self.members.values():
            if member.daemon == daemon:
                member.shut = False
                if self.is_up(member):
                    self.lose(member)
        self.model[daemon].draining = False
        self.finish_reloads()
        self.do_watch(daemon, False)
        self.daemon[daemon].process.kill()
        self.daemon[daemon].start().wait_until_ready()
        self.settle_ends()

    # The router's kernel.

    def do_route(self, network, gateway, metric):
        """A way to next hops that are behind a gateway; gateway None: it goes."""
        router = self.ns["router"]
        if network in self.kernel.routes:
            router.ip(f"route del {network} metric {self.kernel.routes.pop(network)[1]}")
        device = gateway and self.kernel.device_of(gateway)
        if device and device not in self.kernel.down:
            router.ip(f"route add {network} via {gateway} metric {metric}")
            self.kernel.routes[network] = (gateway, metric)

    def do_cable(self, device, plugged):
        self.far.ip(f"link set {device} {'up' if plugged else 'down'}")
        (self.kernel.down.discard if plugged else self.kernel.down.add)(device)

    def do_flap(self, device):
        """Down and up: the kernel forgets the routes over it, and ours."""
        self.ns["router"].batch(f"link set {device} down", f"link set {device} up")
        self.kernel.routes = {n: r for n, r in self.kernel.routes.items() if self.kernel.device_of(r[0]) != device}

    def do_vandal(self, number):
        """Somebody takes one of our routes out of the kernel, or one of our next hops."""
        router = self.ns["router"]
        if number % 2:
            mine = sorted(o["id"] for o in router.ip_json("nexthop") if o["id"] >= 1000000000)
            if mine:
                router.run(["ip", "nexthop", "del", "id", str(mine[number % len(mine)])], check=False)
        else:
            mine = sorted(self.kernel_routes())
            if mine:
                router.run(["ip", "route", "del", mine[number % len(mine)], "proto", "bgp"], check=False)

    def do_check(self, patience=20):
        self.check(patience)
