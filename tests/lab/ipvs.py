"""What IPVS has in a namespace: services, destinations, connections, read from the kernel's own files.

The kernel lists a service's destinations newest first; under mh that order, from the last to the first, makes the table.
ipvsadm is asked only for what the files do not tell (flags) and to change something by hand, as somebody else would.
"""
import ipaddress
import os
import re
import select
import socket
import struct
import time
from collections import Counter, namedtuple

Service = namedtuple("Service", "protocol address port mark scheduler rest dests")
Dest = namedtuple("Dest", "address port forward weight active inactive")
Connection = namedtuple("Connection", "protocol client client_port address port server server_port state expires")

FORWARD = {"Masq": "nat", "Route": "dr", "Tunnel": "tun", "Local": "local"}


def available():
    return os.path.exists("/proc/net/ip_vs")


def name(address, port):
    """10.1.1.1:80, [fd00::1]:80"""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _address(text):
    """As the kernel's files write it: 0A010101, or [fd00:0001:...]."""
    text = text.strip("[]")
    return str(ipaddress.ip_address(text if ":" in text else int(text, 16)))


def _pair(text):
    address, _, port = text.rpartition(":")
    return _address(address), int(port, 16)


class Ipvs:
    """The IPVS of one namespace."""

    def __init__(self, ns):
        self.ns = ns

    def _read(self, file):
        with self.ns.entered(), open(f"/proc/thread-self/net/{file}") as f:
            return f.read().splitlines()

    def services(self):
        """All services in a list, dests as the kernel lists them: newest first."""
        found = []
        for line in self._read("ip_vs")[3:]:
            words = line.split()
            if words[0] == "->":
                address, port = _pair(words[1])
                found[-1].dests.append(Dest(address, port, FORWARD[words[2]], *map(int, words[3:6])))
            elif words[0] == "FWM":
                found.append(Service("FWM", None, 0, int(words[1], 16), words[2], words[3:], []))
            else:
                address, port = _pair(words[1])
                found.append(Service(words[0], address, port, 0, words[2], words[3:], []))
        return found

    def service(self, address, port=80, protocol="TCP"):
        """The one service, or None."""
        return next((s for s in self.services() if (s.protocol, s.address, s.port) == (protocol, address, port)), None)

    def dests(self, address, port=80, protocol="TCP"):
        """{"address:port": Dest}; {} when there is no such service."""
        service = self.service(address, port, protocol)
        return {name(d.address, d.port): d for d in service.dests} if service else {}

    def weights(self, address, port=80, protocol="TCP"):
        """{address: weight}"""
        return {d.address: d.weight for d in self.dests(address, port, protocol).values()}

    def order(self, address, port=80, protocol="TCP"):
        """The destinations' addresses in the order in which they were put in: the last of the kernel's list is first."""
        return [d.address for d in reversed(self.dests(address, port, protocol).values())]

    def connections(self, address=None, port=None, protocol=None):
        """Those to that service; templates of persistence stand among them with client port 0."""
        found = []
        for line in self._read("ip_vs_conn")[1:]:
            words = line.split()
            this = Connection(words[0], _address(words[1]), int(words[2], 16), _address(words[3]), int(words[4], 16),
                              _address(words[5]), int(words[6], 16), words[7], int(words[8]))
            if address in (None, this.address) and port in (None, this.port) and protocol in (None, this.protocol):
                found.append(this)
        return found

    def by_client(self, address, port=80):
        """{client's port: server's address} of the connections to the service, TCP."""
        return {c.client_port: c.server for c in self.connections(address, port, "TCP")}

    # By hand, as another program would.

    def admin(self, *words):
        """`ipvsadm WORDS`; words may be one string."""
        return self.ns.run(["ipvsadm", *" ".join(words).split()])

    def restore(self, *lines):
        """Many commands at once: lines as `ipvsadm -S` writes them."""
        return self.ns.run(["ipvsadm", "-R"], text="\n".join(lines) + "\n")

    def rules(self):
        """`ipvsadm -S -n` as a list of lines without spaces at their ends: flags and time-outs too."""
        return [re.sub(r"\s+", " ", line.strip()) for line in self.admin("-S -n").splitlines() if line.strip()]

    def sysctl(self, key, value=None):
        return self.ns.sysctl(f"net/ipv4/vs/{key}", value)

    def masquerade(self):
        """Servers see this namespace's address as the client's."""
        self.sysctl("conntrack", 1)
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            self.ns.run([tool, "-t", "nat", "-A", "POSTROUTING", "-m", "ipvs", "--vdir", "ORIGINAL", "-j", "MASQUERADE"])


# What is written to the kernel, by whomever.

COMMANDS = {1: "new-service", 2: "set-service", 3: "del-service", 5: "new-dest", 6: "set-dest", 7: "del-dest",
            9: "new-daemon", 10: "del-daemon", 12: "set-config", 16: "zero", 17: "flush"}
NETLINK_GENERIC = 16
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLM_F_REQUEST = 1
ETH_P_ALL = 3
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35

# Of a server: its address and its new weight (None when the command says none).
Write = namedtuple("Write", "time command address weight", defaults=(None, None))
CMD_ATTR_DEST, DEST_ATTR_ADDR, DEST_ATTR_WEIGHT, DEST_ATTR_ADDR_FAMILY = 2, 1, 4, 11


def _attributes(data):
    """{type: octets} of a run of netlink attributes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        found[kind & 0x3fff] = data[at + 4:at + size]
        at += max(4, (size + 3) & ~3)
    return found


def _server(message):
    """(address, weight) of the server that a command is about, after its generic header."""
    dest = _attributes(_attributes(message).get(CMD_ATTR_DEST, b""))
    if DEST_ATTR_ADDR not in dest:
        return None, None
    family = struct.unpack("=H", dest.get(DEST_ATTR_ADDR_FAMILY, b"\2\0"))[0]
    address = ipaddress.ip_address(dest[DEST_ATTR_ADDR][:16 if family == socket.AF_INET6 else 4])
    return str(address), struct.unpack("=i", dest[DEST_ATTR_WEIGHT])[0] if DEST_ATTR_WEIGHT in dest else None


class Writes:
    """Each command that changes IPVS in a namespace, with the time (time.time) at which the kernel was told: a monitor of all its
    netlink messages."""

    def __init__(self, ns):
        ns.batch("link add nlmon0 type nlmon", "link set nlmon0 up")
        self.seen = []
        self.family = self._family(ns)
        with ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.bind(("nlmon0", ETH_P_ALL))
        ns.lab.closing(self)

    @staticmethod
    def _family(ns):
        name = b"IPVS\0"
        attribute = struct.pack("=HH", 4 + len(name), CTRL_ATTR_FAMILY_NAME) + name + bytes(-len(name) % 4)
        body = struct.pack("=BBH", CTRL_CMD_GETFAMILY, 1, 0) + attribute
        with ns.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
            sock.send(struct.pack("=IHHII", 16 + len(body), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0) + body)
            answer = sock.recv(8192)
        at = 20
        while at < len(answer):
            size, kind = struct.unpack_from("=HH", answer, at)
            if kind == CTRL_ATTR_FAMILY_ID:
                return struct.unpack_from("=H", answer, at + 4)[0]
            at += (size + 3) & ~3
        raise LookupError("the kernel has no IPVS family")

    def all(self):
        """All since the start (or the last forget), in order."""
        while True:
            try:
                data, ancillary, _, sender = self.socket.recvmsg(65536, 64)
            except BlockingIOError:
                return self.seen
            if sender[1] != NETLINK_GENERIC:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            at = 0
            while at + 20 <= len(data):
                size, family, flags = struct.unpack_from("=IHH", data, at)
                if family == self.family and flags & NLM_F_REQUEST and data[at + 16] in COMMANDS:
                    self.seen.append(Write(seconds + nanoseconds / 1e9, COMMANDS[data[at + 16]],
                                           *_server(data[at + 20:at + size])))
                at += max(16, (size + 3) & ~3)

    def wait(self, fact, timeout_s):
        """The first write that fact(write) is true of, as soon as it is seen; None when there is none in time."""
        end = time.monotonic() + timeout_s
        while True:
            found = next((w for w in self.all() if fact(w)), None)
            left_s = end - time.monotonic()
            if found or left_s <= 0:
                return found
            select.select([self.socket], [], [], left_s)

    def commands(self):
        """{command: how often}"""
        return dict(Counter(w.command for w in self.all()))

    def forget(self):
        self.all()
        self.seen = []

    def close(self):
        self.socket.close()
