"""The paper's own files (Appendices B, C and D), converted by rrctl convert, run the whole topology.

    client -- router (GoBGP's TOML, as rrd.conf) ==== node network ==== n1 n2 n3 -- pods (ExaBGP's, as lb-announcer.conf)
                                                          |
                                          reflector (GoBGP's YAML, as rrd.conf)

The files are those of tests/convert, octet for octet; only where the paper's control socket would be is said beside them. The pod of
the paper's Appendix D is 172.16.20.2 on the node 10.0.0.106; others are the same file with their own two addresses.
"""
import os
import subprocess

from lab import daemons, fig4, traffic, wait_until
from lab.fig4 import ADDRESS, SERVICE

INPUTS = os.path.join(daemons.TOP, "tests", "convert")
POD, POD_NODE = "172.16.20.2", "10.0.0.106"


def convert(path, *options):
    """What rrctl convert writes and says, and its exit code."""
    done = subprocess.run([daemons.binary("rrctl"), "convert", *options, path], capture_output=True, text=True, timeout=30,
                          check=False)
    return done.stdout, done.stderr, done.returncode


class Converted(daemons.Daemon):
    """A daemon whose file is what rrctl convert wrote."""

    def __init__(self, ns, program, path):
        text, said, code = convert(path)
        assert code in (0, 4), said
        super().__init__(ns, program, text)

    def start(self):
        text = f"{self.config}\ncontrol:\n  socket: {self.socket}\n"
        path = self.ns.lab.file(f"{self.name}.conf", text)
        self.ns.run([daemons.binary(self.program), "-t", "-c", path])
        self.process = self.ns.start([daemons.binary(self.program), "-c", path], self.name, ours=True)
        return self


def paper_pod(fig):
    """The pod of Appendix D: an address of its own outside of its node's usual part of the overlay."""
    pod = fig.add_pod(2)
    pod.ns.batch(f"addr add {POD}/32 dev eth0")
    pod.node.ns.batch(f"route add {POD} via {pod.address}")
    fig.reflector.batch(f"route add {POD} via {POD_NODE}")
    return pod


def announce(fig, pod, address=None):
    """The pod announces: by the paper's file, or the same file with the pod's address in it."""
    with open(os.path.join(INPUTS, "paper-announcer.conf"), encoding="utf-8") as f:
        text = f.read()
    if not address:
        text = text.replace(POD_NODE, pod.node.address).replace(POD, pod.address)
    pod.serve()
    pod.node.route_service(SERVICE, pod)
    pod.daemon = Converted(pod.ns, "lb-announcer", fig.lab.file(f"exabgp-{pod.name}.conf", text))
    return pod


def test_the_papers_files_converted_put_each_load_balancer_into_the_routers_kernel(fig, lab):
    reflector = Converted(fig.reflector, "rrd", os.path.join(INPUTS, "paper-reflector.yaml"))
    router = Converted(fig.router, "rrd", os.path.join(INPUTS, "paper-router.toml"))
    router.wait_established(fig4.REFLECTOR)
    system = daemons.System.__new__(daemons.System)
    system.fig, system.lab = fig, lab

    pod = announce(fig, paper_pod(fig), POD)
    system.wait_for_hops({"n2": 1})
    route = fig.router.route(SERVICE)
    assert (route["protocol"], route["metric"]) == ("bgp", 20)
    assert traffic.request(fig.client, ADDRESS) == pod.name
    reflector.wait_established(POD, fig4.ROUTER)

    # All paths come by add-path and share one route.
    for node in (1, 3):
        announce(fig, fig.add_pod(node))
    system.wait_for_hops({"n1": 1, "n2": 1, "n3": 1})
    assert set(traffic.spread(fig.client, ADDRESS)) == {p.name for p in fig.pods}

    # Killed, not ended in order: what is configured is a drain of some seconds, which is not what is tried here.
    pod.daemon.process.kill()
    system.wait_for_hops({"n1": 1, "n3": 1})
    for other in fig.pods[1:]:
        other.daemon.process.kill()
    wait_until(lambda: fig.router.route(SERVICE) is None, 10, "the route to be gone with its last load balancer")


def test_exit_codes_and_streams_are_as_the_manual_says(lab):
    paper = os.path.join(INPUTS, "paper-reflector.yaml")
    text, said, code = convert(paper)
    assert (code, said) == (0, "")
    assert text.startswith("# rrd.conf, ")
    text, said, code = convert(os.path.join(INPUTS, "paper-router.toml"))
    assert code == 4
    assert "not carried over: zebra.config.redistribute-route-type-list" in said
    assert "fib:\n  enabled: true\n" in text
    text, said, code = convert(lab.file("nothing.conf", "hello\n"))
    assert (code, text) == (1, "")
    assert "--from" in said
    text, said, code = convert("/nonexistent")
    assert (code, text) == (1, "")
    assert "/nonexistent: cannot be opened: No such file" in said
    assert convert(paper, "--from", "cisco")[2] == 2
    assert convert(paper, "--keys", "relative")[2] == 2
