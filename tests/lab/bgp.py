"""A BGP speaker for tests that says whatever a test wants, true or false, and decodes what it hears.

Speaker(ns, remote) connects at open(); establish() does the handshake; afterwards a thread of its own reads, keeps the
session alive and holds what came: messages in order, and routes as the peer's announcements stand now. send() sends any
octets. Encoders below the class are plain functions of their arguments and check nothing.
RFC 4271, 4760 (MP-BGP), 5492 (capabilities), 6793 (4-octet AS), 7911 (add-path), 2918 (refresh).
"""
import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from . import tcp
from .wait import wait_until

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
IPV4, IPV6 = (1, 1), (2, 1)
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF = 1, 2, 3, 4, 5
COMMUNITIES, ORIGINATOR_ID, CLUSTER_LIST, MP_REACH, MP_UNREACH, EXTENDED_COMMUNITIES = 8, 9, 10, 14, 15, 16
CAP_MP, CAP_REFRESH, CAP_EXTENDED_NEXT_HOP, CAP_EXTENDED_MESSAGE, CAP_AS4, CAP_ADD_PATH = 1, 2, 5, 6, 65, 69
ADD_PATH_RECEIVE, ADD_PATH_SEND, ADD_PATH_BOTH = 1, 2, 3
AS_TRANS = 23456


# Encoding: octets from values.

def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def capability(code, value=b""):
    return bytes([code, len(value)]) + value


def open_message(asn, hold_time, router_id, capabilities=(), version=4):
    caps = b"".join(capabilities)
    options = bytes([2, len(caps)]) + caps if caps else b""
    two_octets = asn if asn < 65536 else AS_TRANS
    body = struct.pack("!BHH", version, two_octets, hold_time) + ipaddress.IPv4Address(router_id).packed
    return message(OPEN, body + bytes([len(options)]) + options)


def attribute(code, value, flags=None):
    """flags None: what the RFC says for well-known and the usual optional codes."""
    if flags is None:
        flags = 0x40 if code in (ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF) else 0x80
        if code in (COMMUNITIES, EXTENDED_COMMUNITIES):
            flags = 0xC0
    if len(value) > 255:
        return struct.pack("!BBH", flags | 0x10, code, len(value)) + value
    return struct.pack("!BBB", flags, code, len(value)) + value


def nlri(prefixes, path_ids=None):
    """path_ids: one per prefix, where add-path is sent."""
    out = b""
    for number, prefix in enumerate(prefixes):
        net = ipaddress.ip_network(prefix)
        if path_ids is not None:
            out += struct.pack("!I", path_ids[number])
        out += bytes([net.prefixlen]) + net.network_address.packed[:(net.prefixlen + 7) // 8]
    return out


def as_path(*asns, four_octets=True):
    if not asns:
        return b""
    return struct.pack("!BB", 2, len(asns)) + b"".join(struct.pack("!I" if four_octets else "!H", a) for a in asns)


def link_bandwidth(asn, octets_s, transitive=False):
    """The extended community, draft-ietf-idr-link-bandwidth."""
    return struct.pack("!BBHf", 0x00 if transitive else 0x40, 4, asn, octets_s)


def update(withdrawn=b"", attributes=b"", reachable=b""):
    return message(UPDATE, struct.pack("!H", len(withdrawn)) + withdrawn
                   + struct.pack("!H", len(attributes)) + attributes + reachable)


def announcement(prefixes, next_hop, path=(), local_pref=100, med=None, origin=0, more=b"", path_ids=None):
    """An UPDATE that announces prefixes of one family by one next hop; more: further attributes as octets."""
    six = ":" in prefixes[0]
    attributes = attribute(ORIGIN, bytes([origin])) + attribute(AS_PATH, as_path(*path))
    if not six:
        attributes += attribute(NEXT_HOP, ipaddress.IPv4Address(next_hop).packed)
    if med is not None:
        attributes += attribute(MED, struct.pack("!I", med))
    if local_pref is not None:
        attributes += attribute(LOCAL_PREF, struct.pack("!I", local_pref))
    attributes += more
    if not six:
        return update(attributes=attributes, reachable=nlri(prefixes, path_ids))
    hop = ipaddress.ip_address(next_hop).packed
    value = struct.pack("!HBB", 2, 1, len(hop)) + hop + b"\0" + nlri(prefixes, path_ids)
    return update(attributes=attributes + attribute(MP_REACH, value))


def withdrawal(prefixes, path_ids=None):
    if ":" not in prefixes[0]:
        return update(withdrawn=nlri(prefixes, path_ids))
    return update(attributes=attribute(MP_UNREACH, struct.pack("!HB", 2, 1) + nlri(prefixes, path_ids)))


def end_of_rib(family=IPV4):
    if family == IPV4:
        return update()
    return update(attributes=attribute(MP_UNREACH, struct.pack("!HB", *family)))


def notification(code, subcode, data=b""):
    return message(NOTIFICATION, bytes([code, subcode]) + data)


# Decoding: values from octets.

@dataclass
class Message:
    kind: int
    body: bytes
    when: float = 0.0  # time.monotonic() when it had come

    @property
    def error(self):
        """(code, subcode) of a NOTIFICATION."""
        return (self.body[0], self.body[1]) if self.kind == NOTIFICATION else None


@dataclass
class PeerOpen:
    version: int
    asn: int
    hold_time: int
    router_id: str
    capabilities: list = field(default_factory=list)  # (code, value)

    def has(self, code, value=None):
        return any(c == code and value in (None, v) for c, v in self.capabilities)

    def add_path(self, family):
        """What the peer says it will do: 0, or ADD_PATH_RECEIVE, _SEND, _BOTH."""
        for code, value in self.capabilities:
            for i in range(0, len(value) - 3 if code == CAP_ADD_PATH else 0, 4):
                afi, safi, mode = struct.unpack_from("!HBB", value, i)
                if (afi, safi) == family:
                    return mode
        return 0


@dataclass
class Path:
    """One announced path; attributes: {code: value in octets}."""
    prefix: str
    path_id: int
    next_hop: str
    attributes: dict

    @property
    def originator_id(self):
        value = self.attributes.get(ORIGINATOR_ID)
        return str(ipaddress.IPv4Address(value)) if value else None

    @property
    def as_path(self):
        """AS numbers of 4 octets, whatever kind of segment they are in."""
        value, found, at = self.attributes.get(AS_PATH, b""), [], 0
        while at < len(value):
            found += struct.unpack_from(f"!{value[at + 1]}I", value, at + 2)
            at += 2 + 4 * value[at + 1]
        return found

    @property
    def local_pref(self):
        value = self.attributes.get(LOCAL_PREF)
        return struct.unpack("!I", value)[0] if value else None

    @property
    def communities(self):
        value = self.attributes.get(COMMUNITIES, b"")
        return [struct.unpack_from("!HH", value, i) for i in range(0, len(value), 4)]

    @property
    def link_bandwidth(self):
        """(AS, octets per second) of the community 0x4004, or None."""
        value = self.attributes.get(EXTENDED_COMMUNITIES, b"")
        for i in range(0, len(value), 8):
            if value[i:i + 2] == b"\x40\x04":
                return struct.unpack_from("!Hf", value, i + 2)
        return None

    @property
    def cluster_list(self):
        value = self.attributes.get(CLUSTER_LIST, b"")
        return [str(ipaddress.IPv4Address(value[i:i + 4])) for i in range(0, len(value), 4)]


def decode_open(body):
    version, asn, hold_time = struct.unpack_from("!BHH", body)
    peer = PeerOpen(version, asn, hold_time, str(ipaddress.IPv4Address(body[5:9])))
    options, at = body[10:10 + body[9]], 0
    while at + 2 <= len(options):
        kind, length = options[at], options[at + 1]
        value, at = options[at + 2:at + 2 + length], at + 2 + length
        while kind == 2 and len(value) >= 2:
            peer.capabilities.append((value[0], value[2:2 + value[1]]))
            value = value[2 + value[1]:]
    for code, value in peer.capabilities:
        if code == CAP_AS4:
            peer.asn = struct.unpack("!I", value)[0]
    return peer


def decode_nlri(octets, family, with_ids):
    """[(prefix, path id)]; path id 0 without add-path."""
    found, at = [], 0
    size = 4 if family[0] == 1 else 16
    while at < len(octets):
        ident = 0
        if with_ids:
            ident, at = struct.unpack_from("!I", octets, at)[0], at + 4
        bits, at = octets[at], at + 1
        n = (bits + 7) // 8
        address = ipaddress.ip_address(octets[at:at + n] + bytes(size - n))
        at += n
        found.append((f"{address}/{bits}", ident))
    return found


def decode_attributes(octets):
    found, at = {}, 0
    while at < len(octets):
        flags, code = octets[at], octets[at + 1]
        if flags & 0x10:
            length, at = struct.unpack_from("!H", octets, at + 2)[0], at + 4
        else:
            length, at = octets[at + 2], at + 3
        found[code] = octets[at:at + length]
        at += length
    return found


def decode_update(body, add_path=()):
    """(withdrawn [(family, prefix, id)], paths [Path], family whose End-of-RIB this is or None).
    add_path: families whose NLRI carry path ids."""
    n = struct.unpack_from("!H", body)[0]
    withdrawn = [(IPV4, *w) for w in decode_nlri(body[2:2 + n], IPV4, IPV4 in add_path)]
    m = struct.unpack_from("!H", body, 2 + n)[0]
    attributes = decode_attributes(body[4 + n:4 + n + m])
    reachable = body[4 + n + m:]
    if not n and not m and not reachable:
        return [], [], IPV4
    paths, ended = [], None
    if reachable:
        hop = str(ipaddress.IPv4Address(attributes[NEXT_HOP]))
        paths += [Path(p, i, hop, attributes) for p, i in decode_nlri(reachable, IPV4, IPV4 in add_path)]
    if MP_UNREACH in attributes:
        value = attributes[MP_UNREACH]
        family = struct.unpack_from("!HB", value)
        if len(value) == 3:
            ended = family
        withdrawn += [(family, *w) for w in decode_nlri(value[3:], family, family in add_path)]
    if MP_REACH in attributes:
        value = attributes[MP_REACH]
        family, length = struct.unpack_from("!HB", value), value[3]
        hop = str(ipaddress.ip_address(value[4:4 + length][:16 if length >= 16 else 4]))
        paths += [Path(p, i, hop, attributes) for p, i in decode_nlri(value[5 + length:], family, family in add_path)]
    return withdrawn, paths, ended


class Speaker:
    """ns: where the connection starts. capabilities: octet strings; None: what a modern speaker says, made from
    families, add_path ({family: mode}) and asn. local: the source address, or None for the kernel's choice. password: TCP-MD5;
    ttl, min_ttl: of its packets, and what it asks of the peer's. receive_buffer: octets, for who wants to be full soon."""

    def __init__(self, ns, remote, local=None, port=179, asn=65021, router_id=None, hold_time=90,
                 families=(IPV4,), add_path=None, capabilities=None, password=None, ttl=None, min_ttl=None,
                 receive_buffer=None):
        self.ns, self.remote, self.local, self.port = ns, remote, local, port
        self.asn, self.hold_time, self.families = asn, hold_time, families
        self.router_id = router_id or local or "192.0.2.99"
        self.offered_add_path = add_path or {}
        self.capabilities = capabilities
        self.password, self.ttl, self.min_ttl, self.receive_buffer = password, ttl, min_ttl, receive_buffer
        self.socket, self.peer, self.thread = None, None, None
        self.buffer = b""
        self.messages = []       # every Message since open(), in order
        self.routes = {}         # {(prefix, path id): Path}
        self.ended = set()       # families whose End-of-RIB came
        self.closed = None       # why the connection is gone: "closed", "reset", or None while it stands
        self.add_path_in, self.add_path_out = set(), set()
        self.quiet = False
        ns.lab.closing(self)

    # Step by step.

    def open(self, timeout=5):
        """Connects; says nothing. A daemon that has just been started may not listen yet."""
        def connect():
            self.socket = self.ns.socket(tcp.family_of(self.remote))
            self.socket.settimeout(timeout)
            if self.receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            tcp.set_ttl(self.socket, self.ttl, self.min_ttl)
            if self.password:
                tcp.set_key(self.socket, self.remote, self.password)
            if self.local:
                self.socket.bind((self.local, 0))
            try:
                self.socket.connect((self.remote, self.port))
            except ConnectionRefusedError:
                self.socket.close()
                return False
            return True
        wait_until(connect, timeout, f"{self.remote} to take a connection")
        return self

    def send(self, octets):
        self.socket.sendall(octets)
        return self

    def send_open(self):
        caps = self.capabilities
        if caps is None:
            caps = [capability(CAP_MP, struct.pack("!HBB", afi, 0, safi)) for afi, safi in self.families]
            caps += [capability(CAP_REFRESH), capability(CAP_AS4, struct.pack("!I", self.asn))]
            if self.offered_add_path:
                caps.append(capability(CAP_ADD_PATH, b"".join(
                    struct.pack("!HBB", afi, safi, mode) for (afi, safi), mode in self.offered_add_path.items())))
        return self.send(open_message(self.asn, self.hold_time, self.router_id, caps))

    def receive(self, timeout=5):
        """The next message, or None when the peer closed; for use before establish()."""
        self.socket.settimeout(timeout)
        while True:
            taken = self._take()
            if taken:
                return taken
            try:
                octets = self.socket.recv(65536)
            except ConnectionError:
                octets = b""
            if not octets:
                self.closed = self.closed or "closed"
                return None
            self.buffer += octets

    def establish(self, timeout=10):
        """Connects if need be, shakes hands and starts the thread. ConnectionError tells a NOTIFICATION."""
        if self.socket is None:
            self.open(timeout)
        self.send_open()
        while True:
            got = self.receive(timeout)
            if got is None:
                raise ConnectionError(f"{self.remote} closed the connection during the handshake")
            if got.kind == NOTIFICATION:
                raise ConnectionError(f"{self.remote} sent NOTIFICATION {got.error} {got.body[2:]!r}")
            if got.kind == OPEN:
                self.peer = decode_open(got.body)
                self._agree()
                self.send(message(KEEPALIVE))
            elif got.kind == KEEPALIVE:
                break
        self.run()
        return self

    def _agree(self):
        for family in self.families:
            mine, theirs = self.offered_add_path.get(family, 0), self.peer.add_path(family)
            if mine & ADD_PATH_RECEIVE and theirs & ADD_PATH_SEND:
                self.add_path_in.add(family)
            if mine & ADD_PATH_SEND and theirs & ADD_PATH_RECEIVE:
                self.add_path_out.add(family)

    # With the thread.

    def run(self):
        self.thread = threading.Thread(target=self._loop, name=f"speaker {self.local}", daemon=True)
        self.thread.start()

    def hush(self):
        """No keepalives from now on."""
        self.quiet = True

    def _loop(self):
        hold = min(self.hold_time, self.peer.hold_time) if self.peer else 0
        every = max(hold / 3, 0.3) if hold else 3600
        due = time.monotonic() + every
        while True:
            while self._take():
                pass
            if time.monotonic() >= due:
                due += every
                try:
                    if not self.quiet:
                        self.socket.sendall(message(KEEPALIVE))
                except OSError:
                    pass
            self.socket.settimeout(max(due - time.monotonic(), 0.001))
            try:
                octets = self.socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                self.closed = "reset"
                return
            if not octets:
                self.closed = "closed"
                return
            self.buffer += octets

    def _take(self):
        """The next whole message of the buffer, noted down, or None."""
        if len(self.buffer) < 19:
            return None
        length, kind = struct.unpack_from("!HB", self.buffer, 16)
        if len(self.buffer) < length:
            return None
        got = Message(kind, self.buffer[19:length], time.monotonic())
        self.buffer = self.buffer[length:]
        if kind == UPDATE:
            self._apply(got)
        self.messages.append(got)
        return got

    def _apply(self, got):
        withdrawn, paths, ended = decode_update(got.body, self.add_path_in)
        for _, prefix, ident in withdrawn:
            self.routes.pop((prefix, ident), None)
        for path in paths:
            self.routes[path.prefix, path.path_id] = path
        if ended:
            self.ended.add(ended)

    def announce(self, prefixes, next_hop, **more):
        """See announcement(); prefixes may be one."""
        prefixes = [prefixes] if isinstance(prefixes, str) else prefixes
        return self.send(announcement(prefixes, next_hop, **more))

    def withdraw(self, prefixes, **more):
        return self.send(withdrawal([prefixes] if isinstance(prefixes, str) else prefixes, **more))

    def paths(self, prefix):
        return [p for (q, _), p in sorted(list(self.routes.items())) if q == prefix]

    def next_hops(self, prefix):
        return sorted(p.next_hop for p in self.paths(prefix))

    def count(self, kind):
        return sum(1 for m in self.messages if m.kind == kind)

    @property
    def notification(self):
        """(code, subcode) of the first NOTIFICATION that came, or None."""
        return next((m.error for m in self.messages if m.kind == NOTIFICATION), None)

    def wait_for_routes(self, prefix, next_hops, timeout=10):
        """Waits until the peer's paths for prefix have exactly these next hops (each as often as given)."""
        def fact():
            assert self.next_hops(prefix) == sorted(next_hops), f"it has {self.next_hops(prefix)}"
            return True
        wait_until(fact, timeout, f"paths for {prefix} by {sorted(next_hops)} at {self.router_id}")

    def wait_for_end(self, timeout=10):
        """Waits until the connection is gone; returns the NOTIFICATION's (code, subcode), or None."""
        wait_until(lambda: self.closed, timeout, f"{self.remote} to close the connection of {self.router_id}")
        return self.notification

    def close(self, reset=False):
        """Closes the connection without a word; reset: with RST."""
        if self.socket is None:
            return
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            if not reset:
                self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread and self.thread is not threading.current_thread():
            if reset:
                # The thread sits in recv(); closing under it would not wake it.
                try:
                    self.socket.shutdown(socket.SHUT_RD)
                except OSError:
                    pass
            self.thread.join(5)
        self.socket.close()
        self.socket = None


class Listener:
    """Waits for connections at an address; what comes is a Speaker that has not said anything yet."""

    def __init__(self, ns, address, port=179):
        self.ns, self.address = ns, address
        self.socket = ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(8)
        ns.lab.closing(self)

    def accept(self, timeout=5, **speaker):
        """The next connection as a Speaker; socket.timeout (an OSError) when none comes."""
        self.socket.settimeout(timeout)
        connection, remote = self.socket.accept()
        speaker.setdefault("router_id", self.address)
        made = Speaker(self.ns, remote[0], local=self.address, **speaker)
        made.socket = connection
        return made

    def close(self):
        self.socket.close()
