"""Weights in the router's kernel by link bandwidth, in both families.

    pod speakers (test) on n1, n2, n3 -- reflector (rrd) -- router (rrd: kernel routes)
                                     \\- second reflector -/     (where two disagree)
"""
import math

import pytest

from lab import bgp, daemons, fig4
from lab.fig4 import AS, REFLECTOR, SERVICE, SERVICE2, SERVICE2_V6, SERVICE_V6
from lab.wait import holds, wait_until

UNIT = 1000
FAMILIES = {"v4": (SERVICE, SERVICE2), "v6": (SERVICE_V6, SERVICE2_V6)}
SECOND, SECOND6 = "10.0.0.108", "fd00:10::108"


def system_of(lab, unit=UNIT, reflectors=(REFLECTOR,)):
    router = daemons.two_families(daemons.router_config(reflectors))
    router["fib"]["link-bandwidth-unit"] = unit
    system = daemons.System(lab, daemons.two_families(daemons.reflector_config()), router)
    system.reflector.wait_established(fig4.ROUTER)
    return system


class LoadBalancer:
    """A pod whose speaker says what a test wants of its bandwidth. reflectors: where."""

    def __init__(self, system, node, reflectors=(REFLECTOR,)):
        self.pod = system.fig.add_pod(node)
        families = (bgp.IPV4, bgp.IPV6)
        self.speakers = [self.pod.speaker(r, families=families).establish() for r in reflectors]

    def say(self, prefix, *bandwidths, transitive=False):
        """One bandwidth for each reflector, None: none."""
        node = self.pod.node
        for speaker, bandwidth in zip(self.speakers, bandwidths):
            more = b""
            if bandwidth is not None:
                more = bgp.attribute(bgp.EXTENDED_COMMUNITIES, bgp.link_bandwidth(AS, bandwidth, transitive))
            speaker.announce(prefix, node.address6 if ":" in prefix else node.address, more=more)
        return self


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_follow_bandwidth_but_not_each_small_change(lab, family):
    prefix, barrier = FAMILIES[family]
    system = system_of(lab)
    one = LoadBalancer(system, 1).say(prefix, 10 * UNIT)
    two = LoadBalancer(system, 2).say(prefix, 30 * UNIT, transitive=True)
    system.wait_for_hops({"n1": 10, "n2": 30}, prefix)
    two.say(prefix, 32 * UNIT)
    one.say(barrier, 7 * UNIT)
    two.say(barrier, 8 * UNIT)
    system.wait_for_hops({"n1": 7, "n2": 8}, barrier)
    assert system.fig.hops(prefix) == {"n1": 10, "n2": 30}
    two.say(prefix, 60 * UNIT)
    system.wait_for_hops({"n1": 10, "n2": 60}, prefix)
    # Two changes inside one second: the second one comes too, a second after the first.
    one.say(prefix, 20 * UNIT)
    one.say(prefix, 40 * UNIT)
    system.wait_for_hops({"n1": 40, "n2": 60}, prefix)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_drain_leaves_a_weight_of_one_and_all_draining_stay(lab, family):
    prefix, _ = FAMILIES[family]
    system = system_of(lab)
    balancers = [LoadBalancer(system, node).say(prefix, 10 * UNIT) for node in (1, 2, 3)]
    system.wait_for_hops({"n1": 10, "n2": 10, "n3": 10}, prefix)
    balancers[0].say(prefix, 0)
    system.wait_for_hops({"n1": 1, "n2": 50, "n3": 50}, prefix)
    balancers[1].say(prefix, 0)
    system.wait_for_hops({"n1": 1, "n2": 1, "n3": 50}, prefix)
    balancers[2].say(prefix, 0)
    system.wait_for_hops({"n1": 1, "n2": 1, "n3": 1}, prefix)
    balancers[0].speakers[0].withdraw(prefix)
    system.wait_for_hops({"n2": 1, "n3": 1}, prefix)
    balancers[1].say(prefix, 20 * UNIT)
    system.wait_for_hops({"n2": 50, "n3": 1}, prefix)


@pytest.mark.parametrize("family", FAMILIES)
def test_pods_of_one_node_add_up_and_who_says_nothing_has_the_median(lab, family):
    prefix, _ = FAMILIES[family]
    system = system_of(lab)
    LoadBalancer(system, 1).say(prefix, 10 * UNIT)
    LoadBalancer(system, 1).say(prefix, 5 * UNIT)
    LoadBalancer(system, 2).say(prefix, 20 * UNIT)
    LoadBalancer(system, 3).say(prefix, None)
    system.wait_for_hops({"n1": 15, "n2": 20, "n3": 10}, prefix)


@pytest.mark.parametrize("bandwidth", [math.nan, math.inf, -math.inf, -1.0])
def test_what_is_no_bandwidth_counts_as_none_and_is_logged(lab, bandwidth):
    system = system_of(lab)
    LoadBalancer(system, 1).say(SERVICE, 10 * UNIT)
    LoadBalancer(system, 2).say(SERVICE, bandwidth)
    system.wait_for_hops({"n1": 10, "n2": 10})
    system.router.wait_for_log(f"route {SERVICE} from {REFLECTOR}: its link bandwidth is not a number")


def test_a_group_of_prefixes_has_a_unit_of_its_own(lab):
    router = daemons.router_config()
    router["fib"]["link-bandwidth-unit"] = UNIT
    router["fib"]["groups"] = [{"prefixes": [SERVICE2], "link-bandwidth-unit": 2 * UNIT}]
    system = daemons.System(lab, None, router)
    system.reflector.wait_established(fig4.ROUTER)
    for node, bandwidth in ((1, 10 * UNIT), (2, 30 * UNIT)):
        LoadBalancer(system, node).say(SERVICE, bandwidth).say(SERVICE2, bandwidth)
    system.wait_for_hops({"n1": 10, "n2": 30})
    system.wait_for_hops({"n1": 5, "n2": 15}, SERVICE2)


def test_without_a_unit_weights_use_all_of_their_range(lab):
    system = system_of(lab, unit=0)
    one = LoadBalancer(system, 1).say(SERVICE, 125e6)
    two = LoadBalancer(system, 2).say(SERVICE, 1250e6)
    system.wait_for_hops({"n1": 15, "n2": 149})
    # The unit stays although half of it would do; what the weights have in common is taken out.
    two.say(SERVICE, 250e6)
    system.wait_for_hops({"n1": 1, "n2": 2})
    one.say(SERVICE, 2500e6)
    system.wait_for_hops({"n1": 149, "n2": 15})


def test_a_pod_heard_through_two_reflectors_counts_once_with_the_smaller_bandwidth(lab):
    system = system_of(lab, reflectors=(REFLECTOR, SECOND))
    config = daemons.two_families(daemons.reflector_config(address=SECOND))
    namespace = system.fig.add_reflector("reflector2", SECOND, SECOND6)
    daemons.reflector(system.fig, config, namespace).wait_established(fig4.ROUTER)
    both = (REFLECTOR, SECOND)
    LoadBalancer(system, 1, both).say(SERVICE, 30 * UNIT, 10 * UNIT)
    LoadBalancer(system, 2, both).say(SERVICE, 20 * UNIT, 20 * UNIT)
    LoadBalancer(system, 3, both).say(SERVICE, 40 * UNIT, None)
    system.wait_for_hops({"n1": 10, "n2": 20, "n3": 40})


def test_without_any_bandwidth_each_load_balancer_weighs_one(lab):
    system = system_of(lab)
    for node in (1, 1, 2):
        LoadBalancer(system, node).say(SERVICE, None)
    system.wait_for_hops({"n1": 2, "n2": 1})
    holds(lambda: system.fig.hops() == {"n1": 2, "n2": 1}, 0.3, "equal load balancers")
    assert wait_until(lambda: len(system.router.show("routes", SERVICE)) == 3, 5, "three paths")
