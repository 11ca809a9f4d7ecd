"""Servers that tell who they are, clients, and streams of probes. Sockets are made inside the namespaces, everything
else is threads of the test process: a pod costs no process, and a probe no fork."""
import selectors
import socket
import struct
import threading
import time

from .wait import wait_until

IP_PKTINFO = 8
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2
IPV6_FREEBIND = 78
PORT = 80
TALK_PORT = 7
MIRROR_PORT = 9


class Responders:
    """One thread that serves all pods of a lab: HTTP/1.0 over TCP and an echo over UDP, port 80, both families.
    An answer is the name of who gave it; it comes from the address that was asked."""

    def __init__(self, lab):
        self.selector = selectors.DefaultSelector()
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        self.served = {}  # {name: requests over TCP}
        self.thread = threading.Thread(target=self._loop, name="responders", daemon=True)
        self.thread.start()
        lab.closing(self)

    def serve(self, ns, name):
        tcp = ns.socket(socket.AF_INET6)
        tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("::", PORT))
        tcp.listen(128)
        udp4 = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp4.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        udp4.bind(("0.0.0.0", PORT))
        udp6 = ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        udp6.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        udp6.bind(("::", PORT))
        for sock, handler in ((tcp, self._accept), (udp4, self._echo), (udp6, self._echo)):
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ, (handler, name))
        self.wake.send(b".")

    def _accept(self, sock, name):
        connection, _ = sock.accept()
        connection.settimeout(2)
        self.selector.register(connection, selectors.EVENT_READ, (self._answer, name))

    def _answer(self, sock, name):
        # Requests of these tests are one segment; whatever came is the request.
        if sock.recv(65536):
            sock.sendall(f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{name}\n".encode())
            self.served[name] = self.served.get(name, 0) + 1
        self.selector.unregister(sock)
        sock.close()

    @staticmethod
    def _echo(sock, name):
        data, ancillary, _, sender = sock.recvmsg(2048, 256)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                source = [(level, kind, struct.pack("=i4s4s", 0, value[8:12], bytes(4)))]
                break
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                source = [(level, kind, value[:16] + bytes(4))]
                break
        else:
            source = []
        sock.sendmsg([data[:8] + name.encode()], source, 0, sender)

    def _loop(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    if self.woken.recv(64) in (b"", b"x"):
                        return
                    continue
                handler, name = key.data
                try:
                    handler(key.fileobj, name)
                except OSError:
                    pass

    def close(self):
        self.wake.send(b"x")
        self.thread.join(5)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.wake.close()


def request(ns, address, timeout=2):
    """One HTTP request over a new connection; the name of the server. OSError when nobody answers in time."""
    with ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.settimeout(timeout)
        sock.connect((address, PORT))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while True:
            octets = sock.recv(4096)
            if not octets:
                break
            answer += octets
    if not answer:
        raise ConnectionError(f"{address} closed without an answer")
    return answer.decode().split("\r\n\r\n", 1)[1].strip()


def spread(ns, address, count=60):
    """{name: requests} of that many connections."""
    names = {}
    for _ in range(count):
        name = request(ns, address)
        names[name] = names.get(name, 0) + 1
    return names


class Talk:
    """One connection of Talks: who answers it, how often it did, and why it is broken (None while it is not)."""

    def __init__(self, sock):
        self.socket, self.server, self.answers, self.broken = sock, None, 0, None


class Talks:
    """Connections that live: each says a word every interval_s and is told the name of who answers it, port 7. The pods
    end the connections themselves: one that the router sends elsewhere is reset there. One thread for both ends."""

    def __init__(self, lab, interval_s=0.1):
        self.selector = selectors.DefaultSelector()
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, (lambda sock: sock.recv(64),))
        self.interval_s, self.talks, self.stopping = interval_s, [], threading.Event()
        self.thread = threading.Thread(target=self._loop, name="talks", daemon=True)
        self.thread.start()
        lab.closing(self)

    def serve(self, ns, name):
        listener = ns.socket(socket.AF_INET6)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", TALK_PORT))
        listener.listen(1024)
        listener.setblocking(False)
        self._watch(listener, self._accept, name)

    def open(self, ns, address, count):
        """That many new connections, each answered once; an OSError when one is not."""
        talks = []
        for _ in range(count):
            sock = ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            sock.settimeout(5)
            sock.connect((address, TALK_PORT))
            sock.setblocking(False)
            talks.append(Talk(sock))
            self._watch(sock, self._hear, talks[-1])
        self.talks += talks
        self.wait_answered(talks)
        return talks

    @staticmethod
    def wait_answered(talks, times=1, timeout=10):
        """Waits until all of them have been answered that many times more."""
        before = [t.answers for t in talks]

        def fact():
            silent = [t for t, n in zip(talks, before) if t.answers < n + times]
            assert not silent, f"{len(silent)} of {len(talks)}: {silent[0].server}, {silent[0].broken}"
            return True
        wait_until(fact, timeout, "every connection to be answered")

    def broken(self):
        return [t for t in self.talks if t.broken]

    def _watch(self, sock, handler, value):
        self.selector.register(sock, selectors.EVENT_READ, (handler, value))
        self.wake.send(b".")

    def _accept(self, listener, name):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.selector.register(sock, selectors.EVENT_READ, (self._answer, name))

    def _answer(self, sock, name):
        try:
            if sock.recv(4096):
                sock.send(name.encode() + b"\n")
                return
        except OSError:
            pass
        self.selector.unregister(sock)
        sock.close()

    def _hear(self, sock, talk):
        try:
            octets = sock.recv(4096)
            if octets:
                talk.server = octets.split(b"\n")[0].decode()
                talk.answers += 1
                return
            talk.broken = "closed"
        except OSError as e:
            talk.broken = e.strerror
        self.selector.unregister(sock)

    def _loop(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            for key, _ in self.selector.select(max(0, due - time.monotonic())):
                handler, *values = key.data
                handler(key.fileobj, *values)
            if time.monotonic() < due:
                continue
            for talk in list(self.talks):
                try:
                    if not talk.broken:
                        talk.socket.send(b".")
                except OSError:
                    pass  # the reason comes with the next reading
            due = max(due + self.interval_s, time.monotonic())

    def close(self):
        self.stopping.set()
        self.wake.send(b".")
        self.thread.join(5)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        for talk in self.talks:
            talk.socket.close()
        self.selector.close()
        self.wake.close()


class Mirror:
    """Takes all that a connection brings, and then sends it back: port 9, both families. A thread for each connection: one
    may hang."""

    def __init__(self, ns):
        self.listener = ns.socket(socket.AF_INET6)
        self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listener.bind(("::", MIRROR_PORT))
        self.listener.listen(16)
        self.threads, self.sockets = [], []
        self._start(self._accept)
        ns.lab.closing(self)

    def _start(self, target, *arguments):
        self.threads.append(threading.Thread(target=target, args=arguments, name="mirror", daemon=True))
        self.threads[-1].start()

    def _accept(self):
        while True:
            try:
                self.sockets.append(self.listener.accept()[0])
            except OSError:
                return  # closed
            self._start(self._reflect, self.sockets[-1])

    @staticmethod
    def _reflect(sock):
        try:
            sock.sendall(_read_all(sock))
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end tells

    def close(self):
        for sock in (self.listener, *self.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
        for thread in self.threads:
            thread.join(5)
        for sock in (self.listener, *self.sockets):
            sock.close()


def _read_all(sock):
    parts = []
    while octets := sock.recv(65536):
        parts.append(octets)
    return b"".join(parts)


def there_and_back(ns, address, octets, timeout=5):
    """What a Mirror made of them; an OSError when nothing moves for that long. No packet of it may be fragmented."""
    with ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        if ":" in address:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        sock.settimeout(timeout)
        sock.connect((address, MIRROR_PORT))
        sock.sendall(octets)
        sock.shutdown(socket.SHUT_WR)
        return _read_all(sock)


class Probes:
    """A stream of UDP probes from ns to address, each from one of many source ports, so that all next hops are used.
    Starts at once; stop() waits for late answers and returns self. lost: numbers of the probes without an answer."""

    def __init__(self, ns, address, interval_s=0.002, ports=64):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sockets = [ns.socket(family, socket.SOCK_DGRAM) for _ in range(ports)]
        self.selector = selectors.DefaultSelector()
        for sock in self.sockets:
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
        self.address, self.interval_s = address, interval_s
        self.sent, self.answered, self.servers, self.refused = 0, set(), {}, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._loop, name="probes", daemon=True)
        self.thread.start()
        ns.lab.closing(self)

    def _loop(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            self._read(max(0, due - time.monotonic()))
            if time.monotonic() < due:
                continue
            try:
                self.sockets[self.sent % len(self.sockets)].sendto(struct.pack("!Q", self.sent), (self.address, PORT))
            except OSError:
                self.refused += 1  # an ICMP error that came back for an earlier probe, or no route: the probe is lost
            self.sent += 1
            due = max(due + self.interval_s, time.monotonic() - 0.05)

    def _read(self, timeout):
        for key, _ in self.selector.select(timeout):
            try:
                data = key.fileobj.recv(2048)
            except OSError:
                self.refused += 1
                continue
            self.answered.add(struct.unpack("!Q", data[:8])[0])
            name = data[8:].decode()
            self.servers[name] = self.servers.get(name, 0) + 1

    def clear_servers(self):
        """Forgets who has answered so far."""
        self.servers = {}

    @property
    def lost(self):
        return [n for n in range(self.sent) if n not in self.answered]

    def stop(self, grace_s=1.0):
        self.stopping.set()
        self.thread.join(5)
        end = time.monotonic() + grace_s
        while len(self.answered) < self.sent and time.monotonic() < end:
            self._read(0.05)
        return self

    def close(self):
        self.stopping.set()
        self.thread.join(5)
        self.selector.close()
        for sock in self.sockets:
            sock.close()
