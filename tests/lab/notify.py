"""The service manager's end of sd_notify(3): a socket that a daemon tells how it is."""
import os
import socket
import time

from .wait import wait_until


class Manager:
    def __init__(self, lab, name="manager"):
        self.path = f"/run/{name}.sock"
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.socket = lab.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.env = {"NOTIFY_SOCKET": self.path}
        self.messages = []  # {"READY": "1", "STATUS": ...}

    def read(self):
        while True:
            try:
                octets = self.socket.recv(65536)
            except BlockingIOError:
                return self.messages
            self.messages.append(dict(line.split("=", 1) for line in octets.decode().splitlines()))

    def wait_for(self, key, count=1):
        """Until there have been so many messages with this key."""
        wait_until(lambda: sum(key in m for m in self.read()) >= count, 10, f"{count} messages with {key}")
        return self

    def forget(self):
        self.read()
        self.messages = []

    def check_reload(self, do):
        """What is told while do() has a daemon read its configuration again."""
        self.forget()
        before = time.monotonic()
        do()
        after = time.monotonic()
        self.wait_for("READY")
        # A line of status may come between and behind them.
        first, last = [m for m in self.messages if set(m) - {"STATUS"}]
        assert first["RELOADING"] == "1" and "READY" not in first
        # With systemd's Type=notify-reload: when the reload began, on the clock CLOCK_MONOTONIC.
        assert before <= int(first["MONOTONIC_USEC"]) / 1e6 <= after
        assert last["READY"] == "1" and "RELOADING" not in last
