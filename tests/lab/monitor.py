"""When a namespace's routes and next hops change: the kernel's own notifications with the time each came."""
import socket
import threading
import time

RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE = 0x40, 0x400
RTNLGRP_NEXTHOP = 1 << 31


class RouteMonitor:
    def __init__(self, ns):
        with ns.entered():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self.socket.bind((0, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTNLGRP_NEXTHOP))
        self.socket.settimeout(0.2)
        self.times = []
        self.stopping = False
        self.thread = threading.Thread(target=self._loop, name="route monitor", daemon=True)
        self.thread.start()
        ns.lab.closing(self)

    def _loop(self):
        while not self.stopping:
            try:
                self.socket.recv(65536)
            except OSError:
                continue
            self.times.append(time.monotonic())

    def delay_ms(self, start):
        """Milliseconds from start (time.monotonic) to the last change so far, or None when there was none since."""
        since = [t for t in self.times if t >= start]
        return (since[-1] - start) * 1000 if since else None

    def close(self):
        self.stopping = True
        self.thread.join(5)
        self.socket.close()
