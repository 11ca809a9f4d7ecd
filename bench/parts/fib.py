"""The router's kernel as its own notifications tell it: which gateways a prefix has, and when that changed.

Both groups are read, routes (RTNLGRP_IPV4_ROUTE) and next-hop objects (RTNLGRP_NEXTHOP): a group that is replaced in place
makes no route event. The time of a change is CLOCK_MONOTONIC right after the notification was received, before it is parsed. The
kernel sends the notification from inside the request that changes the route, so it is neither before the change nor
noticeably after it.
"""
import ipaddress
import socket
import struct
import time

RTMGRP_IPV4_ROUTE, RTNLGRP_NEXTHOP = 0x40, 1 << 31
RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP = 24, 25, 104, 105
RTA_DST, RTA_GATEWAY, RTA_PRIORITY, RTA_MULTIPATH, RTA_NH_ID = 1, 5, 6, 9, 30
NHA_ID, NHA_GROUP, NHA_GATEWAY = 1, 2, 6
RT_TABLE_MAIN = 254
SO_RCVBUFFORCE = 33


def attributes(octets, at):
    found = {}
    while at + 4 <= len(octets):
        length, kind = struct.unpack_from("=HH", octets, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = octets[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def gateway(found, kind):
    return str(ipaddress.IPv4Address(found[kind])) if kind in found and len(found[kind]) == 4 else None


def number(octets):
    return struct.unpack("=I", octets)[0]


class Fib:
    """Made before the router's daemons start, as it does not ask the kernel for what is there already."""

    def __init__(self, ns, prefix):
        net = ipaddress.ip_network(prefix)
        self.dst, self.bits = net.network_address.packed, net.prefixlen
        self.objects = {}  # next-hop id: its gateway, or the ids of a group
        self.routes = {}   # metric: next-hop id, or the set of gateways
        with ns.entered():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.bind((0, RTMGRP_IPV4_ROUTE | RTNLGRP_NEXTHOP))
        ns.lab.closing(self)

    def close(self):
        self.socket.close()

    def gateways(self):
        """The gateways of the prefix as far as the notifications were read."""
        if not self.routes:
            return frozenset()
        route = self.routes[min(self.routes)]
        if not isinstance(route, int):
            return route
        held = self.objects.get(route)
        ids = held if isinstance(held, tuple) else (route,)
        return frozenset(g for g in (self.objects.get(i) for i in ids) if isinstance(g, str))

    def drain(self):
        """Reads what has come without waiting."""
        self.wait(None, 0)

    def wait(self, wanted, timeout=10.0):
        """Reads until the prefix has exactly the wanted gateways, or such as wanted(gateways) says; returns that moment in ns, or
        None when time is over."""
        right = wanted if callable(wanted) else lambda found: found == wanted
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0))
            batch = []
            try:
                batch.append((self.socket.recv(65536), time.monotonic_ns()))
                # What else is there gets its time before any of it is parsed.
                self.socket.settimeout(0)
                while True:
                    batch.append((self.socket.recv(65536), time.monotonic_ns()))
            except (BlockingIOError, socket.timeout):
                pass
            for octets, when in batch:
                self.apply(octets)
                if wanted is not None and right(self.gateways()):
                    return when
            if not batch and time.monotonic() >= deadline:
                return None

    def apply(self, octets):
        at = 0
        while at + 16 <= len(octets):
            length, kind = struct.unpack_from("=IH", octets, at)
            body = octets[at + 16:at + length]
            if kind in (RTM_NEWROUTE, RTM_DELROUTE):
                self.apply_route(kind, body)
            elif kind in (RTM_NEWNEXTHOP, RTM_DELNEXTHOP):
                self.apply_object(kind, body)
            at += (max(length, 16) + 3) & ~3

    def apply_route(self, kind, body):
        family, bits, table = body[0], body[1], body[4]
        if family != socket.AF_INET or bits != self.bits or table != RT_TABLE_MAIN:
            return
        found = attributes(body, 12)
        if found.get(RTA_DST) != self.dst:
            return
        metric = number(found[RTA_PRIORITY]) if RTA_PRIORITY in found else 0
        if kind == RTM_DELROUTE:
            self.routes.pop(metric, None)
        elif RTA_NH_ID in found:
            self.routes[metric] = number(found[RTA_NH_ID])
        elif RTA_MULTIPATH in found:
            self.routes[metric] = self.multipath(found[RTA_MULTIPATH])
        else:
            self.routes[metric] = frozenset({gateway(found, RTA_GATEWAY)})

    @staticmethod
    def multipath(octets):
        hops, at = set(), 0
        while at + 8 <= len(octets):
            length = struct.unpack_from("=H", octets, at)[0]
            hops.add(gateway(attributes(octets[:at + length], at + 8), RTA_GATEWAY))
            at += (max(length, 8) + 3) & ~3
        return frozenset(hops)

    def apply_object(self, kind, body):
        found = attributes(body, 8)
        ident = number(found[NHA_ID])
        if kind == RTM_DELNEXTHOP:
            self.objects.pop(ident, None)
            # The kernel takes the routes of an object with it and says nothing of them.
            self.routes = {m: r for m, r in self.routes.items() if r != ident}
        elif NHA_GROUP in found:
            group = found[NHA_GROUP]
            self.objects[ident] = tuple(number(group[i:i + 4]) for i in range(0, len(group) - 7, 8))
        else:
            self.objects[ident] = gateway(found, NHA_GATEWAY)
