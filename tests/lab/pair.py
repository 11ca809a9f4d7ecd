"""Two reflectors of one cluster id, and a router and load balancers that speak to both of them."""
import signal

from . import daemons, fig4

SECOND, SECOND6 = "10.0.0.120", "fd00:10::120"
BOTH = (fig4.REFLECTOR, SECOND)


def reflector_config(address, hold_time_s=3):
    config = daemons.reflector_config(address=address)
    for group in config["peer-groups"].values():
        group["hold-time"] = hold_time_s
    return config


def router_config(hold_time_s=3):
    config = daemons.router_config(BOTH)
    config["peer-groups"]["reflectors"]["hold-time"] = hold_time_s
    return config


def announcer_config(pod, hold_time_s=3):
    config = daemons.announcer_config(pod, reflectors=BOTH)
    for neighbor in config["neighbors"]:
        neighbor["hold-time"] = hold_time_s
    return config


class Reflector:
    """One of the two: its namespace, its daemon, its cable."""

    def __init__(self, fig, ns, address, config=None):
        self.fig, self.ns, self.address = fig, ns, address
        self.daemon = daemons.Daemon(ns, "rrd", config or reflector_config(address), name=f"rrd-{address}")

    def kill(self):
        self.daemon.process.kill()

    def start(self):
        self.daemon.start()

    def stop(self):
        """It stands still, and its kernel goes on."""
        self.daemon.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.daemon.process.signal(signal.SIGCONT)

    def cut(self):
        """A silent death."""
        self.fig.set_cable(self.ns, False)

    def mend(self):
        self.fig.set_cable(self.ns, True)


class Pair:
    """Fig. 4 with both reflectors and the router; load balancers as they are added, on a node of their own each."""

    def __init__(self, lab, nodes=3, router_config=router_config, reflector_config=reflector_config):
        self.fig = fig4.Fig4(lab, nodes)
        second = self.fig.add_reflector("reflector2", SECOND, SECOND6)
        self.reflectors = [Reflector(self.fig, ns, address, reflector_config(address))
                           for ns, address in zip((self.fig.reflector, second), BOTH)]
        self.router = daemons.router(self.fig, router_config())
        self.pods = []

    def add_announcers(self, count=3, config=announcer_config):
        """Load balancers that answer with their names."""
        for _ in range(count):
            pod = self.fig.add_pod()
            pod.serve()
            pod.node.route_service(fig4.SERVICE, pod)
            pod.daemon = daemons.announcer(pod, config=config(pod))
            self.pods.append(pod)
        return self

    def wait_whole(self, timeout=25):
        """Waits until everybody has everybody."""
        self.router.wait_established(*BOTH, timeout=timeout)
        for reflector in self.reflectors:
            reflector.daemon.wait_established(fig4.ROUTER, *[p.address for p in self.pods], timeout=timeout)
        return self
