"""What ./demo shows: the paper's Fig. 4 comes up, serves, loses load balancers and gets them back."""
import signal
import sys
import time

from . import Lab, daemons, fig4, traffic, wait_until
from .monitor import RouteMonitor

PICTURE = """
             client 192.0.2.10
                |
             router 10.0.0.110  (rrd, puts routes into its kernel)
                |
    ------------+-- node network 10.0.0.0/16 --+-------------
        |               |               |      |
      n1 .105         n2 .106         n3 .107  reflector .109  (rrd)
        |               |               |
       lb1             lb2             lb3     pods of the overlay 172.16.0.0/16  (lb-announcer)
"""


def say(text):
    print(("\n\033[1m%s\033[0m" if sys.stdout.isatty() else "\n%s") % text, flush=True)


def show(ns, command):
    print(f"{ns}$ {command}")
    print("".join(f"    {line}\n" for line in ns.run(command.split()).rstrip().splitlines()), end="", flush=True)


class Demo:
    def __init__(self, lab):
        self.system = daemons.System(lab)
        self.fig = self.system.fig
        self.changes = RouteMonitor(self.fig.router)

    def expect(self, hops, what, start):
        """Waits for the next hops, then says how long the router's kernel took."""
        wait_until(lambda: self.fig.hops() == {h: 1 for h in hops}, 30, what)
        delay = self.changes.delay_ms(start)
        print(f"-> {what}: {delay:.1f} ms" if delay is not None else f"-> {what}")
        show(self.fig.router, f"ip route show {fig4.SERVICE}")

    def requests(self, count=60):
        found = traffic.spread(self.fig.client, fig4.ADDRESS, count)
        told = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
        print(f"-> {count} requests from the client to http://{fig4.ADDRESS}/ were answered by: {told}", flush=True)
        return found

    def play(self):
        fig, system = self.fig, self.system
        say("1. The reflector and the router find each other")
        start = time.monotonic()
        system.reflector.wait_established(fig4.ROUTER)
        print(f"-> session established {(time.monotonic() - start) * 1000:.0f} ms after both were started")

        say("2. Three load-balancer pods start, at random overlay addresses; each announces 10.1.1.0/24 by its node")
        start = time.monotonic()
        pods = [system.add_announcer(node, serve=True) for node in (1, 2, 3)]
        for pod in pods:
            print(f"   {pod.name}: pod {pod.address}, next hop {pod.node.address} ({pod.node.name})")
        self.expect(["n1", "n2", "n3"], "one route with three next hops is in the router's kernel", start)
        system.reflector.wait_established(*[p.address for p in pods])
        print(f"reflector$ rrctl show neighbors\n{system.reflector.ctl('show', 'neighbors').rstrip()}")

        say("3. A client beyond the router reaches the service")
        show(fig.client, f"ping -n -c 2 -i 0.2 {fig4.ADDRESS}")
        assert set(self.requests()) == {p.name for p in pods}, "not every pod was asked"

        say("4. lb2 dies: SIGKILL. The kernel closes its connection and the reflector withdraws its path")
        start = time.monotonic()
        pods[1].daemon.process.kill()
        self.expect(["n1", "n3"], "lb2's next hop left the router's kernel after the SIGKILL", start)
        assert "lb2" not in self.requests()

        say("5. lb2 is started again")
        start = time.monotonic()
        pods[1].daemon.start()
        self.expect(["n1", "n2", "n3"], "from start of the program to its next hop in the router's kernel", start)
        self.requests()

        say("6. lb3 is drained, while requests go on: lowest weight, 2 s later withdrawn; then SIGTERM: Cease, and it ends")
        probes = traffic.Probes(fig.client, fig4.ADDRESS)
        wait_until(lambda: len(probes.servers) == 3, 10, "answers of all three")
        start = time.monotonic()
        print(f"lb3$ rrctl -a drain 2{pods[2].daemon.ctl('drain', '2').rstrip()}")
        wait_until(lambda: fig.hops() == {"n1": 238, "n2": 238, "n3": 1}, 10, "the lowest weight for lb3")
        delay = self.changes.delay_ms(start)
        print("-> lb3 has the lowest weight" + (f": {delay:.1f} ms" if delay is not None else ""))
        show(fig.router, f"ip route show {fig4.SERVICE}")
        wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1}, 10, "the withdrawal")
        print(f"-> {time.monotonic() - start:.1f} s later it is withdrawn")
        code = pods[2].daemon.process.terminate()
        probes.stop()
        print(f"-> lb3 ended with code {code}; of {probes.sent} requests, one every 2 ms, {len(probes.lost)} were lost")
        assert not probes.lost, "requests were lost while lb3 was drained"
        assert "lb3" not in self.requests()

        say("7. The router's daemon is killed and started again, while requests go on. The kernel's routes stay")
        probes = traffic.Probes(fig.client, fig4.ADDRESS)
        wait_until(lambda: len(probes.answered) > 100, 10, "the first hundred answers")
        start = time.monotonic()
        system.router.process.kill()
        system.router.start()
        system.router.wait_established(fig4.REFLECTOR)
        print(f"-> killed, started, session established: {(time.monotonic() - start) * 1000:.0f} ms")
        wait_until(lambda: [r["state"] for r in system.router.show("fib")] == ["installed"], 10, "rrctl show fib")
        answered = len(probes.answered)
        wait_until(lambda: len(probes.answered) > answered + 500, 20, "five hundred answers after the restart")
        probes.stop()
        print(f"-> of {probes.sent} requests, one every 2 ms, {len(probes.lost)} were lost", flush=True)
        assert not probes.lost, "requests were lost while the router's daemon was restarted"

        say("8. The last two go as well, and with them the route")
        start = time.monotonic()
        for pod in pods[:2]:
            pod.daemon.process.terminate()
        self.expect([], "the route is gone", start)


def main():
    def interrupt(number, _):
        """Once is enough: what follows is the taking down."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    begin = time.monotonic()
    say("The topology of the paper's Fig. 4, in network namespaces of this process alone")
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
