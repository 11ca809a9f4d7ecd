"""Connections that live and short requests, played and judged by bench/parts/load.c, and the servers that answer them, web.c.
In C, since in a guest Python would be what is measured."""
import json
import os
import signal
import socket

from . import daemons
from .traffic import PORT
from .wait import wait_until

# What load.c calls silence: after that it is certain what has become of each connection.
SILENCE_S = 10
# Between two looks at the counters: in a guest we share its one processor.
LOOK_S = 0.1


class Web:
    """A server that tells its name, in a pod's namespace."""

    def __init__(self, ns, name, port=PORT):
        self.ns, self.name, self.port = ns, name, port
        self.process = None
        self.start()

    def start(self):
        """Starts it, or starts it again; it listens."""
        self.process = self.ns.start([daemons.helper("web"), self.name, self.port], f"web-{self.name}")
        wait_until(self.listens, 10, f"{self.name} to listen")

    def listens(self):
        with self.ns.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        """Connections are closed by the kernel, new ones refused."""
        self.process.kill()

    def hang(self):
        """The kernel still accepts connections; nobody ever answers."""
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.process.signal(signal.SIGCONT)


class Load:
    """The client's side: one process, and what it is told to do; see load.c."""

    def __init__(self, ns, address, port=PORT):
        path = os.path.join(ns.lab.directory, "load.sock")
        self.process = ns.start([daemons.helper("load"), path, address, port], "load", ours=True)
        self.socket = wait_until(lambda: self._connect(path), 10, "the traffic generator to listen")
        self.file = self.socket.makefile("rb")
        ns.lab.closing(self)

    @staticmethod
    def _connect(path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.connect(path)
        except OSError:
            sock.close()
            raise
        return sock

    def ask(self, *words):
        self.socket.sendall(" ".join(map(str, words)).encode() + b"\n")
        line = self.file.readline()
        assert line, f"the traffic generator has ended: {self.process.log()}"
        answer = json.loads(line)
        assert "error" not in answer, f"{words}: {answer}"
        return answer

    def open(self, count, seconds, epoch=0):
        """That many more, spread over the time; waits until each is open, or broken."""
        self.ask("open", count, int(seconds * 1000), epoch)
        wait_until(lambda: self.status()["opening"] == 0, seconds + SILENCE_S + 5, "connections to be open", LOOK_S)

    def requests(self, interval_s):
        """A short request that often; 0: no more."""
        self.ask("requests", int(interval_s * 1e6))

    def mark(self):
        self.ask("mark")

    def finish(self, seconds):
        """All connections end by themselves within the time."""
        self.ask("finish", int(seconds * 1000))

    def forget(self):
        self.ask("close")

    def status(self):
        return self.ask("status")

    def report(self):
        return self.ask("report")

    def wait_answered(self, times, timeout=2 * SILENCE_S):
        """Waits until each living connection was answered that often since the last mark."""
        def fact():
            status = self.status()
            assert not status["living"] or status["least"] >= times, f"the least was answered {status['least']} times"
            return True
        wait_until(fact, timeout, f"each connection to be answered {times} times", LOOK_S)

    def close(self):
        self.file.close()
        self.socket.close()
        self.process.wait(5)
