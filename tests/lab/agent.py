"""Speaks as lb-ipvs-agent does to lb-announcer, where there is no IPVS: the same protocol on the same kind of socket.

What it says of its services is the test's to set; what it is told, and when, is kept. It beats as the agent does, but
counts nothing and waits for nobody.
"""
import json
import os
import select
import socket
import threading
import time

from .fig4 import ADDRESS

BEAT_S = 1.0
BEAT_OFTEN_S = 0.25


class Service:
    """A virtual service as the agent would report it."""

    def __init__(self, name="web", address=ADDRESS, port=80, servers=4, healthy=4, active=0, known=True):
        self.name, self.address, self.port = name, address, port
        self.servers, self.healthy, self.active, self.known, self.configured = servers, healthy, active, known, True

    def row(self):
        return {"event": "health", "service": self.name, "key": f"TCP {self.address}:{self.port}", "address": self.address,
                "known": self.known, "configured": self.configured, "servers": self.servers, "healthy": self.healthy,
                "active": self.active}


class Connection:
    def __init__(self, sock):
        self.socket, self.buffer, self.watches, self.state = sock, b"", False, None

    def send(self, row):
        try:
            self.socket.sendall(json.dumps(row).encode() + b"\n")
        except OSError:
            pass


class AgentStandIn:
    """start() and stop() as often as wanted: stopped is as killed, its socket and connections closed."""

    def __init__(self, lab, *services, name="agent"):
        self.path = f"/run/{name}.sock"
        self.services = {s.name: s for s in services or [Service()]}
        self.ready, self.leaving, self.wait_ms, self.silent = True, False, 0, False
        self.said = []  # (state, when); None: the connection over which states were said has ended
        self.lock = threading.RLock()
        self.listener = self.thread = None
        self.connections = []
        self.stopping = False
        lab.closing(self)
        self.start()

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        if self.thread:
            self.stopping = True
            self.thread.join()
            self.thread = None

    close = stop

    def set(self, name="web", **values):
        """Changes what is known of a service and tells it at once."""
        with self.lock:
            service = self.services[name]
            for key, value in values.items():
                setattr(service, key, value)
            self._tell(service.row())

    def add(self, service):
        with self.lock:
            self.services[service.name] = service
            self._tell(service.row())

    def remove(self, name):
        with self.lock:
            row = self.services.pop(name).row()
            self._tell({"event": "gone", "service": row["service"], "key": row["key"]})

    def leave(self, wait_ms=25000):
        """It has been told to end."""
        with self.lock:
            self.leaving, self.wait_ms = True, wait_ms
            self._tell(self._beat())

    def stay(self):
        with self.lock:
            self.leaving = False
            self._tell(self._beat())

    def states(self):
        return [state for state, _ in self.said]

    def state(self):
        """What the announcer said last, over a connection that is still there."""
        return self.said[-1][0] if self.said else None

    def when(self, state):
        """When it was said for the last time."""
        return [when for said, when in self.said if said == state][-1]

    def _beat(self):
        return {"event": "beat", "ready": self.ready, "leaving": self.leaving,
                **({"wait-ms": self.wait_ms} if self.leaving else {})}

    def _tell(self, row):
        for c in self.connections:
            if c.watches and not self.silent:
                c.send({"row": row})

    def _run(self):
        last = time.monotonic()
        while not self.stopping:
            readable, _, _ = select.select([self.listener, *[c.socket for c in self.connections]], [], [], 0.02)
            with self.lock:
                if self.listener in readable:
                    self.connections.append(Connection(self.listener.accept()[0]))
                for c in [c for c in self.connections if c.socket in readable]:
                    self._read(c)
                often = self.leaving or any(c.state == "draining" for c in self.connections)
                if time.monotonic() - last >= (BEAT_OFTEN_S if often else BEAT_S):
                    last = time.monotonic()
                    for service in self.services.values():
                        self._tell(service.row())
                    self._tell(self._beat())
        self.listener.close()
        for c in list(self.connections):
            self._close(c)

    def _close(self, c):
        self.connections.remove(c)
        c.socket.close()
        if c.state:
            self.said.append((None, time.monotonic()))

    def _read(self, c):
        try:
            data = c.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._close(c)
            return
        *lines, c.buffer = (c.buffer + data).split(b"\n")
        for line in lines:
            if not self.silent:
                self._answer(c, json.loads(line))

    def _answer(self, c, request):
        if request["command"] == "announcer":
            c.state = request["state"]
            self.said.append((c.state, time.monotonic()))
            c.send({"end": True})
        elif request["command"] == "health":
            c.watches = True
            for row in [*[s.row() for s in self.services.values()], self._beat()]:
                c.send({"row": row})
        else:
            c.send({"error": "the stand-in knows health and announcer"})
