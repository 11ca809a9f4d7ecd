"""What ./demo shows: the whole of the paper's Fig. 4 comes up and serves; a load balancer is killed, one comes, one is drained, a reflector
is killed, and the connections that live do not notice."""
import os
import signal
import sys
import time

from . import Lab, fig4, pair, wait_until, whole
from .load import LOOK_S
from .monitor import RouteMonitor

PICTURE = """
             client 192.0.2.10
                |
             router 10.0.0.110  (rrd, puts routes into its kernel)
                |
    ------------+-- node network 10.0.0.0/16 --+-------------
        |               |               |      |
      n1 .105         n2 .106         n3 .107  reflectors .109, .120  (rrd, one cluster id)
        |               |               |
      lb1 web1        lb2 web2        lb3 web3     pods of the overlay 172.16.0.0/16
                                                   (in lb: lb-announcer, lb-ipvs-agent, and the kernel's IPVS)
"""
CONNECTIONS = 90
REQUEST_EVERY_S = 0.02
DRAIN_S = 3
TERMINAL = sys.stdout.isatty() and os.environ.get("RRD_DEMO_PLAIN") is None


def say(head, *lines):
    print(("\n\033[1m%s\033[0m" if TERMINAL else "\n%s") % head)
    for line in lines:
        print("   " + line)
    sys.stdout.flush()


def show(ns, command):
    print(f"{ns}$ {command}")
    print("".join(f"    {line}\n" for line in ns.run(command.split()).rstrip().splitlines()), end="", flush=True)


class Counters:
    """The line that stands still where it matters."""

    def __init__(self, load):
        self.load, self.shown = load, 0.0

    def line(self):
        s = self.load.status()
        r = s["requests"]
        return f"   connections: {s['living']} live, {s['broken']} broken, {s['answers']} answers   " \
               f"short requests: {r['answered']} answered, {r['failed']} failed"

    def tick(self):
        """On a terminal the line changes in its place."""
        if TERMINAL and time.monotonic() - self.shown > LOOK_S:
            self.shown = time.monotonic()
            print("\r\033[K" + self.line(), end="", flush=True)

    def until(self, fact, timeout, what):
        def looked_at():
            self.tick()
            return fact()
        wait_until(looked_at, timeout, what, LOOK_S)

    def tell(self):
        print(("\r\033[K" if TERMINAL else "") + self.line(), flush=True)


class Demo:
    def __init__(self, lab):
        self.whole = whole.Whole(lab, nodes=3)
        self.whole.drain_s = DRAIN_S
        self.fig, self.load = self.whole.fig, self.whole.load
        self.changes = RouteMonitor(self.whole.router)
        self.counters = Counters(self.load)

    def expect(self, what, start):
        """Waits for the router's kernel to have the load balancers that there are; says how long it took."""
        wanted = {p.node.name for p in self.whole.balancers}
        self.counters.until(lambda: set(self.fig.hops()) == wanted, 30, what)
        delay = self.changes.delay_ms(start)
        print("\r\033[K" if TERMINAL else "", end="")
        print(f"-> {what}: {delay:.0f} ms" if delay is not None else f"-> {what}")
        show(self.whole.router, f"ip route show {fig4.SERVICE}")

    def unharmed(self, times=3):
        """Each connection is answered some more times; none has been broken, no request lost."""
        had = self.load.status()["least"]
        self.counters.until(lambda: self.load.status()["least"] >= had + times, 30, "every connection to be answered again")
        self.counters.tell()
        status = self.load.status()
        assert status["living"] == CONNECTIONS and not status["broken"], f"{status['broken']} connections are broken"
        assert not status["requests"]["failed"], f"requests failed: {status['requests']['reasons']}"

    @staticmethod
    def established(pod):
        """How many connections to the service that load balancer's kernel follows."""
        return sum(c.state == "ESTABLISHED" for c in pod.ipvs.connections(fig4.ADDRESS))

    def come_up(self):
        say("1. Two reflectors and the router start; then three web pods, and three load-balancer pods at random overlay addresses",
            "In each load balancer lb-ipvs-agent fills the kernel's IPVS and checks the web pods;",
            "then lb-announcer tells both reflectors by BGP that its node takes traffic for 10.1.1.0/24.")
        self.whole.start_control()
        self.whole.add_webs(3)
        start = time.monotonic()
        self.whole.add_balancers(3)
        self.whole.lab.closing(self.whole)
        for pod in self.whole.balancers:
            print(f"   {pod.name}: pod {pod.address}, next hop {pod.node.address} ({pod.node.name})")
        print(f"-> up after {time.monotonic() - start:.1f} s: one route with three next hops in the router's kernel")
        show(self.whole.router, f"ip route show {fig4.SERVICE}")
        agent = self.whole.balancers[0].agent
        print(f"lb1$ rrctl -i show servers\n{agent.ctl('show', 'servers').rstrip()}", flush=True)

    def serve(self):
        say(f"2. {CONNECTIONS} connections are opened and stay: a request a second on each. Short requests come beside them",
            "client -> router -> one of three nodes by ECMP -> load balancer (IPVS) -> web pod, and straight back.")
        self.load.open(CONNECTIONS, 2)
        self.load.requests(REQUEST_EVERY_S)
        self.load.mark()
        self.unharmed(2)
        servers = self.load.status()["requests"]["servers"]
        print("   short requests, by web pod: " + ", ".join(f"{name} {count}" for name, count in sorted(servers.items())))
        print("   connections, by load balancer: " + ", ".join(f"{b.name} {self.established(b)}" for b in self.whole.balancers))
        assert set(servers) == {w.name for w in self.whole.webs}, "not every web pod was asked"

    def kill(self):
        pod = self.whole.balancers[1]
        say(f"3. {pod.name} is killed: SIGKILL to all in the pod, and its network is gone",
            "The kernel closes its BGP connections, the reflectors withdraw, the router's route shrinks. Its flows, and others that",
            "hash elsewhere now, reach load balancers that have never seen them and find the same web pods: mh, sloppy_tcp, tunnels.")
        start = time.monotonic()
        self.whole.kill(pod)
        self.expect(f"{pod.name}'s next hop left the router's kernel", start)
        self.unharmed()

    def add(self):
        pod = self.whole.new_balancer()
        say(f"4. {pod.name} comes in its place: another pod, another address, nothing learned from anybody")
        self.whole.prepare_balancers(pod)
        start = time.monotonic()
        self.whole.start_announcer(pod)
        self.expect(f"from the start of lb-announcer in {pod.name} to its next hop in the router's kernel", start)
        self.unharmed()
        print(f"   {pod.name} has taken {self.established(pod)} of them over in their middle")

    def drain(self):
        pod = self.whole.balancers[1]
        say(f"5. {pod.name} is drained and ended", "The lowest weight first, so that new connections go elsewhere; 3 s later it is "
            "withdrawn; then SIGTERM, and the pod goes.")
        print(f"{pod.name}$ rrctl -a drain {DRAIN_S}")
        start = time.monotonic()
        self.whole.drain(pod, DRAIN_S)
        # Where all is slow it may be over before we look.
        self.counters.until(lambda: self.fig.hops() != {p.node.name: 1 for p in self.whole.balancers}, 10, "the lowest weight")
        print("\r\033[K" if TERMINAL else "", end="")
        show(self.whole.router, f"ip route show {fig4.SERVICE}")
        self.whole.wait_withdrawn(pod)
        self.whole.terminate(pod)
        self.expect(f"{pod.name} is withdrawn and gone", start)
        self.unharmed()

    def kill_reflector(self):
        reflector = self.whole.reflectors[0]
        say(f"6. The reflector {reflector.address} is killed, missed, and started again",
            "Each load balancer speaks to both, and the router hears both: the same path by two ways is one next hop.")
        start = time.monotonic()
        reflector.kill()
        self.counters.until(lambda: self.whole.rrd.state(reflector.address) != "established", 10, "the router to notice")
        print("\r\033[K" if TERMINAL else "", end="")
        show(self.whole.router, f"ip route show {fig4.SERVICE}")
        reflector.start()
        self.counters.until(lambda: self.whole.wait_control() or True, 30, "everybody to be back")
        print(f"-> killed, started, all {len(self.whole.balancers) + 1} sessions established: {(time.monotonic() - start) * 1000:.0f} ms")
        assert self.changes.delay_ms(start) is None, "the router's kernel was changed"
        print("-> the router's kernel: no change")
        self.unharmed()

    def restart_router(self):
        say("7. The router's daemon is killed and started again", "The kernel's routes stay and are taken over as they are.")
        start = time.monotonic()
        self.whole.rrd.process.kill()
        self.whole.rrd.start().wait_established(*pair.BOTH)
        print(f"-> killed, started, session established: {(time.monotonic() - start) * 1000:.0f} ms")
        self.unharmed()

    def play(self):
        self.come_up()
        self.serve()
        self.kill()
        self.add()
        self.drain()
        self.kill_reflector()
        self.restart_router()
        report = self.load.report()
        longest = max(c["longest_us"] for c in report["connections"]) / 1000
        say(f"All {CONNECTIONS} connections live: {report['answers']} answers in all, none waited longer than {longest:.0f} ms.")


def main():
    def interrupt(number, _):
        """Once is enough: what follows is the taking down."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    begin = time.monotonic()
    say("The whole of the paper's Fig. 4, in network namespaces of this process alone")
    print(PICTURE, end="", flush=True)
    try:
        with Lab("demo") as lab:
            Demo(lab).play()
    except KeyboardInterrupt as e:
        print("\ninterrupted; everything has been taken down")
        return 128 + (e.args[0] if e.args else signal.SIGINT)
    except AssertionError as e:
        print(f"\ndemo: {e}", file=sys.stderr)
        print(f"demo: the logs are in {lab.directory}", file=sys.stderr)
        return 1
    say(f"Done in {time.monotonic() - begin:.0f} s. All processes and namespaces of the demo are gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
