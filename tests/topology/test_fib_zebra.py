"""FRR's zebra beside us in the router: its route for one of our prefixes, with our metric, is reported and left alone.

    router: rrd, zebra, staticd ==== node network ==== reflector (rrd)
                                       |    |
                                      n1   n2     speakers of the test announce by them; zebra's route leads to n3
"""
import os

import pytest

from lab import daemons
from lab.fig4 import REFLECTOR, ROUTER, SERVICE, SERVICE2
from lab.wait import holds, wait_until

FRR = "/usr/lib/frr"


class Zebra:
    """zebra and staticd with a static route per prefix. They want a user of their own and a directory in /var/tmp."""

    def __init__(self, fig, prefixes, gateway):
        for program in ("zebra", "staticd"):
            if not os.access(f"{FRR}/{program}", os.X_OK):
                pytest.skip(f"FRR's {program} is not installed (tests/packages peers)")
        self.lab, ns = fig.lab, fig.router
        self.lab.run(["install", "-d", "-o", "frr", "-g", "frr", "/run/frr"])
        routes = "".join(f"ip route {p} {gateway}\n" for p in prefixes)
        for program, config in (("zebra", ""), ("staticd", routes)):
            path = f"/run/frr/{program}.conf"
            source = self.lab.file(f"{program}.conf", config)
            self.lab.run(["install", "-o", "frr", "-g", "frr", "-m", "644", source, path])
            script = f"""mount -t tmpfs none /var/tmp && install -d -o frr -g frr /var/tmp/frr && \
                exec {FRR}/{program} -u frr -g frr -f {path} -i /run/frr/{program}.pid -z /run/frr/zserv.api \
                --vty_socket /run/frr -A 127.0.0.1 -P 0 --log stdout"""
            process = ns.start(["unshare", "--mount", "/bin/sh", "-c", script], program)
            if program == "zebra":
                wait_until(lambda: os.path.exists("/run/frr/zserv.api"), 10, "zebra's socket")
            else:
                self.staticd = process


def protocol(system, prefix=SERVICE):
    route = system.fig.router.route(prefix)
    return route["protocol"] if route else None


def announce(system, prefix):
    pod = system.fig.add_pod()
    speaker = pod.speaker().establish()
    speaker.announce(prefix, pod.node.address)
    return speaker


def row(system, prefix=SERVICE):
    return {r["prefix"]: r for r in system.router.show("fib")}[prefix]


def test_zebras_route_is_reported_and_never_replaced(system):
    first, _ = announce(system, SERVICE), announce(system, SERVICE)
    announce(system, SERVICE2)
    system.wait_for_hops(["n1", "n2"])
    assert protocol(system) == "bgp"
    zebra = Zebra(system.fig, [SERVICE], system.fig.nodes[2].address)
    # zebra replaces what is there.
    wait_until(lambda: protocol(system) not in (None, "bgp"), 15, "zebra's route")
    assert system.fig.router.route(SERVICE)["metric"] == 20
    system.router.wait_for_log(rf"another program.*{SERVICE}")
    wait_until(lambda: "another program" in row(system).get("error", ""), 5, "the row to tell")
    first.withdraw(SERVICE)
    wait_until(lambda: len(row(system)["next-hops"]) == 1, 5, "the change to arrive")
    holds(lambda: protocol(system) not in (None, "bgp"), 0.5, "zebra's route")
    assert protocol(system, SERVICE2) == "bgp"
    zebra.staticd.signal(15)
    system.wait_for_hops(["n2"])
    assert protocol(system) == "bgp"


def test_a_route_of_zebra_that_was_there_first_is_left_alone(fig):
    Zebra(fig, [SERVICE], fig.nodes[2].address)
    wait_until(lambda: fig.router.route(SERVICE), 15, "zebra's route")
    config = daemons.router_config()
    this = type("Both", (), {})()
    this.fig, this.reflector, this.router = fig, daemons.reflector(fig), daemons.router(fig, config)
    this.router.wait_established(REFLECTOR)
    this.reflector.wait_established(ROUTER)
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(SERVICE, pod.node.address)
    speaker.announce(SERVICE2, pod.node.address)
    wait_until(lambda: protocol(this, SERVICE2) == "bgp", 10, "our other route")
    wait_until(lambda: "another program" in row(this).get("error", ""), 5, "the row to tell")
    assert row(this)["state"] == "failed"
    assert fig.hops() == {"n3": 1}
