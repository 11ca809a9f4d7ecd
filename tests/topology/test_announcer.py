"""lb-announcer's own doings, in a pod's namespace; the reflector is a listening socket of rrd.

    reflector (rrd) ==== node network ==== n1 -- pod (lb-announcer)
"""
import ipaddress
import os
import re

from lab import daemons, fig4
from lab.fig4 import REFLECTOR, SERVICE, SERVICE2, SERVICE_V6
from lab.wait import holds, wait_until


def test_the_local_route_comes_with_the_announcer_and_goes_with_sigterm(fig, reflector):
    pod = fig.add_pod(1)
    assert not pod.ns.has_local_route(SERVICE)
    daemon = daemons.announcer(pod, [SERVICE, SERVICE2])
    wait_until(lambda: pod.ns.has_local_route(SERVICE) and pod.ns.has_local_route(SERVICE2), 5, "both local routes")
    daemon.process.terminate()
    assert not pod.ns.has_local_route(SERVICE)
    assert not pod.ns.has_local_route(SERVICE2)


def test_the_local_route_of_ipv6_too(fig, reflector):
    pod = fig.add_pod(1)
    daemon = daemons.announcer(pod, [SERVICE_V6])
    wait_until(lambda: pod.ns.has_local_route(SERVICE_V6), 5, "the local route")
    daemon.process.terminate()
    assert not pod.ns.has_local_route(SERVICE_V6)


def test_a_local_route_that_is_there_already_is_no_obstacle_and_stays_its_makers(fig, reflector):
    pod = fig.add_pod(1)
    pod.accept_service(SERVICE)
    daemon = daemons.announcer(pod)
    reflector.wait_established(pod.address)
    daemon.process.kill()
    daemon.start()
    reflector.wait_established(pod.address)
    daemon.process.terminate()
    assert pod.ns.has_local_route(SERVICE)


def test_identity_and_next_hop_come_from_the_downward_api(fig, reflector):
    pod = fig.add_pod(2)
    config = daemons.announcer_config(pod)
    del config["router"]["router-id"]
    for entry in config["services"]:
        del entry["next-hop"]
    daemons.announcer(pod, config=config, env={
        "POD_IP": pod.address, "HOST_IP": pod.node.address})
    reflector.wait_established(pod.address)
    wait_until(lambda: pod.node.address in str(reflector.show("routes")), 5, "the node's address as next hop")
    assert pod.address in str(reflector.show("neighbor", pod.address))


def test_identity_comes_from_the_pods_interface_without_any_environment(fig, reflector):
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    del config["router"]["router-id"]
    clean = {k: "" for k in os.environ if k.endswith(("_IP", "_IPS"))}
    daemons.announcer(pod, config=config, env=clean)
    reflector.wait_established(pod.address)
    assert pod.address in str(reflector.show("neighbor", pod.address))


def test_an_ipv6_only_pod_has_an_identifier_of_its_own(fig):
    reflector = daemons.reflector(fig, daemons.reflector_config(address6=fig4.REFLECTOR6)).wait_until_ready()
    identifiers = set()
    for number in (1, 2):
        pod = fig.add_pod(number)
        pod.ns.ip("-4 addr flush dev eth0")
        config = daemons.announcer_config(pod, [SERVICE_V6], [fig4.REFLECTOR6])
        del config["router"]["router-id"]
        daemons.announcer(pod, config=config)
        reflector.wait_established(pod.address6)
        row = reflector.neighbors()[pod.address6]
        identifiers.add(row["router-id"])
    assert len(identifiers) == 2
    assert all(int(ipaddress.IPv4Address(i)) != 0 for i in identifiers)


def test_it_announces_to_two_reflectors(fig, reflector):
    second = fig.add_reflector("reflector2", "10.0.0.108", "fd00:10::108")
    other = daemons.reflector(fig, daemons.reflector_config(address="10.0.0.108"), second).wait_until_ready()
    pod = fig.add_pod(1)
    daemon = daemons.announcer(pod, config=daemons.announcer_config(pod, reflectors=(REFLECTOR, "10.0.0.108")))
    for each in (reflector, other):
        each.wait_established(pod.address)
        wait_until(lambda e=each: len(e.show("routes")) == 1, 5, "the route")
    daemon.process.terminate()
    for each in (reflector, other):
        wait_until(lambda e=each: e.show("routes") == [], 5, "the route to go")


def test_it_waits_for_a_reflector_that_comes_later(fig):
    pod = fig.add_pod(1)
    daemon = daemons.announcer(pod)
    wait_until(lambda: pod.ns.has_local_route(SERVICE), 5, "the announcer to be up")
    reflector = daemons.reflector(fig)
    reflector.wait_established(pod.address, timeout=15)
    assert daemon.process.running


def test_it_ignores_what_it_is_sent(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("export")
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod, other = fig.add_pod(1), fig.add_pod(2)
    daemon = daemons.announcer(pod)
    reflector.wait_established(pod.address)
    before = pod.ns.routes(), pod.ns.routes("local")
    speaker = other.speaker().establish()
    speaker.announce([f"10.1.{i}.0/24" for i in range(5, 15)], "10.0.0.106")
    wait_until(lambda: len(reflector.show("routes")) == 11, 5, "the routes")
    holds(lambda: reflector.state(pod.address) == "established", 0.3, "the announcer's session")
    assert (pod.ns.routes(), pod.ns.routes("local")) == before
    assert daemon.process.running


def test_rrctl_speaks_to_the_announcer_too(fig, reflector):
    daemon = daemons.announcer(fig.add_pod(1))
    reflector.wait_established(fig.pods[0].address)
    wait_until(lambda: daemon.state(REFLECTOR) == "established", 5, "the announcer's own view")
    assert "Established" in daemon.ctl("show", "neighbors")


def test_a_second_announcer_of_a_prefix_in_a_pod_is_refused_and_takes_nothing_away(fig, reflector):
    pod = fig.add_pod(1)
    first = daemons.announcer(pod)
    reflector.wait_established(pod.address)
    second = daemons.Daemon(pod.ns, "lb-announcer", daemons.announcer_config(pod), name="second")
    assert second.process.wait() == 1
    second.process.expected_codes.add(1)
    assert re.search(r"another lb-announcer.* makes 10\.1\.1\.0/24 local already", second.log())
    assert pod.ns.has_local_route(SERVICE) and first.process.running
    # Its place is free when it has ended.
    assert first.process.terminate() == 0
    assert not pod.ns.has_local_route(SERVICE)
    daemons.announcer(pod)
    wait_until(lambda: pod.ns.has_local_route(SERVICE), 5, "the local route")


def test_a_local_route_that_somebody_has_taken_out_is_put_right(fig, reflector):
    pod = fig.add_pod(1)
    daemon = daemons.announcer(pod)
    reflector.wait_established(pod.address)
    pod.ns.ip(f"route del local {SERVICE} dev lo")
    daemon.wait_for_log("the local route was removed, not by us; it is put right")
    assert pod.ns.has_local_route(SERVICE)
