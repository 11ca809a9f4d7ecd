"""The router's table of the paper's Fig. 12, and requests through it.

    client -- router (rrd: kernel routes) ==== node network ==== n1 n2 n3 -- pods (lb-announcer)
                                                |
                                            reflector (rrd)
"""
from lab import daemons, fig4, traffic, wait_until
from lab.fig4 import ADDRESS, ADDRESS2, SERVICE, SERVICE2


def test_one_load_balancer_is_one_next_hop(system):
    system.add_announcer(2, serve=True)
    system.wait_for_hops({"n2": 1})
    route = system.fig.router.route(SERVICE)
    assert route["protocol"] == "bgp"
    assert route["metric"] == 20
    assert system.fig.client.ping(ADDRESS)
    assert traffic.request(system.fig.client, ADDRESS) == "lb1"


def test_three_load_balancers_are_one_multipath_route_of_equal_weights(system):
    for node in (1, 2, 3):
        system.add_announcer(node, serve=True)
    system.wait_for_hops({"n1": 1, "n2": 1, "n3": 1})
    route = system.fig.router.route(SERVICE)
    assert (route["protocol"], route["metric"]) == ("bgp", 20)
    assert set(traffic.spread(system.fig.client, ADDRESS)) == {"lb1", "lb2", "lb3"}


def test_two_services_have_the_load_balancers_that_announce_them(system):
    system.add_announcer(1, serve=True)
    system.add_announcer(2, [SERVICE, SERVICE2], serve=True)
    system.add_announcer(3, [SERVICE, SERVICE2], serve=True)
    system.wait_for_hops({"n1": 1, "n2": 1, "n3": 1})
    system.wait_for_hops({"n2": 1, "n3": 1}, SERVICE2)
    assert set(traffic.spread(system.fig.client, ADDRESS2)) == {"lb2", "lb3"}


def test_a_route_grows_and_shrinks_with_its_load_balancers(system):
    pods = []
    for node in (1, 2, 3):
        pods.append(system.add_announcer(node))
        system.wait_for_hops([f"n{n}" for n in range(1, node + 1)])
    for node in (1, 2, 3):
        assert pods.pop(0).daemon.process.terminate() == 0
        system.wait_for_hops([f"n{n}" for n in range(node + 1, 4)])
    assert system.fig.router.route(SERVICE) is None


def test_the_router_leaves_no_route_and_no_next_hop_object_behind_when_it_ends(system):
    for node in (1, 2):
        system.add_announcer(node, [SERVICE, SERVICE2])
    system.wait_for_hops(["n1", "n2"])
    system.wait_for_hops(["n1", "n2"], SERVICE2)
    assert system.router.process.terminate() == 0
    assert system.fig.router.route(SERVICE) is None
    assert system.fig.router.route(SERVICE2) is None
    assert system.fig.router.ip_json("nexthop") == []


def test_the_router_comes_up_later_and_gets_everything(lab):
    fig = fig4.Fig4(lab)
    daemons.reflector(fig)
    for node in (1, 2, 3):
        daemons.announcer(fig.add_pod(node))
    daemons.router(fig)
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1, "n3": 1}, 15, "three next hops")


def test_table_and_metric_are_as_configured(lab):
    config = daemons.router_config()
    config["fib"].update({"table": 100, "metric": 7})
    system = daemons.System(lab, router_cfg=config)
    system.add_announcer(1)
    route = wait_until(lambda: system.fig.router.route(SERVICE, table="100"), 15, "the route in table 100")
    assert route["metric"] == 7
    assert system.fig.router.route(SERVICE) is None


def test_routes_stay_at_exit_where_that_is_configured(lab):
    config = daemons.router_config()
    config["fib"]["on-exit"] = "keep"
    system = daemons.System(lab, router_cfg=config)
    system.add_announcer(1)
    system.add_announcer(2)
    system.wait_for_hops(["n1", "n2"])
    assert system.router.process.terminate() == 0
    assert system.fig.hops() == {"n1": 1, "n2": 1}


def test_both_roles_in_one_daemon(fig):
    config = daemons.reflector_config(routers=())
    config["fib"] = {"enabled": True}
    daemons.reflector(fig, config)
    for node in (1, 2):
        daemons.announcer(fig.add_pod(node))
    wait_until(lambda: fig.reflector.nexthops(SERVICE) == {"10.0.0.105": 1, "10.0.0.106": 1}, 15,
               "the route in the reflector's own kernel")


def test_another_programs_route_is_left_alone(system):
    router = system.fig.router
    router.ip(f"route add {SERVICE2} via 10.0.0.107 proto static metric 5")
    system.add_announcer(1, [SERVICE, SERVICE2])
    system.wait_for_hops(["n1"])
    theirs = [r for r in router.routes() if r["dst"] == SERVICE2 and r["protocol"] == "static"]
    assert len(theirs) == 1 and theirs[0]["gateway"] == "10.0.0.107"
    system.router.process.terminate()
    assert [r["protocol"] for r in router.routes() if r["dst"] == SERVICE2] == ["static"]
