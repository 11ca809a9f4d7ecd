"""One system on one load balancer, and the events played on it.

     -----+-------------+------------ overlay 172.16.0.0/16, in one network namespace each:
          |             |         |
         lb1          web1      crowd
     the system,     victim,    N - 1 servers that stay, and `extra`, which comes and goes:
     and IPVS        an nginx   addresses of one nginx

The end of an event is the command to the kernel, with the kernel's own time of when it was told (a monitor of its netlink
messages); the start is the same clock, read right before the cause.
"""
import fcntl
import os
import random
import signal
import socket
import struct
import time

from lab import lbfarm, traffic, wait_until
from lab.ipvs import Writes

from . import usage
from .balancing import Settings
from .programs import program

LOST_S = 30.0
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

# The worker is the one process: what is killed or stopped is all of it.
NGINX = """
daemon off; master_process off; pid {dir}/{name}.pid; error_log stderr crit;
events {{ worker_connections 8000; }}
http {{
  access_log off; client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3;
  uwsgi_temp_path {dir}/4; scgi_temp_path {dir}/5;
  server {{ listen 80 backlog=4096; location / {{ return 200 "ok\\n"; }} }}
}}
"""


class Lost(AssertionError):
    """The kernel was never told what an event should have brought."""


def nginx(ns):
    path = ns.lab.file(f"{ns.name}.conf", NGINX.format(dir=ns.lab.directory, name=ns.name))
    process = ns.start([program("nginx"), "-c", path], f"nginx-{ns.name}")

    def answers():
        with ns.socket() as sock:
            sock.connect(("127.0.0.1", traffic.PORT))
        return True
    wait_until(answers, 20, f"nginx in {ns.name} to listen")
    return process


class Link:
    """The router's end of a member's cable, put up and down without a process."""

    def __init__(self, farm, name):
        self.name, self.socket = name, farm.router.socket(socket.AF_INET, socket.SOCK_DGRAM)
        farm.lab.closing(self)

    def set(self, up):
        flags = struct.unpack("16sh22x", fcntl.ioctl(self.socket, SIOCGIFFLAGS, struct.pack("16sh22x", self.name.encode(), 0)))[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(self.socket, SIOCSIFFLAGS, struct.pack("16sh22x", self.name.encode(), flags))

    def close(self):
        self.socket.close()


class Stage:
    def __init__(self, lab, system_class, check, count, interval_ms, watched=True, initial_up=True):
        self.lab, self.random = lab, random.Random(lab.seed)
        self.farm = lbfarm.LbFarm(lab, pods=1)
        self.balancer, self.victim = self.farm.balancers[0], self.farm.pods[0]
        crowd = [p.address for p in self.farm.crowd(count)]
        self.victim.process = nginx(self.victim.ns)
        nginx(lab.namespaces["crowd"])
        self.members, self.extra = [*crowd[:count - 1], self.victim.address], crowd[count - 1]
        self.settings = Settings(check, interval_ms, timeout_ms=min(interval_ms // 2, 500), retry_ms=min(interval_ms // 4, 250),
                                 initial_up=initial_up)
        self.system = system_class(self.balancer, self.settings, self.members)
        self.wait_weights(self.members)
        time.sleep(1.2 * interval_ms / 1000)  # each server has been asked
        self.link = Link(self.farm, self.victim.name)
        self.writes = Writes(self.balancer.ns) if watched else None

    def wait_weights(self, addresses):
        def fact():
            found = self.balancer.ipvs.weights(lbfarm.ADDRESS, self.settings.port)
            return len(found) == len(addresses) and set(found.values()) == {1}
        try:
            wait_until(fact, 60, f"{len(addresses)} servers in the kernel")
        except AssertionError as e:
            raise Lost(f"{self.system.title}: {e}\n{self.system.process.log()[-2000:]}") from None

    def settle(self):
        """The event before has come to rest, and none keeps step with a timer."""
        time.sleep(min(self.settings.interval_ms / 1000, 1) * self.random.uniform(0.5, 1.5) + 0.2)

    # Events: each returns (milliseconds, writes to the kernel).

    def measure(self, name, cause, address, comes):
        """cause: makes it happen. comes: whether the server is to get connections then, or no more."""
        def fact(w):
            takes = w.command in ("new-dest", "set-dest") and bool(w.weight)
            leaves = w.command == "del-dest" or (w.command == "set-dest" and w.weight == 0)
            return w.address == address and (takes if comes else leaves)
        self.settle()
        self.writes.forget()
        start = time.time()
        cause()
        write = self.writes.wait(fact, LOST_S)
        if write is None:
            raise Lost(f"{self.system.title}, {len(self.members)} servers, {self.settings.check}: {name}: nothing after "
                       f"{LOST_S:.0f} s\n{self.system.process.log()[-2000:]}")
        # What else belongs to it comes soon.
        time.sleep(0.2)
        return (write.time - start) * 1000, len(self.writes.all())

    def exit(self):
        """The server's process ends; connections to it are refused."""
        yield "exit", self.measure("exit", lambda: os.kill(self.victim.process.pid, signal.SIGKILL), self.victim.address, False)
        self.victim.process.wait()
        self.lab.processes.remove(self.victim.process)
        self.victim.process = nginx(self.victim.ns)
        self.recovered()

    def recovered(self):
        self.wait_weights(self.members)

    def silence(self):
        """The server's link goes down: no answer to anything. Then it comes back."""
        yield "silence", self.measure("silence", lambda: self.link.set(False), self.victim.address, False)
        yield "back", self.measure("back", lambda: self.link.set(True), self.victim.address, True)
        self.recovered()

    def slow(self):
        """The kernel takes connections for the server, which answers none."""
        if self.settings.check == "tcp":
            return
        yield "slow", self.measure("slow", lambda: self.victim.process.signal(signal.SIGSTOP), self.victim.address, False)
        self.victim.process.signal(signal.SIGCONT)
        self.recovered()

    def change(self):
        """One server more in the list, and out again."""
        added = "added" if self.settings.initial_up else "admitted"
        for name, members in ((added, [*self.members, self.extra]), ("removed", self.members)):
            text = self.system.prepared(members)
            yield name, self.measure(name, lambda t=text: self.system.change(t), self.extra, name == added)
            self.wait_weights(members)

    def play(self, events, count):
        """All of them, that often each; yields (event, (milliseconds, writes))."""
        plays = {"exit": self.exit, "silence": self.silence, "back": self.silence, "slow": self.slow, "added": self.change,
                 "admitted": self.change, "removed": self.change}
        for play in dict.fromkeys(plays[e] for e in events):
            for _ in range(count):
                yield from play()

    # What it costs.

    def memory(self):
        return usage.memory_kib(self.system.process.pid)

    def cost(self, seconds, directory):
        """Over that time: checks (connections that the servers took), CPU seconds of the system, and of all of the guest."""
        def now():
            guest_s = usage.ask_host(directory)
            checks = sum(ns.counter("TcpPassiveOpens") for ns in (self.victim.ns, self.lab.namespaces["crowd"]))
            return time.monotonic(), checks, usage.cpu_s(self.system.process.pid), guest_s
        before = now()
        time.sleep(seconds)
        return {key: None if a is None else b - a
                for key, a, b in zip(("wall_s", "checks", "cpu_s", "guest_s"), before, now())}


def reloads(lab, system_class, count, talks):
    """Connections to two servers that stay, while a third is added to the list and taken out; returns (broken, all)."""
    farm = lbfarm.LbFarm(lab, pods=3)
    farm.prepare("tun")
    farm.route_service(farm.balancers[0])
    settings = Settings("tcp", 1000, 500, 250, port=traffic.TALK_PORT, scheduler="mh")
    addresses = [p.address for p in farm.pods]
    system = system_class(farm.balancers[0], settings, addresses[:2])

    def wait(members):
        wait_until(lambda: farm.balancers[0].ipvs.weights(lbfarm.ADDRESS, traffic.TALK_PORT) == {a: 1 for a in members}, 20,
                   f"{system.title}: {len(members)} servers in the kernel")
    wait(addresses[:2])
    opened = farm.talks.open(farm.client, lbfarm.ADDRESS, talks)
    for _ in range(count):
        for members in (addresses, addresses[:2]):
            system.change(system.prepared(members))
            wait(members)
            farm.talks.wait_answered([t for t in opened if not t.broken], 2)
    return len(farm.talks.broken()), talks
