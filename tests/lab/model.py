"""What a BGP speaker that reflects and routes must hold, say and install: the rules, written down once more.

Slow and obvious. There is no state but what peers have said and what is configured; every question is answered from the
start. No source of src/ is translated here: the rules are the RFCs', and where an RFC leaves a choice, the comment says which
was made and where the daemon's documentation promises it. When model and daemon disagree, the RFC decides.

    Speaker      one router: identity, policies, its peers, its kernel's view of next hops
    Peer         a neighbor with an established session: what was agreed on, what is configured, what it has said
    Policy       what may come in or go out
    Kernel       which next hops can be reached, by which gateway, at what cost

Prefixes are texts, as are addresses; attributes are Attributes of attributes.py.
"""
import functools
import ipaddress
import math
import struct
from dataclasses import dataclass, field, replace

from . import attributes
from .attributes import SEQUENCE, SET, Attributes

CLIENT, NON_CLIENT, EXTERNAL = "client", "non-client", "external"
BEST, ALL, MULTIPATH = "best", "all", "multipath"  # what is sent of a prefix; a number: so many of the best
DEFAULT_LOCAL_PREF = 100
WEIGHT_MAX, BESIDE_DRAIN = 255, 50


@functools.lru_cache(maxsize=None)
def network(prefix):
    return ipaddress.ip_network(prefix)


@functools.lru_cache(maxsize=None)
def number(address):
    return ipaddress.ip_address(address)


def family_of(prefix):
    return 6 if ":" in prefix else 4


# Policy.

@dataclass
class Policy:
    """rrd.conf(5), import and export. everything False: none. prefixes: (prefix, ge, le) or None for every prefix; a rule fits
    prefixes in its own with a length from ge to le. next_hops: prefixes or None. max_prefixes 0: no limit."""
    everything: bool = True
    prefixes: list = None
    next_hops: list = None
    max_prefixes: int = 0

    def allows_prefix(self, prefix):
        if not self.everything:
            return False
        if self.prefixes is None:
            return True
        mine = network(prefix)
        return any(mine.version == network(rule).version and mine.subnet_of(network(rule)) and ge <= mine.prefixlen <= le
                   for rule, ge, le in self.prefixes)

    def allows_next_hop(self, address):
        if not self.everything:
            return False
        return self.next_hops is None or self.names_next_hop(address)

    def names_next_hop(self, address):
        """It stands in a list, not merely because there is no list."""
        mine = number(address)
        return any(mine.version == network(n).version and mine in network(n) for n in self.next_hops or ())


# Next hops.

class Kernel:
    """How next hops are resolved: RFC 4271 5.1.3 and 9.1.2.1 want the immediate next hop found by a route of the routing
    table, recursively. rrd.conf(5), router.next-hop-check: not by the default route alone, not by a route of our own (which
    would resolve a next hop by a route that depends on it), not to our own address, not by a link that is down.

    links: {device: [networks]}; routes: {network: (gateway, metric)}. Every gateway is on a link."""
    looks = True

    def __init__(self, addresses, links):
        self.addresses, self.links = set(addresses), links
        self.routes = {}
        self.down = set()  # devices without a carrier

    def device_of(self, address):
        mine = number(address)
        return next((device for device, networks in self.links.items() if any(mine in network(n) for n in networks)), None)

    def resolve(self, address):
        """(gateway, cost), or None. The cost is the metric of the route that leads to the next hop; 0 where it is on a link."""
        mine = number(address)
        if address in self.addresses or mine.is_loopback or mine.is_multicast or mine.is_unspecified:
            return None
        device = self.device_of(address)
        if device:
            return None if device in self.down else (address, 0)
        for destination, (gateway, metric) in self.routes.items():
            if mine in network(destination):
                return None if self.device_of(gateway) in self.down else (gateway, metric)
        return None


class Everywhere:
    """The kernel of a reflector, which leaves next hops to its routers: each can be reached, at no cost."""
    looks = False

    @staticmethod
    def resolve(address):
        return (address, 0)


# Peers and their paths.

@dataclass(frozen=True, eq=False)
class Path:
    """One route of one peer: an entry of its Adj-RIB-In that import has let pass. eq=False: each is itself."""
    peer: object
    prefix: str
    path_id: int
    attributes: Attributes


@dataclass
class Peer:
    """local: {4: address, 6: address}, what we put in as the next hop where it becomes ours; None: nothing.
    networks: of an external neighbor on the link, those that the receiver is on; none: it is further away.
    sent: BEST, ALL, MULTIPATH or a number, as configured; takes_paths: {4, 6}, the families in which it was agreed that we
    send several paths (RFC 7911 4: we offer to send, it offers to receive). said: {(prefix, path id): Attributes}, all that
    it announces at present, refused or not."""
    name: str
    address: str
    router_id: str
    kind: str
    local: dict
    families: tuple = (4, 6)
    sent: object = BEST
    takes_paths: frozenset = frozenset()
    imports: Policy = field(default_factory=Policy)
    exports: Policy = field(default_factory=Policy)
    next_hop_self: bool = False
    as4: bool = True
    longest: int = 4096
    extended_next_hop: bool = False
    networks: tuple = ()
    asn: int = None  # of an external neighbor
    said: dict = field(default_factory=dict)


class Speaker:
    def __init__(self, asn, router_id, cluster_id=None, kernel=Everywhere):
        self.asn, self.router_id, self.cluster_id, self.kernel = asn, router_id, cluster_id or router_id, kernel
        self.always_compare_med = self.as_path_relax = self.draining = False
        self.multipath_max, self.bandwidth_unit = 64, 1000
        self.peers = {}

    # In.

    def refusal(self, peer, prefix, a):
        """Why a route is not taken, or None.

        RFC 4271 9: a route whose AS_PATH holds our own AS has been here. RFC 4456 8: so has one with our identifier as
        ORIGINATOR_ID, or with our cluster in its CLUSTER_LIST; both attributes mean nothing from an external peer and are
        discarded there (RFC 7606 7.9, 7.10). RFC 4271 6.3: a next hop that is the receiver's own address is ignored, as is a
        loopback address; rrd takes it where next-hops of import name it, and a router that looks at next hops
        keeps it and finds that it cannot be reached. A neighbor of another AS on the link names itself or somebody on a network of
        the receiver's, or what next-hops name. Prefixes that no router may route: loopback,
        link-local, multicast and what is above, 0.0.0.0/8 but not the default route."""
        if any(self.asn in asns for _, asns in a.as_path):
            return "own AS"
        if a.originator_id == self.router_id or self.cluster_id in a.cluster_list:
            return "reflected back"
        if not peer.imports.allows_next_hop(a.next_hop):
            return "next hop not allowed"
        own = a.next_hop in peer.local.values() or number(a.next_hop).is_loopback
        if own and not self.kernel.looks and not peer.imports.names_next_hop(a.next_hop):
            return "own next hop"
        shared = a.next_hop == peer.address or any(number(a.next_hop) in network(n) for n in peer.networks)
        if peer.networks and not shared and not peer.imports.names_next_hop(a.next_hop):
            return "next hop off the link"
        if _is_martian(network(prefix)):
            return "martian"
        if not peer.imports.allows_prefix(prefix):
            return "prefix not allowed"
        return None

    @staticmethod
    def understood(peer, a):
        """What is taken of a route's attributes. RFC 4271 5.1.5: LOCAL_PREF of an external peer is ignored; RFC 7606 7.9 and
        7.10: ORIGINATOR_ID and CLUSTER_LIST of one are discarded. RFC 4271 5: an attribute that is not recognized goes on only
        when it is optional and transitive, and with the Partial bit."""
        known = (6, 7, 32)
        others = tuple(o if o[0] in known else (o[0], o[1] | attributes.PARTIAL, o[2])
                       for o in a.others if o[0] in known or o[1] & attributes.TRANSITIVE)
        a = replace(a, others=others)
        if peer.kind == EXTERNAL:
            a = replace(a, local_pref=None, originator_id=None, cluster_list=())
        return a

    def table(self):
        """{prefix: [Path]} of all that import has let pass, of all peers: the Adj-RIBs-In, RFC 4271 3.2. What the other questions
        are asked of: paths of one table are the same paths."""
        found = {}
        for peer in self.peers.values():
            for (prefix, path_id), said in sorted(peer.said.items()):
                a = self.understood(peer, said)
                if family_of(prefix) in peer.families and not self.refusal(peer, prefix, a):
                    found.setdefault(prefix, []).append(Path(peer, prefix, path_id, a))
        return found

    def accepted(self, peer):
        """The names, (prefix, path id), of the routes that are taken from a peer."""
        return [(prefix, path_id) for (prefix, path_id), a in peer.said.items()
                if family_of(prefix) in peer.families and not self.refusal(peer, prefix, self.understood(peer, a))]

    # The decision.

    def degree_of_preference(self, path):
        """RFC 4271 9.1.1: LOCAL_PREF of an internal peer; for an external one what is configured here, which is the default.
        RFC 8326 4: 0 where the community GRACEFUL_SHUTDOWN asks for it."""
        if attributes.GRACEFUL_SHUTDOWN in path.attributes.communities:
            return 0
        given = path.attributes.local_pref
        return DEFAULT_LOCAL_PREF if given is None else given

    def cost(self, path):
        return self.kernel.resolve(path.attributes.next_hop)[1]

    def equal(self, candidates):
        """What is left after 9.1.2.2 a) to e): the paths that are as good as the best. RFC 4271 9.1.2: one whose next hop
        cannot be resolved takes no part."""
        left = [p for p in candidates if self.kernel.resolve(p.attributes.next_hop)]

        def keep_lowest(measure):
            lowest = min(measure(p) for p in left)
            return [p for p in left if measure(p) == lowest]

        if not left:
            return []
        left = keep_lowest(lambda p: -self.degree_of_preference(p))  # 9.1.2: the highest degree of preference
        left = keep_lowest(lambda p: _path_length(p.attributes.as_path))  # a)
        left = keep_lowest(lambda p: p.attributes.origin)  # b)
        # c) The lowest MULTI_EXIT_DISC, 0 where there is none. MEDs are comparable only between paths of one neighboring AS: a
        # path goes out if another one from the same AS has a lower one. router.always-compare-med: between all.
        left = [p for p in left
                if not any(_med(q) < _med(p) and (self.always_compare_med or _neighbor_as(p) == _neighbor_as(q)) for q in left)]
        if any(p.peer.kind == EXTERNAL for p in left):  # d) external over internal
            left = [p for p in left if p.peer.kind == EXTERNAL]
        return keep_lowest(self.cost)  # e)

    @staticmethod
    def first_of(equal):
        """The tie-breaks. 9.1.2.2 f): the lowest BGP Identifier, for which RFC 4456 9 takes ORIGINATOR_ID where there is one.
        RFC 4456 9: then the shortest CLUSTER_LIST. g): the lowest peer address. Several paths of one peer are not in the RFCs'
        list; rrd takes the lowest path identifier (src/route/decide.h)."""
        def order(path):
            identifier = path.attributes.originator_id or path.peer.router_id
            address = number(path.peer.address)
            return (int(number(identifier)), len(path.attributes.cluster_list), address.version, int(address),
                    path.path_id)
        return min(equal, key=order)

    def decide(self, candidates):
        """(the best or None, the equal-cost set). The set is what first_of() chose from, with one rule more for external paths:
        they come from one neighboring AS, unless router.as-path-relax is set (src/route/decide.h)."""
        equal = self.equal(candidates)
        if not equal:
            return None, []
        best = self.first_of(equal)
        if best.peer.kind == EXTERNAL and not self.as_path_relax:
            equal = [p for p in equal if _neighbor_as(p) == _neighbor_as(best)]
        return best, equal

    def ranked(self, candidates, count):
        """The best, then the best of the others, and so on."""
        rest, found = list(candidates), []
        while len(found) < count:
            best, _ = self.decide(rest)
            if not best:
                break
            found.append(best)
            rest.remove(best)
        return found

    # Out.

    def chosen(self, peer, prefix, paths):
        """The paths of a prefix that are there to be sent to a peer, before it is asked whether each may be. RFC 4271 9.1.3:
        without add-path the best one, and with it none whose next hop cannot be reached. rrd.conf(5), add-paths.send: all; the best
        and those equal to it; the first so many in the order of the decision."""
        if family_of(prefix) not in peer.takes_paths or peer.sent == BEST:
            best, _ = self.decide(paths)
            return [best] if best else []
        if peer.sent == ALL:
            return [p for p in paths if self.kernel.resolve(p.attributes.next_hop)]
        if peer.sent == MULTIPATH:
            return self.decide(paths)[1]
        return self.ranked(paths, peer.sent)

    def may_send(self, peer, path):
        """RFC 4271 9.2: not back to its source. RFC 4456 6: what came from a non-client goes to clients and outside; what came
        from a client or from outside goes to all. RFC 1997: NO_ADVERTISE goes to nobody, NO_EXPORT and NO_EXPORT_SUBCONFED not
        outside (there are no confederations here)."""
        communities = path.attributes.communities
        if path.peer is peer:
            return False
        if path.peer.kind == NON_CLIENT and peer.kind == NON_CLIENT:
            return False
        if attributes.NO_ADVERTISE in communities:
            return False
        if peer.kind == EXTERNAL and {attributes.NO_EXPORT, attributes.NO_EXPORT_SUBCONFED} & set(communities):
            return False
        return peer.exports.allows_prefix(path.prefix)

    def outgoing(self, peer, path):
        """The attributes as the peer is to see them, or None where there is no way to say them."""
        a = self._inside(path) if peer.kind != EXTERNAL else self._outside(path)
        # RFC 4271 5.1.3: towards an external peer the next hop is our own address; rrd.conf(5), next-hop-self: elsewhere too.
        if peer.kind == EXTERNAL or peer.next_hop_self:
            a = replace(a, next_hop=peer.local[family_of(path.prefix)])
        # RFC 4760 3, RFC 8950 4: the next hop is of the route's family, or an IPv6 address where that was agreed on.
        if a.next_hop is None or (family_of(path.prefix) == 6) != (":" in a.next_hop) and not (
                peer.extended_next_hop and family_of(path.prefix) == 4):
            return None
        if self.draining:
            a = self._to_be_avoided(peer, a)
        # RFC 4271 9.2: a route that does not fit into a message is not advertised. RFC 8654 4: before that ATOMIC_AGGREGATE and
        # AGGREGATOR are left out.
        for said in (a, replace(a, others=tuple(o for o in a.others if o[0] not in attributes.DISPENSABLE))):
            if not peer.as4:
                said = attributes.narrow(said)
            if attributes.update_length(path.prefix, said, self._says_ids(peer, path.prefix), peer.as4) <= peer.longest:
                return said
        return None

    def _inside(self, path):
        """To an internal peer. RFC 4271 5.1.5: with LOCAL_PREF, which is the degree of preference where the route is from
        outside. RFC 4456 8: a reflected route has the identifier of who brought it into the AS, and our cluster in front of
        its list; 10: all else stays as it was."""
        a = path.attributes
        if path.peer.kind == EXTERNAL:
            return replace(a, local_pref=self.degree_of_preference(path))
        given = DEFAULT_LOCAL_PREF if a.local_pref is None else a.local_pref
        return replace(a, local_pref=given, originator_id=a.originator_id or path.peer.router_id,
                       cluster_list=(self.cluster_id, *a.cluster_list))

    def _outside(self, path):
        """To an external peer. RFC 4271 5.1.2 b): our AS in front of the AS_PATH; 5.1.5: no LOCAL_PREF; RFC 4456: what is of
        reflection stays inside. RFC 4271 5.1.4: a MED that came from a neighboring AS goes to no other one; one that was made
        in our own AS does. RFC 4360 6: extended communities that are not transitive stay."""
        a = path.attributes
        return replace(a, as_path=_with_as(a.as_path, self.asn), local_pref=None, originator_id=None, cluster_list=(),
                       med=None if a.as_path or path.peer.kind == EXTERNAL else a.med,
                       extended=tuple(e for e in a.extended if not e[0] & 0x40))

    @staticmethod
    def _to_be_avoided(peer, a):
        """RFC 8326 3, rrctl(8) drain: the community, and LOCAL_PREF 0 inside."""
        communities = a.communities
        if attributes.GRACEFUL_SHUTDOWN not in communities:
            communities = (*communities, attributes.GRACEFUL_SHUTDOWN)
        return replace(a, communities=communities, local_pref=None if peer.kind == EXTERNAL else 0)

    @staticmethod
    def _says_ids(peer, prefix):
        return peer.sent != BEST and family_of(prefix) in peer.takes_paths

    def told(self, peer, table):
        """{prefix: [(path, attributes as told)]} of everything a peer must hold from us, its Adj-RIB-In."""
        found = {}
        for prefix, paths in table.items():
            if family_of(prefix) not in peer.families:
                continue
            for path in self.chosen(peer, prefix, paths):
                a = self.outgoing(peer, path) if self.may_send(peer, path) else None
                if a:
                    found.setdefault(prefix, []).append((path, a))
        return found

    # The kernel.

    def forwarding(self, table):
        """{prefix: {gateway: weight}} of the kernel's routes. rrd.conf(5), fib."""
        found = {}
        for prefix, paths in table.items():
            _, equal = self.decide(paths)
            gateways = {}
            for hop, weight in self._weights(equal).items():
                gateway = self.kernel.resolve(hop)[0]
                gateways[gateway] = gateways.get(gateway, 0) + weight
            if gateways:
                found[prefix] = gateways
        return found

    def _weights(self, equal):
        """{next hop: weight} by the rules at the head of src/route/weights.h.

        A load balancer is an originator behind a next hop; where it is heard twice the smaller bandwidth counts. Who says
        nothing has the median of the others. What stands behind one next hop adds up. The unit is doubled while a weight
        would be over 255; beside one that drains (bandwidth 0, weight 1) the others are made at least 50, as far as the
        largest stays within 255. Where all drain, or nobody says anything, each counts 1."""
        balancers = {}
        for path in equal:
            who = (path.attributes.next_hop, path.attributes.originator_id or path.peer.router_id)
            said = [b for b in (balancers.get(who), _bandwidth(path.attributes)) if b is not None]
            balancers[who] = min(said) if said else None
        hops = sorted({hop for hop, _ in balancers}, key=lambda h: int(number(h)))[:self.multipath_max]
        carrying = sorted(b for b in balancers.values() if b)
        usual = (carrying[(len(carrying) - 1) // 2] + carrying[len(carrying) // 2]) / 2 if carrying else 1
        if all(b == 0 for b in balancers.values()):
            balancers = {who: 1 for who in balancers}
            carrying = []
        shares = {hop: sum(usual if b is None else b for (its, _), b in balancers.items() if its == hop) for hop in hops}
        if not shares:
            return {}
        largest, unit = max(shares.values()), self.bandwidth_unit if carrying else 1
        while largest / unit > WEIGHT_MAX:
            unit *= 2
        working = [s for s in shares.values() if s]
        if len(working) < len(shares) and working:
            unit = min(unit, max(min(working) / BESIDE_DRAIN, largest / WEIGHT_MAX))
        return {hop: max(1, min(WEIGHT_MAX, math.floor(share / unit + 0.5))) for hop, share in shares.items()}


# Of attributes.

def _is_martian(net):
    first = net.network_address
    if net.version == 4:
        return first.packed[0] == 127 or first.packed[0] >= 224 or (first.packed[0] == 0 and net.prefixlen >= 8)
    return first.is_multicast or (first.is_link_local and net.prefixlen >= 10) or (net.prefixlen == 128 and int(first) <= 1)


def _path_length(path):
    """RFC 4271 9.1.2.2 a): an AS_SET counts as one, however many are in it."""
    return sum(1 if kind == SET else len(asns) for kind, asns in path)


def _med(path):
    return path.attributes.med or 0


def _neighbor_as(path):
    """RFC 4271 9.1.2.2 c): the AS from which the route came into ours: the first of the AS_PATH. Where that is empty or begins
    with a set, the external neighbor's; of an internal route, our own."""
    for kind, asns in path.attributes.as_path[:1]:
        if kind == SEQUENCE:
            return asns[0]
    return path.peer.asn


def _with_as(path, asn):
    """RFC 4271 5.1.2 b)."""
    if path and path[0][0] == SEQUENCE and len(path[0][1]) < 255:
        return ((SEQUENCE, (asn, *path[0][1])), *path[1:])
    return ((SEQUENCE, (asn,)), *path)


def _bandwidth(a):
    """Octets per second of the first link bandwidth community, transitive or not, or None."""
    for e in a.extended:
        if e[0] & ~0x40 == 0 and e[1] == 4:
            return struct.unpack("!f", e[4:8])[0]
    return None
