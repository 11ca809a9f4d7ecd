"""IPv6 services, over IPv6 transport and over IPv4 transport.

    client fd00:c::10 -- router fd00:10::110 ==== n1 fd00:10::105, n2 ::106 -- pods fd00:172:N::/64
                                              |
                                          reflector fd00:10::109 (and 10.0.0.109)
"""
import pytest

from lab import bgp, daemons, fig4, traffic
from lab.fig4 import ADDRESS_V6, REFLECTOR, REFLECTOR6, ROUTER, ROUTER6, SERVICE, SERVICE_V6
from lab.wait import wait_until

TRANSPORTS = {"v6": (REFLECTOR6, ROUTER6), "v4": (REFLECTOR, ROUTER)}


@pytest.mark.parametrize("transport", ["v6", "v4"])
def test_ipv6_services_reach_the_kernel_and_answer(lab, transport):
    reflector_address, router_address = TRANSPORTS[transport]
    reflector_cfg = daemons.two_families(daemons.reflector_config([router_address]))
    if transport == "v6":
        reflector_cfg = daemons.reflector_config([router_address], address6=REFLECTOR6)
    router_cfg = daemons.two_families(daemons.router_config([reflector_address]))
    if transport == "v6":
        router_cfg["listen"].append({"address": ROUTER6, "port": 179})
    system = daemons.System(lab, reflector_cfg, router_cfg)
    system.reflector.wait_established(router_address)
    for node in (1, 2):
        pod = system.fig.add_pod(node)
        pod.serve()
        pod.node.route_service(SERVICE_V6, pod)
        config = daemons.announcer_config(pod, [SERVICE, SERVICE_V6], [reflector_address])
        pod.daemon = daemons.announcer(pod, config=config)
    system.wait_for_hops(["n1", "n2"], SERVICE_V6)
    system.wait_for_hops(["n1", "n2"], SERVICE)
    route = system.fig.router.route(SERVICE_V6)
    assert (route["protocol"], route["metric"]) == ("bgp", 20)
    assert system.fig.client.ping(ADDRESS_V6)
    assert set(traffic.spread(system.fig.client, ADDRESS_V6)) == {"lb1", "lb2"}
    system.fig.pods[0].daemon.process.kill()
    system.wait_for_hops(["n2"], SERVICE_V6)
    system.wait_for_hops(["n2"], SERVICE)


def test_end_of_rib_is_sent_per_family_and_ipv6_next_hops_pass_untouched(fig):
    daemons.reflector(fig, daemons.reflector_config([ROUTER6], address6=REFLECTOR6)).wait_until_ready()
    both = (bgp.IPV4, bgp.IPV6)
    ear = bgp.Speaker(fig.router, REFLECTOR6, local=ROUTER6, router_id=ROUTER, families=both,
                      add_path={f: bgp.ADD_PATH_RECEIVE for f in both}).establish()
    wait_until(lambda: ear.ended == set(both), 5, "End-of-RIB of both families")
    pod = fig.add_pod(1)
    speaker = pod.speaker(REFLECTOR6, families=both).establish()
    speaker.announce(SERVICE_V6, "fd00:10::105")
    ear.wait_for_routes(SERVICE_V6, ["fd00:10::105"])
    assert ear.paths(SERVICE_V6)[0].originator_id == pod.address
    speaker.withdraw(SERVICE_V6)
    ear.wait_for_routes(SERVICE_V6, [])


def test_two_pods_on_one_node_weigh_two_in_ipv6(lab):
    system = daemons.System(lab, daemons.reflector_config([ROUTER6], address6=REFLECTOR6),
                            daemons.two_families(daemons.router_config([REFLECTOR6])))
    for node in (1, 1, 2):
        pod = system.fig.add_pod(node)
        pod.daemon = daemons.announcer(pod, config=daemons.announcer_config(pod, [SERVICE_V6], [REFLECTOR6]))
    system.wait_for_hops({"n1": 2, "n2": 1}, SERVICE_V6)


def test_an_ipv6_range_has_its_limit(fig):
    config = daemons.reflector_config(address6=REFLECTOR6)
    config["dynamic-neighbors"][-1]["limit"] = 1
    reflector = daemons.reflector(fig, config).wait_until_ready()
    fig.add_pod(1).speaker(REFLECTOR6).establish()
    with pytest.raises(OSError):
        fig.add_pod(2).speaker(REFLECTOR6).establish(3)
    assert any(str(fig4.REFLECTOR) != r["prefix"] and r["limit"] == 1 for r in reflector.show("ranges"))
