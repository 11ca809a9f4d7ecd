"""A speaker that keeps what it says and what it hears as values, and does its part of a refresh.

Unlike bgp.Speaker it answers when it is asked for its routes again (RFC 2918, with BoRR and EoRR where RFC 7313 was agreed on), forgets
what the peer's own refresh left out, may be deaf for a while (it reads nothing, and its receive buffer is small) or fall silent.
What may not come at all (a message that cannot be read, a second End-of-RIB inside a refresh) stands in fault.
"""
import socket
import struct
import threading
import time

from . import attributes, bgp

CAP_ENHANCED_REFRESH = 70
ASK, BEGIN, END = 0, 1, 2
LONG = 65535
SMALL_BUFFER = 8192


class Talker(bgp.Speaker):
    """old: its AS numbers have two octets. add_path: {family: mode} as bgp.Speaker has it. bulk: what stands for many prefixes."""

    def __init__(self, ns, remote, bulk, old=False, enhanced=True, refresh=True, extended=False, six_hops=False,
                 **more):
        super().__init__(ns, remote, **more)
        self.old, self.bulk = old, bulk
        self.capabilities = [bgp.capability(bgp.CAP_MP, struct.pack("!HBB", afi, 0, safi)) for afi, safi in self.families]
        self.capabilities += [bgp.capability(bgp.CAP_REFRESH)] if refresh else []
        self.capabilities += [bgp.capability(CAP_ENHANCED_REFRESH)] if refresh and enhanced else []
        self.capabilities += [bgp.capability(bgp.CAP_EXTENDED_MESSAGE)] if extended else []
        # RFC 8950: IPv4 routes with IPv6 next hops.
        self.capabilities += [bgp.capability(bgp.CAP_EXTENDED_NEXT_HOP, struct.pack("!HHH", 1, 1, 2))] if six_hops else []
        self.capabilities += [] if old else [bgp.capability(bgp.CAP_AS4, struct.pack("!I", self.asn))]
        if self.offered_add_path:
            self.capabilities.append(bgp.capability(bgp.CAP_ADD_PATH, b"".join(
                struct.pack("!HBB", afi, safi, mode) for (afi, safi), mode in self.offered_add_path.items())))
        self.said, self.heard = {}, {}  # {(prefix, path id): Attributes}
        self.heard_bulk = {}            # the same, of what somebody stands for
        self.stale = {}                 # {family: what was heard before the peer's BoRR}
        self.lock = threading.RLock()   # of said, and of what is sent of it
        self.hears = threading.Event()
        self.hears.set()
        self.out = None
        self.fault = None

    # Agreed on.

    @property
    def refreshes(self):
        return self._both(bgp.CAP_REFRESH)

    @property
    def enhanced(self):
        return self._both(CAP_ENHANCED_REFRESH)

    @property
    def six_hops(self):
        return self._both(bgp.CAP_EXTENDED_NEXT_HOP)

    @property
    def longest(self):
        return LONG if self._both(bgp.CAP_EXTENDED_MESSAGE) else 4096

    def _both(self, code):
        return self.peer.has(code) and any(c[0] == code for c in self.capabilities)

    # Out.

    def open(self, timeout=5):
        super().open(timeout)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        # The thread that reads changes its socket's time-out all the time; a write must not meet a short one.
        self.out = self.socket.dup()
        self.out.settimeout(30)
        return self

    def send(self, octets):
        try:
            self.out.sendall(octets)
        except OSError as e:
            self.closed = self.closed or f"cannot be written to: {e}"
        return self

    def announce_value(self, prefixes, path_id, a):
        """path_id: None where none are sent."""
        with self.lock:
            for prefix in prefixes:
                self.said[prefix, path_id or 0] = a
            return self._write(prefixes, path_id, a)

    def _write(self, prefixes, path_id, a):
        single = [p for p in prefixes if not self.bulk.stands_for_many(p)]
        if single:
            ids = None if path_id is None else [path_id] * len(single)
            self.send(attributes.write_update(single, a, ids, not self.old))
        for prefix in set(prefixes) - set(single):
            for octets in self.bulk.chunks(prefix, path_id):
                self.send(attributes.write_octets(False, octets, a, not self.old))
        return self

    def withdraw_names(self, names, with_ids):
        """names: (prefix, path id) of one family."""
        with self.lock:
            for name in names:
                self.said.pop(name, None)
            single = [n for n in names if not self.bulk.stands_for_many(n[0])]
            if single:
                self.send(bgp.withdrawal([p for p, _ in single], path_ids=[i for _, i in single] if with_ids else None))
            for prefix, path_id in set(names) - set(single):
                for octets in self.bulk.chunks(prefix, path_id if with_ids else None):
                    self.send(bgp.update(withdrawn=octets))
            return self

    def mix(self, gone, gone6, new, a):
        """One UPDATE: IPv4 routes without path identifiers withdrawn and announced, IPv6 ones withdrawn."""
        with self.lock:
            for prefix in (*gone, *gone6):
                self.said.pop((prefix, 0), None)
            for prefix in new:
                self.said[prefix, 0] = a
            octets = attributes.list_octets(attributes.narrow(a) if self.old else a, not self.old)
            if gone6:
                octets += bgp.attribute(bgp.MP_UNREACH, struct.pack("!HB", 2, 1) + bgp.nlri(gone6))
            return self.send(bgp.update(withdrawn=bgp.nlri(gone), attributes=octets, reachable=bgp.nlri(new)))

    def say_again(self, family, without=()):
        """All that is said, once more. without: names that are left out, between BoRR and EoRR, and so are gone."""
        with self.lock:
            for name in without:
                self.said.pop(name, None)
            if self.enhanced:
                self.send(bgp.message(bgp.ROUTE_REFRESH, struct.pack("!HBB", family[0], BEGIN, family[1])))
            for (prefix, path_id), a in list(self.said.items()):
                if (":" in prefix) == (family[0] == 2):
                    self._write([prefix], path_id if family in self.add_path_out else None, a)
            if self.enhanced:
                self.send(bgp.message(bgp.ROUTE_REFRESH, struct.pack("!HBB", family[0], END, family[1])))
            else:
                self.send(bgp.end_of_rib(family))

    def ask(self, family):
        """For the peer's routes. What is held is forgotten first: the answer is all there is (RFC 2918 4)."""
        self.stale.pop(family, None)
        for heard in (self.heard, self.heard_bulk):
            for name in [n for n in list(heard) if (":" in n[0]) == (family[0] == 2)]:
                heard.pop(name, None)
        self.send(bgp.message(bgp.ROUTE_REFRESH, struct.pack("!HBB", family[0], ASK, family[1])))

    # In.

    def _loop(self):
        hold = min(self.hold_time, self.peer.hold_time)
        every = hold / 10 if hold else 3600
        due = time.monotonic() + every
        while True:
            now = time.monotonic()
            if now >= due:
                due = now + every
                if not self.quiet:
                    self.send(bgp.message(bgp.KEEPALIVE))
            if not self.hears.wait(max(due - now, 0.001)):
                continue
            while self._take():
                pass
            self.socket.settimeout(max(due - time.monotonic(), 0.001))
            try:
                octets = self.socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                octets, self.closed = b"", self.closed or "reset"
            if not octets:
                self.closed = self.closed or "closed"
                return
            self.buffer += octets

    def _take(self):
        got = super()._take()
        if got is None:
            return None
        if got.kind in (bgp.UPDATE, bgp.KEEPALIVE, bgp.ROUTE_REFRESH):
            self.messages.pop()
        if len(got.body) + 19 > (self.longest if self.peer else 4096):
            self.fault = f"a message of {len(got.body) + 19} octets"
        if got.kind == bgp.ROUTE_REFRESH:
            self._refresh(*struct.unpack("!HBB", got.body))
        return got

    def _refresh(self, afi, subtype, safi):
        family = (afi, safi)
        if subtype == ASK:
            self.say_again(family)
        elif not self.enhanced:
            self.fault = "BoRR or EoRR without the capability"
        elif subtype == BEGIN:
            self.stale[family] = {n for n in (*self.heard, *self.heard_bulk) if (":" in n[0]) == (afi == 2)}
        elif subtype == END:
            for name in self.stale.pop(family, ()):
                self._heard_of(name).pop(name, None)

    def _apply(self, got):
        try:
            withdrawn, announced, a, ended = attributes.read_update(got.body, self.add_path_in, not self.old)
        except (AssertionError, KeyError, ValueError, IndexError, struct.error) as e:
            self.fault = f"an UPDATE that cannot be read: {type(e).__name__} {e}: {got.body.hex()}"
            return
        for name in withdrawn:
            self._heard_of(name).pop(name, None)
        for name in announced:
            self._heard_of(name)[name] = a
            for stale in self.stale.values():
                stale.discard(name)
        if ended:
            self.ended.add(ended)

    def _heard_of(self, name):
        return self.heard_bulk if name[0] in self.bulk.of else self.heard

    def close(self, reset=False):
        self.hears.set()
        super().close(reset)
        if self.out:
            self.out.close()
            self.out = None
