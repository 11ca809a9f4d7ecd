"""The way to the next hop: RFC 4271 9.1.2.1 (a route that cannot be resolved is no route) and 9.1.2.2 e (the interior cost).

The daemon's kernel knows these ways, as static routes with a metric. A route reflector that leaves next hops to its routers is told
to look at them here.
"""
import pytest

from lab.bgp import IPV6, attribute
from rfc.routes import BOTH, PREFIX, SIX, compete, heard, ip, lost, low_high, settled, u32

pytestmark = pytest.mark.hub(next_hop_check=True)

# Networks behind gateways on the daemon's far link, and a next hop in each.
GATEWAYS = {4: "172.16.0.2", 6: "fd00:16::2"}
NEAR, NEAR_HOP = "100.64.1.0/24", "100.64.1.77"
DISTANT, DISTANT_HOP = "100.64.2.0/24", "100.64.2.77"
ON_LINK = "10.9.0.101"
FAMILIES = {"ipv4": (PREFIX, NEAR, NEAR_HOP, ON_LINK), "ipv6": (SIX, "fd00:64:1::/48", "fd00:64:1::77", "fd00:9::101")}


class Ways:
    def __init__(self, ns):
        self.ns, self.known = ns, {}

    def add(self, network, cost):
        """Or changes its cost, without a moment in which there is no way."""
        before = self.known.get(network)
        self.ns.ip("route add", network, "via", GATEWAYS[6 if ":" in network else 4], "metric", str(cost))
        self.known[network] = cost
        if before is not None:
            self._remove(network, before)

    def drop(self, network):
        self._remove(network, self.known.pop(network))

    def _remove(self, network, cost):
        self.ns.ip("route del", network, "metric", str(cost))


@pytest.fixture
def ways(world):
    if "next hops" in world.target.CANNOT:
        pytest.skip(world.target.CANNOT["next hops"])
    made = Ways(world.rr)
    yield made
    for network in list(made.known):
        made.drop(network)


@pytest.fixture
def costs(world, ways):
    if "interior cost" in world.target.CANNOT:
        pytest.skip(world.target.CANNOT["interior cost"])
    return ways


@pytest.fixture(params=FAMILIES)
def case(request):
    return FAMILIES[request.param]


def all_paths(cast):
    """One that hears every path by add-path."""
    return cast("all", kind="speaker", families=BOTH, add_path={family: 1 for family in BOTH})


def not_told(mouth, ear, prefix):
    """Nor will be: while the kernel is being asked it may be."""
    for _ in range(2):
        settled(mouth, ear)
        lost(ear, prefix)


# 9.1.2.1: whether there is a way.

def test_rfc4271_9_1_2_1_a_next_hop_without_a_way_makes_no_route(cast, ways, case):
    prefix, _, hop, _ = case
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(prefix, hop)
    not_told(mouth, ear, prefix)


def test_rfc4271_9_1_2_1_it_becomes_one_with_the_way(cast, ways, case):
    prefix, network, hop, _ = case
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(prefix, hop)
    not_told(mouth, ear, prefix)
    ways.add(network, 10)
    heard(ear, prefix, [hop])


def test_rfc4271_9_1_2_1_it_is_none_any_more_when_the_way_is_lost(cast, ways, case):
    prefix, network, hop, _ = case
    ways.add(network, 10)
    ear, mouth = cast(families=BOTH), cast(families=BOTH)
    mouth.announce(prefix, hop)
    heard(ear, prefix, [hop])
    ways.drop(network)
    lost(ear, prefix)
    ways.add(network, 10)
    heard(ear, prefix, [hop])


def test_rfc4271_9_1_2_1_the_next_best_takes_its_place(cast, ways, case):
    """However much better the route without a way would be."""
    prefix, network, hop, on_link = case
    ways.add(network, 10)
    ear, first, second = cast(families=BOTH), cast(families=BOTH), cast(families=BOTH)
    first.announce(prefix, hop, local_pref=200)
    heard(ear, prefix, [hop])
    second.announce(prefix, on_link, local_pref=50, path=(1, 2, 3))
    settled(second, ear)
    assert ear.next_hops(prefix) == [hop]
    ways.drop(network)
    heard(ear, prefix, [on_link])
    ways.add(network, 10)
    heard(ear, prefix, [hop])


def test_rfc4271_9_1_2_1_with_add_path_it_is_left_out_too(cast, ways, case):
    prefix, network, hop, on_link = case
    ways.add(network, 10)
    ear, first, second = all_paths(cast), cast(families=BOTH), cast(families=BOTH)
    first.announce(prefix, hop)
    second.announce(prefix, on_link)
    heard(ear, prefix, [hop, on_link])
    ways.drop(network)
    heard(ear, prefix, [on_link])


def test_rfc4271_9_1_2_1_one_next_hop_of_many_routes(cast, ways):
    """All that rest on one way go and come with it, and nothing else does."""
    ways.add(NEAR, 10)
    ear, mouth = cast(), cast()
    many = [f"198.18.{i}.0/24" for i in range(200)]
    mouth.announce(many, NEAR_HOP)
    mouth.announce(PREFIX, ON_LINK)
    for prefix in (many[0], many[-1], PREFIX):
        heard(ear, prefix)
    ways.drop(NEAR)
    for prefix in many:
        lost(ear, prefix)
    assert ear.next_hops(PREFIX) == [ON_LINK]
    ways.add(NEAR, 10)
    for prefix in many:
        heard(ear, prefix, [NEAR_HOP])


# 9.1.2.2 e: what it costs.

def nearest(cast, good, bad):
    """good is the best of the two, once there is a way to both."""
    compete(cast, good, bad, witness=all_paths(cast))


# What stands behind the cost speaks for the other: a longer CLUSTER_LIST, a higher ORIGINATOR_ID.
WORSE = attribute(9, ip("250.1.1.1")) + attribute(10, u32(1, 2, 3))


@pytest.mark.parametrize("near,distant", [(10, 20), (1, 4294967295)])
def test_rfc4271_9_1_2_2_e_the_lowest_interior_cost_wins(cast, costs, near, distant):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, near)
    costs.add(DISTANT, distant)
    nearest(cast, (high, WORSE, {"hop": NEAR_HOP}), (low, b"", {"hop": DISTANT_HOP}))


def test_rfc4271_9_1_2_2_e_on_the_link_is_nearest(cast, costs):
    low, high = low_high(cast(), cast())
    costs.add(DISTANT, 1)
    nearest(cast, (high, WORSE, {"hop": ON_LINK}), (low, b"", {"hop": DISTANT_HOP}))


def test_rfc4271_9_1_2_2_e_the_longest_match_says_what_it_costs(cast, costs):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, 20)
    costs.add(DISTANT, 10)
    costs.add(f"{DISTANT_HOP}/32", 30)
    nearest(cast, (high, WORSE, {"hop": NEAR_HOP}), (low, b"", {"hop": DISTANT_HOP}))


@pytest.mark.parametrize("better,worse", [({"pref": 101}, {}), ({"path": (1,)}, {"path": (1, 2)}), ({}, {"origin": 1})],
                         ids=["local_pref", "as_path", "origin"])
def test_rfc4271_9_1_2_2_e_stands_behind_what_comes_before(cast, costs, better, worse):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, 10)
    costs.add(DISTANT, 20)
    nearest(cast, (high, b"", {"hop": DISTANT_HOP, **better}), (low, b"", {"hop": NEAR_HOP, **worse}))


def test_rfc4271_9_1_2_2_e_stands_behind_med(cast, costs):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, 10)
    costs.add(DISTANT, 20)
    nearest(cast, (high, attribute(4, u32(1)), {"hop": DISTANT_HOP, "path": (1,)}), (low, attribute(4, u32(2)), {"hop": NEAR_HOP, "path": (1,)}))


def test_rfc4271_9_1_2_2_e_the_best_route_follows_the_cost(cast, costs):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, 10)
    costs.add(DISTANT, 20)
    ear, witness = cast(), all_paths(cast)
    high.announce(PREFIX, NEAR_HOP)
    low.announce(PREFIX, DISTANT_HOP)
    witness.wait_for_routes(PREFIX, [NEAR_HOP, DISTANT_HOP], 5)
    heard(ear, hops=[NEAR_HOP])
    costs.add(NEAR, 30)
    heard(ear, hops=[DISTANT_HOP])
    costs.add(DISTANT, 40)
    heard(ear, hops=[NEAR_HOP])
    assert len(witness.paths(PREFIX)) == 2


def test_rfc4271_9_1_2_2_e_equal_cost_is_left_to_the_next_step(cast, costs):
    low, high = low_high(cast(), cast())
    costs.add(NEAR, 10)
    costs.add(DISTANT, 10)
    nearest(cast, (low, b"", {"hop": DISTANT_HOP}), (high, b"", {"hop": NEAR_HOP}))


def test_rfc4271_9_1_2_2_e_of_ipv6(cast, costs):
    low, high = low_high(cast(families=BOTH), cast(families=BOTH))
    ear, witness = cast(families=(IPV6,)), all_paths(cast)
    costs.add("fd00:64:1::/48", 10)
    costs.add("fd00:64:2::/48", 20)
    for first, second in (((high, 1), (low, 2)), ((low, 2), (high, 1))):
        for speaker, n in (first, second):
            speaker.announce(SIX, f"fd00:64:{n}::77")
        witness.wait_for_routes(SIX, ["fd00:64:1::77", "fd00:64:2::77"], 5)
        heard(ear, SIX, ["fd00:64:1::77"])
        for speaker in (low, high):
            speaker.withdraw(SIX)
        lost(ear, SIX)
        lost(witness, SIX)
