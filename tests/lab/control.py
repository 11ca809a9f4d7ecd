"""A control socket as any program may speak it: octets out, lines in."""
import json
import socket

from .wait import wait_until


class Caller:
    """One connection. Lines are read by the test alone: nothing is taken from the socket that was not asked for."""

    def __init__(self, lab, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.kept = b""
        lab.closing(self)

    def send(self, what):
        """Octets as they are, or a request."""
        self.socket.sendall(what if isinstance(what, bytes) else json.dumps(what).encode() + b"\n")
        return self

    def line(self):
        """The next line as a value; None: the daemon has closed."""
        while b"\n" not in self.kept:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                assert not self.kept, f"half a line: {self.kept!r}"
                return None
            self.kept += more
        line, self.kept = self.kept.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, **arguments):
        """All rows of an answer, and its last line."""
        self.send({"command": command, **arguments})
        rows = []
        while "row" in (line := self.line() or {}):
            rows.append(line["row"])
        return rows, line

    def error(self):
        return self.line()["error"]

    def shut(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.socket.close()


def wait_for_socket(path, there=True):
    """Until something listens there, or nothing does."""
    def fact():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            return (s.connect_ex(path) == 0) == there
    wait_until(fact, 10, f"{path} to be {'there' if there else 'gone'}")
