"""A peer's table as a plain dictionary, and what a route reflector may do to it. Slow and obvious on purpose."""
import ipaddress
import socket
import struct
import threading
import time

from . import bgp, mrt

AGGREGATOR, ORIGINATOR_ID, CLUSTER_LIST = 7, 9, 10
EXTENDED_LENGTH = 0x10


def attributes(octets):
    """{code: (flags, value)}; how the length is written is no matter."""
    found, at = {}, 0
    while at < len(octets):
        flags, code = octets[at], octets[at + 1]
        if flags & EXTENDED_LENGTH:
            length, at = struct.unpack_from("!H", octets, at + 2)[0], at + 4
        else:
            length, at = octets[at + 2], at + 3
        found[code] = (flags & ~EXTENDED_LENGTH, octets[at:at + length])
        at += length
    return found


def apply(table, update):
    """table: {prefix as on the wire: attributes as on the wire}. RFC 7607: AS 0 in a path is a withdrawal. Prefixes that cannot
    be routed are not taken."""
    withdrawn, octets, announced = mrt.parts(update)
    for prefix in mrt.prefixes(withdrawn):
        table.pop(prefix, None)
    if announced and mrt.has_as_0(octets):
        for prefix in mrt.prefixes(announced):
            table.pop(prefix, None)
    else:
        for prefix in mrt.prefixes(announced):
            if mrt.is_routable(prefix):
                table[prefix] = octets


def reflected(octets, source, clusters):
    """What RFC 4456 makes of a client's attributes on its way through these clusters, first to last; RFC 7607 discards an
    AGGREGATOR with AS 0."""
    found = attributes(octets)
    if AGGREGATOR in found and not any(found[AGGREGATOR][1][:4]):
        del found[AGGREGATOR]
    found.setdefault(ORIGINATOR_ID, (0x80, ipaddress.IPv4Address(source).packed))
    before = found.get(CLUSTER_LIST, (0x80, b""))[1]
    added = b"".join(ipaddress.IPv4Address(cluster).packed for cluster in reversed(clusters))
    found[CLUSTER_LIST] = (0x80, added + before)
    return found


def difference(wanted, held, few=5):
    """Words for the first differences of two tables, or "". wanted: {prefix: attributes}, held: the same as octets."""
    said = [f"{name(p)} is missing" for p in wanted.keys() - held.keys()]
    said += [f"{name(p)} should not be there" for p in held.keys() - wanted.keys()]
    decoded = {octets: attributes(octets) for octets in set(held.values())}
    for prefix in wanted.keys() & held.keys():
        got = decoded[held[prefix]]
        if got != wanted[prefix]:
            codes = [c for c in got.keys() | wanted[prefix].keys() if got.get(c) != wanted[prefix].get(c)]
            said.append(f"{name(prefix)}: " + ", ".join(
                f"attribute {c} is {got.get(c)} instead of {wanted[prefix].get(c)}" for c in codes))
    more = f"\n... and {len(said) - few} more" if len(said) > few else ""
    return "\n".join(said[:few]) + more


def name(prefix):
    return f"{socket.inet_ntoa(prefix[1:].ljust(4, bytes(1)))}/{prefix[0]}"


class Receiver:
    """A session that keeps a table and nothing else, in a thread of its own."""

    def __init__(self, speaker):
        self.table, self.updates, self.closed = {}, 0, False
        self.thread = threading.Thread(target=self._loop, args=(speaker.socket, speaker.buffer), daemon=True)
        self.thread.start()

    def _loop(self, sock, octets):
        due = time.monotonic()
        while True:
            at = 0
            while len(octets) - at >= 19 and len(octets) - at >= (end := struct.unpack_from("!H", octets, at + 16)[0]):
                if octets[at + 18] == bgp.UPDATE:
                    self.updates += 1
                    apply(self.table, octets[at:at + end])
                at += end
            octets = octets[at:]
            if time.monotonic() >= due:
                due = time.monotonic() + 20
                sock.sendall(bgp.message(bgp.KEEPALIVE))
            sock.settimeout(5)
            try:
                more = sock.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                more = b""
            if not more:
                self.closed = True
                return
            octets += more
