"""Several pods of a service on one node: lb-announcer --node is the sole writer of the node's routes.

    client -- router (rrd) ==== node network ==== n1, n2 (lb-announcer --node each) -- pods, several on each
                                      |
                                  reflector (rrd)

Each announcer registers with its node over a unix socket and announces when the node's kernel has the route.
"""
import itertools
import signal

import pytest

from lab import daemons, traffic
from lab.daemons import NodeRoutes, registered
from lab.fig4 import ADDRESS, ADDRESS_V6, SERVICE, SERVICE2, SERVICE_V6
from lab.wait import holds, stopwatch, wait_until


def hops(node, prefix=SERVICE):
    """{pod's name or address: weight} in the node's kernel."""
    names = {p.address: p.name for p in node.fig.pods} | {p.address6: p.name for p in node.fig.pods}
    return {names.get(gateway, gateway): weight for gateway, weight in node.ns.nexthops(prefix).items()}


def wait_for_hops(node, wanted, prefix=SERVICE, timeout=10):
    wanted = {p.name: 1 for p in wanted} if isinstance(wanted, list) else wanted

    def fact():
        found = hops(node, prefix)
        assert found == wanted, f"the node has {found}"
        return True
    wait_until(fact, timeout, f"{prefix} via {wanted or 'nothing'} in the kernel of {node.name}")


def add(fig, node, prefixes=(SERVICE,), **more):
    pod = fig.add_pod(node)
    pod.serve()
    registered(pod, prefixes, **more)
    return pod


def announced(reflector):
    """Originators of the service at the reflector."""
    return sorted(row["from"] for row in reflector.show("routes"))


@pytest.fixture
def farm(system):
    """Two nodes with two pods each, all of it up."""
    fig = system.fig
    system.helpers = [NodeRoutes(node) for node in fig.nodes[:2]]
    system.pods = [add(fig, number) for number in (1, 1, 2, 2)]
    for node, pods in zip(fig.nodes, (system.pods[:2], system.pods[2:])):
        wait_for_hops(node, pods)
    wait_until(lambda: len(announced(system.reflector)) == 4, 10, "all four announced")
    system.wait_for_hops(["n1", "n2"])
    return system


# Sharing.

def test_two_pods_of_a_service_on_a_node_get_about_half_each(farm):
    shares = traffic.spread(farm.fig.client, ADDRESS, 200)
    assert set(shares) == {p.name for p in farm.pods}, shares
    for pair in (farm.pods[:2], farm.pods[2:]):
        both = [shares[p.name] for p in pair]
        assert min(both) > 0.3 * sum(both), shares


def test_without_a_seed_of_its_own_the_node_undoes_what_the_router_did(system):
    """Why there is a seed: here router and nodes share a kernel and hash alike."""
    fig = system.fig
    for node in fig.nodes[:2]:
        NodeRoutes(node, hash="keep")
    for number in (1, 1, 2, 2):
        add(fig, number)
    system.wait_for_hops({"n1": 1, "n2": 1})
    assert len(traffic.spread(fig.client, ADDRESS, 100)) == 2
    assert fig.nodes[0].ns.sysctl("net/ipv4/fib_multipath_hash_seed") == "0"


def test_weights_follow_capacity(fig, reflector):
    node = fig.nodes[0]
    NodeRoutes(node)
    pods = [fig.add_pod(1), fig.add_pod(1)]
    for pod, capacity in zip(pods, ("1G", "3G")):
        config = daemons.announcer_config(pod)
        registered(pod, router={**config["router"], "capacity": capacity})
    wait_until(lambda: len(hops(node)) == 2, 10, "both pods")
    one, three = (hops(node)[p.name] for p in pods)
    assert 2.9 < three / one < 3.1


def test_ipv6_too(fig, reflector):
    node = fig.nodes[0]
    NodeRoutes(node)
    pods = [add(fig, 1, [SERVICE_V6]) for _ in range(2)]
    wait_for_hops(node, pods, SERVICE_V6)
    node.fig.router.ip("route add", SERVICE_V6, "via", node.address6)
    shares = traffic.spread(fig.client, ADDRESS_V6, 60)
    assert set(shares) == {p.name for p in pods} and min(shares.values()) > 15, shares
    wait_until(lambda: all(p.daemon.show("routes")[0]["node-route"] for p in pods), 5, "the answers")
    pods[0].daemon.process.kill()
    wait_for_hops(node, [pods[1]], SERVICE_V6)
    assert pods[1].daemon.process.terminate() == 0
    wait_for_hops(node, {}, SERVICE_V6)


# Coming and going.

def test_a_killed_pods_next_hop_goes_at_once_and_nothing_is_lost_after_that(farm):
    node, (victim, other) = farm.fig.nodes[0], farm.pods[:2]
    # The pod dies with its announcer.
    elapsed = stopwatch()
    victim.daemon.process.kill()
    victim.cut()
    wait_for_hops(node, [other])
    assert elapsed() < 1000, f"{elapsed():.0f} ms"
    farm.wait_for_hops({"n1": 1, "n2": 2})
    shares = traffic.spread(farm.fig.client, ADDRESS, 100)
    assert set(shares) == {p.name for p in farm.pods[1:]}, shares


def test_an_ended_pod_leaves_in_order_and_no_probe_is_lost(farm):
    node, (leaver, other) = farm.fig.nodes[0], farm.pods[:2]
    probes = traffic.Probes(farm.fig.client, ADDRESS)
    wait_until(lambda: len(probes.servers) == 4, 10, "answers from all")
    assert leaver.daemon.process.terminate() == 0
    # When it has ended nothing is sent to it any more: its address in the pod is gone as well.
    assert hops(node) == {other.name: 1}
    assert not leaver.ns.has_local_route(SERVICE)
    assert f"{leaver.address}" in farm.helpers[0].wait_for_log("service.*has taken its leave").group(0)
    leaver.daemon.start()
    wait_for_hops(node, [leaver, other])
    farm.wait_for_hops({"n1": 1, "n2": 1})
    probes.clear_servers()
    wait_until(lambda: len(probes.servers) == 4, 10, "answers from all")
    assert probes.stop().lost == []


def test_a_helper_that_hangs_holds_up_nobody_for_long(fig, reflector):
    helper = NodeRoutes(fig.nodes[0]).wait_until_ready()
    pod = add(fig, 1)
    wait_until(lambda: announced(reflector) == [pod.address], 10, "the announcement")
    helper.process.signal(signal.SIGSTOP)
    late = add(fig, 1)
    late.daemon.wait_for_log("has not answered for 5 s: not announced until it does", 15)
    assert announced(reflector) == [pod.address]
    elapsed = stopwatch()
    assert pod.daemon.process.terminate() == 0
    assert "does not confirm that the routes are gone" in pod.daemon.log() and elapsed() < 8000
    helper.process.signal(signal.SIGCONT)
    wait_until(lambda: announced(reflector) == [late.address], 10, "the other one")
    wait_for_hops(fig.nodes[0], [late])


def test_the_helper_is_killed_and_started_while_traffic_flows_and_nothing_is_lost(farm):
    node, helper = farm.fig.nodes[0], farm.helpers[0]
    before = node.ns.route(SERVICE)
    probes = traffic.Probes(farm.fig.client, ADDRESS)
    wait_until(lambda: len(probes.servers) == 4, 10, "answers from all")
    helper.process.kill()
    holds(lambda: farm.fig.hops() == {"n1": 1, "n2": 1} and hops(node), 1, "everything stays announced")
    helper.start()
    helper.wait_until_ready()
    wait_until(lambda: all(r["state"] == "announcing" for r in helper.show("services")) and len(helper.show("services")) == 2,
               10, "both registered again")
    # The time in which unclaimed next hops would be kept passes.
    wait_until(lambda: not helper.show("status")[0]["holding"], 10, "the end of restart-time")
    assert node.ns.route(SERVICE) == before, "the same route, under the same id"
    assert farm.fig.hops() == {"n1": 1, "n2": 1}
    assert probes.stop().lost == []


def test_what_nobody_claims_after_a_restart_goes(farm):
    node, helper, (victim, other) = farm.fig.nodes[0], farm.helpers[0], farm.pods[:2]
    helper.process.kill()
    victim.daemon.process.kill()
    other.daemon.wait_for_log("stay announced")
    assert set(hops(node)) == {victim.name, other.name}
    helper.start()
    wait_for_hops(node, [other])
    assert "nobody has registered them" in helper.log()


def test_a_pod_that_dies_while_the_rest_is_still_held_goes_at_once(farm):
    node, helper, (first, second) = farm.fig.nodes[0], farm.helpers[0], farm.pods[:2]
    helper.process.kill()
    second.daemon.process.kill()
    helper.config["node"]["restart-time"] = 60
    helper.start()
    wait_until(lambda: helper.services().get((SERVICE, first.address), {}).get("state") == "announcing", 10, "the first pod")
    assert helper.services()[(SERVICE, second.address)]["state"] == "unclaimed"
    first.daemon.process.kill()
    wait_for_hops(node, [second], timeout=3)


class Order:
    """Starts, ends and kills announcers a and b and the helper n; a word of letters says in which order."""

    def __init__(self, fig):
        self.node = fig.nodes[0]
        self.pods = {"a": fig.add_pod(1), "b": fig.add_pod(1)}
        self.running, self.helper = set(), None

    def do(self, letter):
        whom, up, kill = letter[0], letter[1] == "+", letter[1] == "!"
        if whom == "n":
            self.do_helper(up, kill)
            return
        pod = self.pods[whom]
        if up:
            pod.daemon = pod.daemon.start() if hasattr(pod, "daemon") else registered(pod)
            self.running.add(pod.name)
            return
        self.running.discard(pod.name)
        if kill:
            pod.daemon.process.kill()
        else:
            assert pod.daemon.process.terminate() == 0

    def do_helper(self, up, kill):
        if up:
            self.helper = self.helper.start() if self.helper else NodeRoutes(self.node, restart_time=1)
        elif kill:
            self.helper.process.kill()
        else:
            assert self.helper.process.terminate() == 0

    def settle(self):
        """The kernel, and what the helper knows, is what is there."""
        addresses = {p.address for p in self.pods.values() if p.name in self.running}

        def fact():
            known = {(row["pod"], row["state"]) for row in self.helper.show("services")}
            assert known == {(a, "announcing") for a in addresses}, f"registered: {known}"
            return True
        wait_for_hops(self.node, {name: 1 for name in self.running})
        wait_until(fact, 10, "the helper to know")


STARTS = [" ".join(p) for p in itertools.permutations(["n+", "a+", "b+"])]
ENDS = ["a- b-", "a! b!", "n! a! n+", "n- a- n+", "a! n! n+ a+", "n! n+ a- b!", "n! a! b! n+", "a! a+ n! n+", "n! n+ n! n+"]


@pytest.mark.parametrize("start", STARTS)
def test_every_order_of_starting(fig, reflector, start):
    order = Order(fig)
    for step in start.split():
        order.do(step)
    order.settle()
    wait_until(lambda: len(announced(reflector)) == 2, 10, "both announced")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("patient", [True, False])
def test_every_order_of_ending_and_killing(fig, reflector, end, patient):
    """patient: each step has its effect before the next."""
    order = Order(fig)
    for step in "n+ a+ b+".split():
        order.do(step)
    order.settle()
    up = True
    for step in end.split():
        order.do(step)
        up = step[1] == "+" if step[0] == "n" else up
        if patient and up:
            order.settle()
    order.settle()
    wait_until(lambda: len(announced(reflector)) == len(order.running), 10, "the reflector to know")


# Draining.

def test_a_draining_pod_has_the_lowest_weight_beside_the_other(farm):
    node, (leaver, other) = farm.fig.nodes[0], farm.pods[:2]
    leaver.daemon.ctl("drain", "60")
    wait_until(lambda: hops(node)[other.name] >= 50 and hops(node)[leaver.name] == 1, 10, "the lowest weight")
    weights = hops(node)
    # Restarted in the middle, the helper changes nothing.
    farm.helpers[0].process.kill()
    farm.helpers[0].start()
    farm.helpers[0].wait_until_ready()
    wait_until(lambda: farm.helpers[0].services().get((SERVICE, leaver.address), {}).get("state") == "draining", 10, "it again")
    assert hops(node) == weights
    leaver.daemon.ctl("undrain")
    wait_for_hops(node, [leaver, other])


def test_a_withdrawn_pod_is_out_where_another_announces_and_stays_where_none_does(farm):
    node, (first, second) = farm.fig.nodes[0], farm.pods[:2]
    first.daemon.ctl("drain", "0")
    wait_for_hops(node, [second])
    assert farm.helpers[0].services()[(SERVICE, first.address)]["state"] == "withdrawn"
    second.daemon.ctl("drain", "0")
    # Packets that are on their way are still taken.
    wait_until(lambda: farm.helpers[0].services()[(SERVICE, second.address)]["state"] == "withdrawn", 10, "the second too")
    wait_until(lambda: set(hops(node)) == {first.name, second.name}, what="the route to both")
    farm.wait_for_hops(["n2"])
    first.daemon.ctl("undrain")
    wait_for_hops(node, [first])
    farm.wait_for_hops({"n1": 1, "n2": 2})


# Announced when it works, and only then.

def test_nothing_is_announced_before_the_helper_is_there(fig, reflector):
    pod = add(fig, 1)
    reflector.wait_established(pod.address)
    pod.daemon.wait_for_log("nothing is announced until it is there")
    holds(lambda: announced(reflector) == [], 1, "nothing announced")
    NodeRoutes(fig.nodes[0])
    wait_until(lambda: announced(reflector) == [pod.address], 10, "the announcement")
    assert hops(fig.nodes[0]) == {pod.name: 1}


@pytest.mark.parametrize("change, words", [({"services": ["10.9.0.0/16"]}, "none of node.services"),
                                           ({"services": ["10.1.0.0/16"], "pods": ["172.16.1.0/29"]}, "none of node.pods")])
def test_what_is_not_allowed_is_refused_with_one_line(fig, reflector, change, words):
    node = fig.nodes[0]
    helper = NodeRoutes(node, **change)
    pod = add(fig, 1)
    pod.daemon.wait_for_log(words)
    # It asks again, and that is not worth another line.
    wait_until(lambda: helper.show("status")[0]["refused"] >= 2, 10, "another request")
    lines = [line for line in helper.log().splitlines() if "refused" in line]
    assert len(lines) == 1 and SERVICE in lines[0] and pod.address in lines[0] and words in lines[0], lines
    assert len([line for line in pod.daemon.log().splitlines() if words in line]) == 1
    assert node.ns.route(SERVICE) is None and announced(reflector) == []
    assert helper.services() == {}


def test_two_refused_services_are_two_lines_however_often_they_are_asked_for(fig, reflector):
    helper = NodeRoutes(fig.nodes[0], services=["10.1.1.0/25"], pods=["172.16.1.0/24"])
    pod = add(fig, 1, [SERVICE, SERVICE2])
    wait_until(lambda: helper.show("status")[0]["refused"] >= 6, 10, "three rounds")
    assert helper.log().count("refused") == 2 and pod.daemon.log().count("none of node.services") == 2


def test_without_the_capability_it_does_not_start(fig):
    code, out = check(fig.nodes[0], wrap=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
    assert code == 1 and "CAP_NET_ADMIN is missing" in out, out


def test_a_pod_of_another_node_is_refused(fig, reflector):
    node, stranger = fig.nodes[0], fig.add_pod(2)
    NodeRoutes(node, services=["10.1.0.0/16"], pods=["172.16.0.0/16"])
    registered(stranger, **{"node-route": {"socket": "/run/registry-n1.sock"}})
    stranger.daemon.wait_for_log("it is not on this node")
    assert node.ns.route(SERVICE) is None and announced(reflector) == []


def test_another_programs_route_is_reported_and_never_replaced(fig, reflector):
    node = fig.nodes[0]
    node.ns.ip("route add", SERVICE, "dev docker0 metric 10")
    before = node.ns.route(SERVICE)
    helper = NodeRoutes(node)
    pod = add(fig, 1)
    pod.daemon.wait_for_log("not announced until it is there")
    helper.wait_for_log("another program's route|has a route", 5)
    assert node.ns.route(SERVICE) == before and announced(reflector) == []
    node.ns.ip("route del", SERVICE)
    wait_until(lambda: announced(reflector) == [pod.address], 10, "the announcement")
    wait_for_hops(node, [pod])


def test_a_route_that_hides_ours_is_named_and_what_depends_on_it_withdrawn(fig, reflector):
    node = fig.nodes[0]
    NodeRoutes(node)
    pod = add(fig, 1)
    wait_until(lambda: announced(reflector) == [pod.address], 10, "the announcement")
    node.ns.ip("route add", SERVICE, "dev docker0")
    pod.daemon.wait_for_log(rf"another route, not ours: {SERVICE} dev docker0, metric 0.*withdrawing", 20)
    wait_until(lambda: announced(reflector) == [], 10, "the withdrawal")
    node.ns.ip("route del", SERVICE, "dev docker0")
    wait_until(lambda: announced(reflector) == [pod.address], 10, "the announcement")


def test_drift_is_repaired(farm):
    node = farm.fig.nodes[0]
    node.ns.ip("route del", SERVICE)
    wait_for_hops(node, farm.pods[:2])
    group = node.ns.route(SERVICE)["nhid"]
    node.ns.ip(f"nexthop del id {group}")
    wait_for_hops(node, farm.pods[:2])


def test_a_new_pod_at_the_address_of_an_old_one_is_reached_at_once(fig, reflector):
    """The node's neighbor entry still has the old pod's link-layer address."""
    node = fig.nodes[0]
    NodeRoutes(node)
    fig.router.ip("route add", SERVICE, "via", node.address)
    old, stays = add(fig, 1), add(fig, 1)
    wait_for_hops(node, [old, stays])
    probes = traffic.Probes(fig.client, ADDRESS)
    wait_until(lambda: len(probes.servers) == 2, 10, "answers from both")
    old_mac = old.ns.ip_json("link show dev eth0")[0]["address"]
    old.daemon.process.kill()
    old.cut()
    node.free.append(int(old.address.rsplit(".", 1)[1]))
    new = fig.add_pod(1)
    assert new.address == old.address and new.ns.ip_json("link show dev eth0")[0]["address"] != old_mac
    new.serve()
    registered(new)
    probes.clear_servers()
    wait_until(lambda: new.name in probes.servers and stays.name in probes.servers, 5, "answers from the new one")
    since = probes.sent
    wait_until(lambda: probes.sent >= since + 100, 10, "some more requests")
    probes.stop()
    assert [n for n in probes.lost if n >= since] == [], "nothing is lost any more"


# The helper itself.

def test_a_second_helper_on_the_node_is_refused(fig):
    NodeRoutes(fig.nodes[0]).wait_until_ready()
    second = NodeRoutes(fig.nodes[0], name="second")
    second.process.expected_codes.add(1)
    assert second.process.wait() == 1
    assert "another" in second.log() and "table 254" in second.log()


def test_it_ends_with_its_routes_in_place_or_without(fig, reflector):
    node = fig.nodes[0]
    helper = NodeRoutes(node)
    pod = add(fig, 1)
    wait_for_hops(node, [pod])
    assert helper.process.terminate() == 0
    assert hops(node) == {pod.name: 1}
    helper.config["node"]["on-exit"] = "remove"
    helper.start()
    wait_until(lambda: helper.services().get((SERVICE, pod.address), {}).get("state") == "announcing", 10, "the pod again")
    assert announced(reflector) == [pod.address]
    assert helper.process.terminate() == 0
    assert node.ns.route(SERVICE) is None
    wait_until(lambda: announced(reflector) == [], 5, "the withdrawal of what has no route any more")


def test_who_registered_what_since_when(fig, reflector):
    helper = NodeRoutes(fig.nodes[0])
    pods = [add(fig, 1, [SERVICE, SERVICE2]), add(fig, 1)]
    wait_for_hops(fig.nodes[0], pods)
    wait_until(lambda: len(helper.services()) == 3, 5, "all three")
    row = helper.services()[(SERVICE2, pods[0].address)]
    assert row["state"] == "announcing" and row["weight"] == 1 and row["since-ms"] >= 0 and row["capacity"] == 10 ** 9
    assert row["pid"] and row["name"]
    table = helper.ctl("show", "services")
    assert pods[1].address in table and "PREFIX" in table
    routes = {r["prefix"]: r for r in helper.show("routes")}
    assert {h["address"] for h in routes[SERVICE]["next-hops"]} == {p.address for p in pods}
    assert helper.show("status")[0]["pods"] == 2
    metrics = helper.ctl("metrics")
    assert f'lb_announcer_node_service_pods{{service="{SERVICE}",state="announcing"}} 2' in metrics


def test_resilient_groups_keep_flows_where_they_are(fig, reflector):
    node = fig.nodes[0]
    NodeRoutes(node, group={"type": "resilient", "buckets": 64, "idle-timer": 60})
    pods = [add(fig, 1), add(fig, 1)]
    wait_for_hops(node, pods)
    group = node.ns.ip_json("nexthop show id", str(node.ns.route(SERVICE)["nhid"]))[0]
    assert group["type"] == "resilient" and group["resilient_args"]["buckets"] == 64


def check(node, *arguments, config=None, wrap=()):
    """lb-announcer --node --check: exit code and output."""
    settings = {"socket": "/run/registry-check.sock", "services": ["10.1.0.0/16"], "pods": [node.overlay]}
    path = node.fig.lab.file("check.yaml", daemons.dump({"node": {**settings, **(config or {})}}))
    process = node.ns.start([*wrap, daemons.binary("lb-announcer"), "--node", "-c", path, *arguments], "check")
    process.expected_codes.add(1)
    return process.wait(), process.log()


def test_check_names_what_is_missing(fig):
    node = fig.nodes[0]
    code, out = check(node, "--check")
    assert code == 0 and out.endswith("good\n"), out
    node.ns.sysctl("net/ipv4/fib_multipath_hash_policy", 0)
    node.ns.sysctl("net/ipv4/ip_forward", 0)
    node.ns.sysctl("net/ipv4/conf/all/rp_filter", 1)
    code, out = check(node, "--check", config={"socket": "/run/nowhere/node.sock", "hash": "keep"},
                      wrap=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
    assert code == 1, out
    for word in ("ip_forward is 0", "fib_multipath_hash_policy is 0", "rp_filter", "CAP_NET_ADMIN", "node.socket"):
        assert word in out, out


def test_a_configuration_that_is_wrong_is_told_with_its_place(fig):
    code, out = check(fig.nodes[0], "-t", config={"services": ["10.1.0.0/16", "fd00:1::/32"]})
    assert code == 1 and "check.yaml:5:" in out and "IPv6" in out, out
    code, out = check(fig.nodes[0], "-t")
    assert code == 0 and "good" in out
