"""Which of several routes is best: RFC 4271 9.1.2.2 step by step, RFC 4456 9, RFC 5065 5.3.

Each case sets up routes that are equal up to one step and differ in it, with everything behind that step speaking for the
other. Whoever is announced first must make no difference, so each case runs in both orders.
"""
import pytest

from lab.bgp import attribute
from lab.wait import wait_until
from rfc.routes import (CONFED_SEQUENCE, CONFED_SET, OUTSIDE_AS, PREFIX, SEQUENCE, SET, base, compete, heard, ip, lost, low_high, segment,
                        settled, u32, update)


def test_rfc4271_9_1_1_the_highest_local_pref_wins(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(9)), {"pref": 101, "path": (1, 2, 3), "origin": 2}), (low, b"", {"pref": 100}))


def test_rfc4271_9_1_1_local_pref_is_an_unsigned_number(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"pref": 4294967295}), (low, b"", {"pref": 2147483647}))


def test_rfc4271_9_1_1_a_route_from_outside_has_the_default_local_pref(cast):
    inside, outside = cast(), cast("outside")
    compete(cast, (inside, b"", {"pref": 101}), (outside, b"", {}))
    compete(cast, (outside, b"", {}), (inside, b"", {"pref": 99}))


def test_rfc4271_9_1_2_2_a_the_shortest_as_path_wins(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(9)), {"path": (1, 2), "origin": 2}), (low, b"", {"path": (1, 2, 3)}))


def test_rfc4271_9_1_2_2_a_an_empty_path_is_the_shortest(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"origin": 2}), (low, b"", {"path": (1,)}))


def test_rfc4271_9_1_2_2_a_an_as_set_counts_as_one(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"path": segment(SEQUENCE, 1) + segment(SET, 2, 3, 4, 5)}), (low, b"", {"path": (1, 2, 3)}))
    # As long as the other: what is behind decides.
    compete(cast, (low, b"", {"path": segment(SEQUENCE, 1) + segment(SET, 2, 3, 4)}), (high, b"", {"path": (1, 2)}))


def test_rfc4271_9_1_2_2_a_segments_add_up(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"path": segment(SEQUENCE, 1, 2, 3)}),
            (low, b"", {"path": segment(SEQUENCE, 1, 2) + segment(SEQUENCE, 3, 4)}))


def test_rfc4271_9_1_2_2_a_a_path_of_more_than_255_is_longer(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"path": segment(SEQUENCE, *range(1, 256))}),
            (low, b"", {"path": segment(SEQUENCE, *range(1, 256)) + segment(SEQUENCE, 300)}))


@pytest.mark.confederation
def test_rfc5065_5_3_confederation_segments_do_not_count(cast):
    low, high = low_high(cast(), cast())
    inner = segment(CONFED_SEQUENCE, 64512, 64513) + segment(CONFED_SET, 64514)
    compete(cast, (high, b"", {"path": inner + segment(SEQUENCE, 1)}), (low, b"", {"path": (1, 2)}))


@pytest.mark.parametrize("better,worse", [(0, 1), (1, 2), (0, 2)])
def test_rfc4271_9_1_2_2_b_the_lowest_origin_wins(cast, better, worse):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(9)), {"origin": better}), (low, b"", {"origin": worse}))


def test_rfc4271_9_1_2_2_c_the_lowest_med_of_one_neighboring_as_wins(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(1)), {"path": (7, 8)}), (low, attribute(4, u32(2)), {"path": (7, 9)}))


def test_rfc4271_9_1_2_2_c_no_med_is_the_lowest(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, b"", {"path": (7, 8)}), (low, attribute(4, u32(1)), {"path": (7, 8)}))
    compete(cast, (low, b"", {"path": (7, 8)}), (high, attribute(4, u32(0)), {"path": (7, 8)}))


def test_rfc4271_9_1_2_2_c_med_is_an_unsigned_number(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(1)), {"path": (7,)}), (low, attribute(4, u32(4294967295)), {"path": (7,)}))


def test_rfc4271_9_1_2_2_c_med_says_nothing_between_neighboring_ases(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (low, attribute(4, u32(9)), {"path": (7, 8)}), (high, attribute(4, u32(1)), {"path": (6, 8)}))


def test_rfc4271_9_1_2_2_c_the_local_as_is_a_neighbor_too(cast):
    """Routes of our own AS: an empty path, or one that begins with a set."""
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(4, u32(1)), {}), (low, attribute(4, u32(2)), {}))
    compete(cast, (high, attribute(4, u32(1)), {"path": segment(SET, 5, 6)}),
            (low, attribute(4, u32(2)), {"path": segment(SET, 7, 8)}))


def test_rfc4271_9_1_2_2_c_the_neighboring_as_is_the_one_it_came_from(cast):
    """Of routes from outside, whatever their paths begin with: these two came from different ones, so MED says nothing."""
    low, high = low_high(cast("outside"), cast("elsewhere"))
    path = segment(SET, 1, 2)
    compete(cast, (low, attribute(4, u32(9)), {"path": path}), (high, attribute(4, u32(1)), {"path": path}))


@pytest.mark.confederation
def test_rfc5065_5_3_the_neighboring_as_stands_behind_the_confederation(cast):
    low, high = low_high(cast(), cast())
    one, other = segment(CONFED_SEQUENCE, 64512), segment(CONFED_SEQUENCE, 64513)
    compete(cast, (high, attribute(4, u32(1)), {"path": one + segment(SEQUENCE, 7)}),
            (low, attribute(4, u32(2)), {"path": other + segment(SEQUENCE, 7)}))


def test_rfc4271_9_1_2_2_c_the_order_of_arrival_does_not_matter_with_three_routes(cast):
    """Of one AS a route with the lower MED removes another before it can beat the one of the other AS."""
    ear = cast()
    first, second, third = low_high(cast(), cast(), cast())
    says = {first: update(base(path=(7,), hop="10.9.0.111") + attribute(4, u32(20))),
            second: update(base(path=(6,), hop="10.9.0.112") + attribute(4, u32(1))),
            third: update(base(path=(7,), hop="10.9.0.113") + attribute(4, u32(10)))}
    for order in ((first, second, third), (third, second, first), (second, third, first), (first, third, second)):
        for speaker in order:
            speaker.send(says[speaker])
            settled(speaker, ear)
        assert ear.next_hops(PREFIX) == ["10.9.0.112"]
        for speaker in order:
            speaker.withdraw(PREFIX)
        lost(ear)


def test_rfc4271_9_1_2_2_d_a_route_from_outside_beats_one_from_inside(cast):
    inside, outside = cast(), cast("outside")
    compete(cast, (outside, b"", {}), (inside, b"", {"path": (OUTSIDE_AS,)}))


def test_rfc4271_9_1_2_2_d_stands_behind_med(cast):
    inside, outside = cast(), cast("outside")
    compete(cast, (inside, attribute(4, u32(1)), {"path": (OUTSIDE_AS,)}), (outside, attribute(4, u32(2)), {}))


def test_rfc4271_9_1_2_2_f_the_lowest_identifier_wins(cast):
    """The identifiers are the other way round than the addresses."""
    first, second = cast(router_id="7.7.7.2"), cast(router_id="7.7.7.1")
    low, high = low_high(first, second)
    assert low is first
    compete(cast, (second, b"", {}), (first, b"", {}))


def test_rfc4271_9_1_2_2_f_identifiers_are_unsigned_numbers(cast):
    first, second = cast(router_id="200.1.1.1"), cast(router_id="100.2.2.2")
    compete(cast, (second, b"", {}), (first, b"", {}))


def test_rfc4456_9_the_originator_stands_in_the_place_of_the_identifier(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(9, ip("1.1.1.1")), {}), (low, b"", {}))
    compete(cast, (low, b"", {}), (high, attribute(9, ip("250.1.1.1")), {}))
    compete(cast, (high, attribute(9, ip("1.1.1.1")), {}), (low, attribute(9, ip("1.1.1.2")), {}))


def test_rfc4456_9_the_shorter_cluster_list_wins_among_equal_originators(cast):
    low, high = low_high(cast(), cast())
    same = attribute(9, ip("1.1.1.1"))
    compete(cast, (high, same + attribute(10, u32(1)), {}), (low, same + attribute(10, u32(1, 2)), {}))
    compete(cast, (high, same, {}), (low, same + attribute(10, u32(1)), {}))


def test_rfc4456_9_the_originator_counts_before_the_cluster_list(cast):
    low, high = low_high(cast(), cast())
    compete(cast, (high, attribute(9, ip("1.1.1.1")) + attribute(10, u32(1, 2, 3)), {}),
            (low, attribute(9, ip("1.1.1.2")) + attribute(10, u32(1)), {}))


def test_rfc4271_9_1_2_2_g_the_lowest_peer_address_wins_at_last(cast):
    low, high = low_high(cast(), cast())
    same = attribute(9, ip("1.1.1.1"))
    compete(cast, (low, same + attribute(10, u32(9)), {}), (high, same + attribute(10, u32(1)), {}))


def test_rfc4271_9_1_2_2_g_from_outside_too(cast):
    first, second = cast("outside", router_id="7.7.7.8"), cast("outside", router_id="7.7.7.7")
    compete(cast, (second, b"", {}), (first, b"", {}))


def test_rfc4271_9_1_2_2_clients_and_non_clients_are_alike(cast):
    client, plain = cast(router_id="7.7.8.2"), cast("plain", router_id="7.7.8.1")
    compete(cast, (plain, b"", {}), (client, b"", {}))
    client.close()
    plain.close()


def test_rfc4271_9_1_2_2_what_is_not_named_does_not_count(cast):
    """Communities, aggregators, unknown attributes and lengths of these: the lowest identifier wins all the same."""
    low, high = low_high(cast(), cast())
    more = attribute(8, u32(1)) + attribute(7, u32(1, 1), 0xC0) + attribute(6, b"", 0x40) + attribute(99, b"z", 0xC0)
    compete(cast, (low, more, {}), (high, b"", {}))
    compete(cast, (low, b"", {}), (high, more, {}))


def test_rfc4271_9_1_2_the_best_route_follows_every_change(cast):
    ear = cast()
    low, high = low_high(cast(), cast())
    low.send(update(base(hop="10.9.0.111")))
    high.send(update(base(hop="10.9.0.112")))
    heard(ear, hops=["10.9.0.111"])
    high.send(update(base(hop="10.9.0.112", pref=101)))
    heard(ear, hops=["10.9.0.112"])
    low.send(update(base(hop="10.9.0.111", pref=102)))
    heard(ear, hops=["10.9.0.111"])
    low.send(update(base(hop="10.9.0.111", pref=50)))
    heard(ear, hops=["10.9.0.112"])
    high.send(update(base(hop="10.9.0.112", path=(1,), pref=50)))
    heard(ear, hops=["10.9.0.111"])
    low.close()
    heard(ear, hops=["10.9.0.112"])
    high.close()
    lost(ear)


def test_rfc4271_9_1_2_the_source_of_the_best_route_holds_nothing_and_others_change(cast):
    """When the best route moves from one peer to another, each of them is told what the other has, or nothing, or its own."""
    one, two, ear = cast(), cast(), cast()
    one.send(update(base(hop="10.9.0.111", pref=200)))
    heard(two, hops=["10.9.0.111"])
    two.send(update(base(hop="10.9.0.112", pref=300)))
    heard(one, hops=["10.9.0.112"])
    heard(ear, hops=["10.9.0.112"])
    wait_until(lambda: two.next_hops(PREFIX) in ([], ["10.9.0.112"]), 5, "the first route to be gone")
    two.withdraw(PREFIX)
    heard(two, hops=["10.9.0.111"])
    wait_until(lambda: one.next_hops(PREFIX) in ([], ["10.9.0.111"]), 5, "the second route to be gone")
    wait_until(lambda: ear.next_hops(PREFIX) == ["10.9.0.111"], 5, "the ear to follow")
