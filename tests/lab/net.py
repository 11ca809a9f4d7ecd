"""A network namespace: commands, sockets, addresses and routes inside it."""
import fcntl
import ipaddress
import json
import os
import socket
import struct
import subprocess
from contextlib import contextmanager

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

# What every namespace of the lab starts with: it forwards, believes any source address, and an IPv6 address is
# usable at once (no duplicate address detection).
SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/all/accept_dad": 0,
}


class Failed(AssertionError):
    """A command of the lab ended with an error."""


class Namespace:
    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.processes = []
        self.fd = lab.world.add_netns(name)
        for key, value in SYSCTLS.items():
            self.sysctl(key, value)

    def __repr__(self):
        return self.name

    @contextmanager
    def entered(self):
        with self.lab.world.inside(self.fd):
            yield

    def run(self, argv, check=True, timeout=30, text=None):
        """Runs a short command inside and returns its output."""
        with self.entered():
            return self.lab.run(argv, check=check, timeout=timeout, text=text)

    def result(self, argv, timeout=30):
        """Runs a short command inside and returns its exit code and output."""
        with self.entered():
            return self.lab.result(argv, timeout)

    def ping(self, address, timeout_s=2):
        """True when the address answers one ping."""
        with self.entered():
            done = subprocess.run(["ping", "-n", "-q", "-c1", f"-W{timeout_s}", address], capture_output=True)
        return done.returncode == 0

    def ip(self, *words):
        """`ip WORDS`, for what changes something; words may be one string."""
        return self.run(["ip", *" ".join(words).split()])

    def batch(self, *lines):
        """Several ip commands at once."""
        return self.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")

    def ip_json(self, *words):
        """`ip -j -d WORDS`, parsed."""
        for _ in range(10):
            out = self.run(["ip", "-j", "-d", *" ".join(words).split()]).strip()
            # The table changed while the kernel listed it, or a next hop went that ip asked for; ip says so amid the JSON.
            if "Dump was interrupted" in out or "RTNETLINK answers: No such file or directory" in out:
                continue
            try:
                return json.loads(out or "[]")
            except ValueError as e:
                raise Failed(f"ip {' '.join(words)}: no JSON: {e}\n{out}") from None
        raise Failed(f"ip {' '.join(words)}: the table changes all the time\n{out}")

    def sysctl(self, key, value=None):
        path = "/proc/sys/" + key
        with self.entered():
            if value is None:
                with open(path) as f:
                    return f.read().strip()
            with open(path, "w") as f:
                f.write(str(value))
        return None

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        """A socket of this namespace, usable from any thread."""
        with self.entered():
            return socket.socket(family, kind | socket.SOCK_CLOEXEC)

    def set_link(self, name, up):
        """Takes a link down or up, at once: to start ip(8) for it takes a busy guest a tenth of a second."""
        with self.socket(kind=socket.SOCK_DGRAM) as s:
            request = bytearray(struct.pack("16sH14x", name.encode(), 0))
            fcntl.ioctl(s, SIOCGIFFLAGS, request)
            flags = struct.unpack_from("H", request, 16)[0]
            struct.pack_into("H", request, 16, flags | IFF_UP if up else flags & ~IFF_UP)
            fcntl.ioctl(s, SIOCSIFFLAGS, request)

    def start(self, argv, name=None, **options):
        """Starts a process inside; it ends with the lab."""
        return self.lab.start(self, argv, name or os.path.basename(str(argv[0])), **options)

    def held_open(self):
        """The namespace as a file, as processes of the lab see it: a process stands in it, as a node's first process does."""
        process = self.start(["sleep", "infinity"], f"holder-{self.name}")
        with open(f"/proc/{process.pid}/status") as f:
            inside = next(line for line in f if line.startswith("NSpid:")).split()[-1]
        return f"/proc/{inside}/ns/net"

    # What the kernel has.

    def route(self, prefix, table="main"):
        """The one route for exactly that prefix as `ip -j` tells it, or None. More than one is an error."""
        found = [r for r in self.routes(table, 6 if ":" in prefix else 4) if _same(r["dst"], prefix)]
        assert len(found) <= 1, f"{self.name} has {len(found)} routes for {prefix}: {found}"
        return found[0] if found else None

    def routes(self, table="main", version=4):
        try:
            return self.ip_json(f"-{version} route show table {table}")
        except Failed as e:
            if "table does not exist" in str(e):
                return []
            raise

    def nexthops(self, prefix, table="main"):
        """{gateway: weight} of the route, whichever way the kernel holds it; {} when there is none. A gateway that
        stands twice in a group counts the sum."""
        route = self.route(prefix, table)
        hops = {}
        for hop in (route.get("nexthops") or [route]) if route else []:
            gateway = _gateway(hop)
            hops[gateway] = hops.get(gateway, 0) + hop.get("weight", 1)
        return hops

    def has_local_route(self, prefix):
        """True when packets for the prefix are this namespace's own (a `local` route in table local)."""
        version = 6 if ":" in prefix else 4
        return any(r.get("type") == "local" and _same(r["dst"], prefix) for r in self.routes("local", version))

    def counter(self, name):
        """A counter of /proc/net/snmp or netstat by its name, such as IpOutNoRoutes."""
        with self.entered():
            for path in ("/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"):
                with open(path) as f:
                    lines = f.read().splitlines()
                for head, values in zip(lines[::2], lines[1::2]):
                    group = head.split(":")[0]
                    for key, value in zip(head.split()[1:], values.split()[1:]):
                        if group + key == name:
                            return int(value)
        raise LookupError(name)

    def describe(self):
        """What one wants to see of it when a test has failed."""
        parts = []
        for words in ("-br addr", "-4 route", "-6 route", "nexthop"):
            parts.append(f"$ ip {words}\n" + self.run(["ip", *words.split()], check=False))
        for file in ("ip_vs", "ip_vs_conn"):
            with self.entered():
                path = f"/proc/thread-self/net/{file}"
                lines = open(path).read().splitlines() if os.path.exists(path) else []
            if len(lines) > 3:
                parts.append("\n".join([f"$ cat /proc/net/{file}", *lines[:40]]))
        return "\n".join(parts)

    def close(self):
        os.close(self.fd)
        self.lab.world.remove_netns(self.name)


def _same(dst, prefix):
    if dst == "default":
        dst = "::/0" if ":" in prefix else "0.0.0.0/0"
    try:
        return ipaddress.ip_network(dst) == ipaddress.ip_network(prefix)
    except ValueError:
        return False


def _gateway(hop):
    return hop.get("gateway") or hop.get("via", {}).get("host") or f"dev {hop.get('dev')}"
