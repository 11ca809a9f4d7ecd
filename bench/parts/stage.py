"""One system set up, and the events played on it.

Two load balancers stay for the whole time: the service always has a route by n1 and n2, and each event adds or takes the
path by n3, as it is in a cluster that scales. Updates come from a speaker of ours at lb3 that is the same for all systems and
sends octets made beforehand; processes are started and ended at lb4.

    router ==== node network ==== reflector
                  |     |     |
                 n1    n2    n3
                lb1   lb2   lb3 (speaker), lb4 (announcer)
"""
import os
import signal
import socket
import time

from lab import bgp, fig4
from lab.wait import wait_until

from .fib import Fib
from .systems import compiled

UPDATES = ("announce", "withdraw")
PROCESSES = ("exec", "sigterm", "sigkill")
EVENTS = PROCESSES[:1] + UPDATES + PROCESSES[1:]
SIGNALS = {"sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}

# An event that takes longer is lost. Longer than a connect-retry time, so that a refused connection shows as what it costs.
LOST_S = 30.0
# Between events: everything that the last one started has come to rest, and no timer of a daemon stays in step with us.
PAUSE_S = (0.03, 0.08)


class Lost(AssertionError):
    """The router's kernel never had the route that an event should have brought."""


class Stage:
    def __init__(self, lab, system_class):
        self.lab = lab
        self.oversleeps_ms = []  # how late the machine woke us from each pause
        self.fig = fig4.Fig4(lab)
        self.fib = Fib(self.fig.router, fig4.SERVICE)
        self.system = system_class(self.fig)
        self.system.start()
        self.pods = [self.fig.add_pod(node, f"lb{i + 1}") for i, node in enumerate((1, 2, 3, 3))]
        self.base = frozenset(p.node.address for p in self.pods[:2])
        self.more = self.base | {self.pods[2].node.address}
        for pod in self.pods[:2]:
            self.speaker(pod).announce(fig4.SERVICE, pod.node.address)
        if self.fib.wait(self.base, LOST_S) is None:
            raise Lost(f"{self.system.title}: {fig4.SERVICE} is not in the router's kernel by lb1 and lb2")
        self.go = os.path.join(lab.directory, "go")
        os.mkfifo(self.go)
        self.stamp = os.path.join(lab.directory, "stamp")

    @staticmethod
    def speaker(pod):
        """An established session of the pod with the reflector. It may be too early after the reflector's start."""
        def fact():
            speaker = pod.speaker(hold_time=90)
            try:
                speaker.establish()
            except OSError:
                speaker.close()
                raise
            speaker.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return speaker
        return wait_until(fact, 30, f"a session of {pod} with the reflector")

    def pause(self):
        length, start = self.lab.random.uniform(*PAUSE_S), time.monotonic()
        time.sleep(length)
        self.oversleeps_ms.append((time.monotonic() - start - length) * 1000)
        self.fib.drain()

    def updates(self, count):
        """Plays announce and withdraw in turns; yields (event, milliseconds)."""
        pod = self.pods[2]
        speaker = self.speaker(pod)
        plays = (("announce", bgp.announcement([fig4.SERVICE], pod.node.address), self.more),
                 ("withdraw", bgp.withdrawal([fig4.SERVICE]), self.base))
        for _ in range(count):
            for event, octets, wanted in plays:
                self.pause()
                start_ns = time.monotonic_ns()
                speaker.socket.send(octets)
                yield event, self.milliseconds(event, start_ns, wanted)
        speaker.close()

    def processes(self, ending, count):
        """Starts the announcer and ends it by that signal; yields (event, milliseconds)."""
        pod = self.pods[3]
        argv, environment = self.system.announcer(pod)
        launch = [compiled(self.lab, "launch"), self.go, self.stamp, *argv]
        for number in range(count):
            process = pod.ns.start(launch, f"announcer-{ending}-{number}", env=environment)
            go = wait_until(lambda: os.open(self.go, os.O_WRONLY | os.O_NONBLOCK), 10, "the launcher")
            self.pause()
            os.write(go, b"!")
            os.close(go)
            yield "exec", self.milliseconds("exec", self.started_ns, self.more)
            self.pause()
            start_ns = time.monotonic_ns()
            os.kill(process.pid, SIGNALS[ending])
            yield ending, self.milliseconds(ending, start_ns, self.base)
            process.wait(20)
            self.lab.processes.remove(process)
            os.unlink(process.log_path)

    def started_ns(self):
        with open(self.stamp) as f:
            return int(f.read())

    def milliseconds(self, event, start_ns, wanted):
        """start_ns: the time, or what tells it afterwards."""
        end_ns = self.fib.wait(wanted, LOST_S)
        if end_ns is None:
            raise Lost(f"{self.system.title}: {event}: after {LOST_S:.0f} s the kernel has {sorted(self.fib.gateways())}")
        return (end_ns - (start_ns() if callable(start_ns) else start_ns)) / 1e6

    def play(self, events, updates, processes):
        """All the events asked for, that often each; yields (event, milliseconds)."""
        if set(events) & set(UPDATES):
            yield from self.updates(updates)
        endings = [e for e in SIGNALS if e in events] or (["sigkill"] if "exec" in events else [])
        for ending in endings:
            yield from self.processes(ending, processes)
