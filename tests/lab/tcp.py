"""TCP below the surface: keys, TTLs, packets that nobody's kernel would send, and connections by the thousand.

Keys are TCP_MD5SIG_EXT (RFC 2385). Packets are made octet by octet; their sender may be anybody.
"""
import errno
import ipaddress
import socket
import struct

MD5SIG_EXT, MD5SIG_FLAG_PREFIX = 32, 1
IP_MINTTL, IPV6_MINHOPCOUNT = 21, 73
SYN_SENT = 2
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def set_key(sock, peer, password):
    """A key for one address; of an empty password: none."""
    packed = ipaddress.ip_address(peer).packed
    key = password.encode()
    if len(packed) == 16:
        address = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed, 0)
    else:
        address = struct.pack("=HH4s", socket.AF_INET, 0, packed)
    sock.setsockopt(socket.IPPROTO_TCP, MD5SIG_EXT, address.ljust(128, b"\0") + struct.pack(
        "=BBHi80s", MD5SIG_FLAG_PREFIX, len(packed) * 8, len(key), 0, key))


def set_ttl(sock, ttl=None, min_ttl=None):
    six = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    if ttl is not None:
        sock.setsockopt(level, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, ttl)
    if min_ttl is not None:
        sock.setsockopt(level, IPV6_MINHOPCOUNT if six else IP_MINTTL, min_ttl)


def knock(ns, remote, local=None, password=None, port=179, ttl=None):
    """A connection that is only begun."""
    sock = ns.lab.closing(ns.socket(family_of(remote)))
    sock.setblocking(False)
    if ttl is not None:
        set_ttl(sock, ttl)
    if password:
        set_key(sock, remote, password)
    if local:
        sock.bind((local, 0))
    code = sock.connect_ex((remote, port))
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, remote)
    return sock


def listener(ns, address, port):
    """A socket of somebody else's that listens there."""
    with ns.entered():
        sock = socket.socket(family_of(address), socket.SOCK_STREAM)
        sock.bind((address, port))
        sock.listen()
    return sock


def state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def checksum(octets):
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, target, source_port, target_port, flags, seq=0, ack=0, ttl=64, data=b""):
    """A whole IP packet."""
    src, dst = (ipaddress.ip_address(a).packed for a in (source, target))
    size = 20 + len(data)
    head = struct.pack("!HHIIBBHHH", source_port, target_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65535, 0, 0)
    pseudo = src + dst + (struct.pack("!II", size, 6) if len(src) == 16 else struct.pack("!HH", 6, size))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:]
    if len(src) == 16:
        return struct.pack("!IHBB", 6 << 28, size, 6, ttl) + src + dst + head + data
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0, ttl, 6, 0) + src + dst
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + head + data


class Forger:
    """Sends packets from a namespace in anybody's name."""

    def __init__(self, ns, six=False):
        self.family = socket.AF_INET6 if six else socket.AF_INET
        with ns.entered():
            self.socket = socket.socket(self.family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        ns.lab.closing(self.socket)

    def send(self, target, *fields, **more):
        """fields: source, source_port, target_port, flags, ... of packet()."""
        source, *rest = fields
        self.socket.sendto(packet(source, target, *rest, **more), (target, 0))


class Tap:
    """Sees the TCP packets that come into a device of a namespace."""

    def __init__(self, ns, device):
        with ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
            self.socket.bind((device, 3))
        self.socket.settimeout(5)
        ns.lab.closing(self.socket)

    def next_seq(self, source, target, target_port):
        """Waits for a packet of source with data for target's port: (source port, what the next octet's number will be, ack)."""
        src, dst = (ipaddress.ip_address(a).packed for a in (source, target))
        while True:
            octets = self.socket.recv(65536)
            six = octets[0] >> 4 == 6
            if six:
                begin, end, addresses = 40, 40 + struct.unpack_from("!H", octets, 4)[0], octets[8:40]
            else:
                begin, end, addresses = (octets[0] & 15) * 4, struct.unpack_from("!H", octets, 2)[0], octets[12:20]
            if octets[6 if six else 9] != 6 or addresses != src + dst:
                continue
            sport, dport, seq, ack, offset = struct.unpack_from("!HHIIB", octets, begin)
            length = end - begin - (offset >> 4) * 4
            if dport == target_port and length > 0:
                return sport, seq + length, ack


class Storm:
    """Connections by the thousand from addresses of a namespace, each begun without waiting for the one before and then silent.
    One that is closed is not made again."""

    def __init__(self, ns, remote, sources, port=179):
        self.ns, self.remote, self.sources, self.port = ns, remote, list(sources), port
        self.sockets = []
        ns.lab.closing(self)

    def begin(self, count):
        for _ in range(count):
            with self.ns.entered():
                sock = socket.socket(family_of(self.remote), socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            sock.bind((self.sources[len(self.sockets) % len(self.sources)], 0))
            sock.connect_ex((self.remote, self.port))
            self.sockets.append(sock)
        return self

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()
