"""AS numbers of 4 octets beside speakers that know 2 alone: RFC 6793, both ways. An OLD speaker is one without the capability."""
import pytest

from lab import bgp, hub
from lab.bgp import attribute
from rfc.routes import (AGGREGATOR, AS4_AGGREGATOR, AS4_PATH, CONFED_SEQUENCE, CONFED_SET, NEXT_HOP, NLRI, ORIGIN, OUTSIDE_AS,
                        PREF, PREFIX, SEQUENCE, SET, flags, heard, ip, judge, lost, path_of, segment, settled, told, u32, update,
                        value)

BIG, BIG2 = 4200000001, 70000
TRANS = bgp.AS_TRANS
ROUTER = ip("1.2.3.4")


def old(cast, group="client", **more):
    return cast(group, kind="old_speaker", **more)


def narrow(kind, *asns):
    return segment(kind, *asns, octets=2)


def from_new(path, *more):
    return update(ORIGIN + attribute(2, path) + NEXT_HOP + PREF + b"".join(more))


def from_old(path, as4_path=None, aggregator=None, as4_aggregator=None, outside=False):
    more = b""
    if aggregator is not None:
        more += attribute(AGGREGATOR, aggregator.to_bytes(2, "big") + ROUTER, 0xC0)
    if as4_path is not None:
        more += attribute(AS4_PATH, as4_path, 0xC0)
    if as4_aggregator is not None:
        more += attribute(AS4_AGGREGATOR, u32(as4_aggregator) + ROUTER, 0xC0)
    return update(ORIGIN + attribute(2, path) + NEXT_HOP + (b"" if outside else PREF) + more)


# 4.2.2: to an OLD speaker.

TO_OLD = {
    "empty": (b"", b"", None),
    "small": (segment(SEQUENCE, 1, 65535), narrow(SEQUENCE, 1, 65535), None),
    "small_set": (segment(SEQUENCE, 1) + segment(SET, 2, 3), narrow(SEQUENCE, 1) + narrow(SET, 2, 3), None),
    "as_trans_itself": (segment(SEQUENCE, TRANS, 2), narrow(SEQUENCE, TRANS, 2), None),
    "65536": (segment(SEQUENCE, 65536), narrow(SEQUENCE, TRANS), segment(SEQUENCE, 65536)),
    "big": (segment(SEQUENCE, 1, BIG, 2), narrow(SEQUENCE, 1, TRANS, 2), segment(SEQUENCE, 1, BIG, 2)),
    "big_in_a_set": (segment(SEQUENCE, 1) + segment(SET, 2, BIG), narrow(SEQUENCE, 1) + narrow(SET, 2, TRANS),
                     segment(SEQUENCE, 1) + segment(SET, 2, BIG)),
    "several_big": (segment(SEQUENCE, BIG, BIG2, BIG), narrow(SEQUENCE, TRANS, TRANS, TRANS), segment(SEQUENCE, BIG, BIG2, BIG)),
    "two_segments": (segment(SEQUENCE, *range(1, 256)) + segment(SEQUENCE, BIG),
                     narrow(SEQUENCE, *range(1, 256)) + narrow(SEQUENCE, TRANS),
                     segment(SEQUENCE, *range(1, 256)) + segment(SEQUENCE, BIG)),
    "confederation_is_left_out": (segment(CONFED_SEQUENCE, BIG2) + segment(CONFED_SET, 5) + segment(SEQUENCE, 1, BIG),
                                  narrow(CONFED_SEQUENCE, TRANS) + narrow(CONFED_SET, 5) + narrow(SEQUENCE, 1, TRANS),
                                  segment(SEQUENCE, 1, BIG)),
}


def cases(table):
    return [pytest.param(*values, id=name, marks=[pytest.mark.confederation] * ("confederation" in name)) for name, values in table.items()]


@pytest.mark.parametrize("path,as_path,as4_path", cases(TO_OLD))
def test_rfc6793_4_2_2_the_path_to_an_old_speaker(cast, path, as_path, as4_path):
    ear, mouth = old(cast), cast()
    mouth.send(from_new(path))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == as_path and value(ear, AS4_PATH) == as4_path
    assert as4_path is None or flags(ear, AS4_PATH) & 0xE0 == 0xC0


def test_rfc6793_4_2_2_our_own_number_is_in_both_paths_to_an_old_speaker_outside(cast):
    ear, mouth = old(cast, "outside"), cast()
    mouth.send(from_new(segment(SEQUENCE, BIG, 1)))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == narrow(SEQUENCE, hub.AS, TRANS, 1)
    assert value(ear, AS4_PATH) == segment(SEQUENCE, hub.AS, BIG, 1)


@pytest.mark.confederation
def test_rfc5065_4_1_confederation_segments_do_not_go_outside(cast):
    old_ear, new_ear, mouth = old(cast, "outside"), cast("elsewhere"), cast()
    mouth.send(from_new(segment(CONFED_SEQUENCE, 9) + segment(SEQUENCE, BIG, 1)))
    heard(old_ear)
    heard(new_ear)
    assert value(old_ear, bgp.AS_PATH) == narrow(SEQUENCE, hub.AS, TRANS, 1)
    assert value(old_ear, AS4_PATH) == value(new_ear, bgp.AS_PATH) == segment(SEQUENCE, hub.AS, BIG, 1)


@pytest.mark.parametrize("asn,narrowed,wide", [(65001, 65001, None), (65535, 65535, None), (65536, TRANS, 65536), (BIG, TRANS, BIG),
                                               (TRANS, TRANS, None)])
def test_rfc6793_4_2_2_the_aggregator_to_an_old_speaker(cast, asn, narrowed, wide):
    ear, mouth = old(cast), cast()
    mouth.send(from_new(segment(SEQUENCE, 1), attribute(AGGREGATOR, u32(asn) + ROUTER, 0xC0)))
    heard(ear)
    assert (flags(ear, AGGREGATOR), value(ear, AGGREGATOR)) == (0xC0, narrowed.to_bytes(2, "big") + ROUTER)
    assert value(ear, AS4_AGGREGATOR) == (None if wide is None else u32(wide) + ROUTER)
    assert flags(ear, AS4_AGGREGATOR) == (None if wide is None else 0xC0)


# 4.2.3: from an OLD speaker.

FROM_OLD = {
    "no_as4_path": (narrow(SEQUENCE, 1, TRANS, 2), None, segment(SEQUENCE, 1, TRANS, 2)),
    "equal": (narrow(SEQUENCE, 1, TRANS, 2), segment(SEQUENCE, 1, BIG, 2), segment(SEQUENCE, 1, BIG, 2)),
    "shorter": (narrow(SEQUENCE, 5, 6, TRANS, 2), segment(SEQUENCE, BIG, 2), segment(SEQUENCE, 5, 6, BIG, 2)),
    "of_one": (narrow(SEQUENCE, 5, 6, TRANS), segment(SEQUENCE, BIG), segment(SEQUENCE, 5, 6, BIG)),
    "longer_is_ignored": (narrow(SEQUENCE, 1, TRANS), segment(SEQUENCE, 7, BIG, 1), segment(SEQUENCE, 1, TRANS)),
    "longer_than_an_empty_path": (b"", segment(SEQUENCE, BIG), b""),
    "set_counts_as_one": (narrow(SEQUENCE, 1, 2) + narrow(SET, TRANS, 4, 5), segment(SEQUENCE, 2) + segment(SET, BIG, 4, 5),
                          segment(SEQUENCE, 1, 2) + segment(SET, BIG, 4, 5)),
    "set_in_front": (narrow(SET, 1, 2, 3) + narrow(SEQUENCE, TRANS), segment(SEQUENCE, BIG),
                     segment(SET, 1, 2, 3) + segment(SEQUENCE, BIG)),
    "aggregated_on_the_way_and_longer": (narrow(SET, 1, 2, 3), segment(SEQUENCE, 1, BIG), segment(SET, 1, 2, 3)),
    "leading_confederation_stays": (narrow(CONFED_SEQUENCE, 9) + narrow(SEQUENCE, 1, TRANS), segment(SEQUENCE, 1, BIG),
                                    segment(CONFED_SEQUENCE, 9) + segment(SEQUENCE, 1, BIG)),
    "confederation_beside_what_is_prepended_stays":
        (narrow(SEQUENCE, 7) + narrow(CONFED_SEQUENCE, 9) + narrow(SEQUENCE, 1, TRANS), segment(SEQUENCE, 1, BIG),
         segment(SEQUENCE, 7) + segment(CONFED_SEQUENCE, 9) + segment(SEQUENCE, 1, BIG)),
    "confederation_in_as4_path_is_thrown_away": (narrow(SEQUENCE, 1, TRANS),
                                                 segment(CONFED_SEQUENCE, 9, 10) + segment(SEQUENCE, 1, BIG),
                                                 segment(SEQUENCE, 1, BIG)),
    "nothing_but_confederation_in_as4_path": (narrow(SEQUENCE, 1, TRANS), segment(CONFED_SEQUENCE, 9), segment(SEQUENCE, 1, TRANS)),
    "small_numbers_too": (narrow(SEQUENCE, 1, 2), segment(SEQUENCE, 3, 4), segment(SEQUENCE, 3, 4)),
}


@pytest.mark.parametrize("as_path,as4_path,merged", cases(FROM_OLD))
def test_rfc6793_4_2_3_the_path_from_an_old_speaker(cast, as_path, as4_path, merged):
    ear, mouth = cast(), old(cast)
    mouth.send(from_old(as_path, as4_path))
    heard(ear)
    assert path_of(value(ear, bgp.AS_PATH)) == path_of(merged)
    assert value(ear, AS4_PATH) is None


MALFORMED = {
    "empty": b"", "4_octets": b"\2\1\0\1", "5_octets": b"\2\1\0\0\1", "odd": segment(SEQUENCE, BIG) + b"\0",
    "overrun": b"\2\2" + u32(BIG), "segment_type": segment(7, BIG), "no_as": b"\2\0" + u32(1), "underrun": segment(SEQUENCE, BIG) + b"\2\1",
    "as_0": segment(SEQUENCE, BIG, 0),
}


@pytest.mark.parametrize("as4_path", MALFORMED.values(), ids=MALFORMED.keys())
def test_rfc6793_6_a_malformed_as4_path_is_discarded(cast, as4_path):
    """The attribute alone goes, and the update is processed without it."""
    ear, mouth = cast(), old(cast)
    mouth.send(from_old(narrow(SEQUENCE, 1, TRANS), as4_path))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == segment(SEQUENCE, 1, TRANS)
    settled(mouth, ear)


AGGREGATORS = {
    # AGGREGATOR, AS4_AGGREGATOR, what is passed on, whether AS4_PATH counts.
    "none": (None, None, None, True),
    "small": (65001, None, 65001, True),
    "as_trans_alone": (TRANS, None, TRANS, True),
    "merged": (TRANS, BIG, BIG, True),
    "aggregated_by_an_old_speaker": (65001, BIG, 65001, False),
    "as4_alone": (None, BIG, None, True),
    "as_trans_and_0": (TRANS, 0, TRANS, True),
}


@pytest.mark.parametrize("aggregator,as4,result,counts", AGGREGATORS.values(), ids=AGGREGATORS.keys())
def test_rfc6793_4_2_3_the_aggregator_from_an_old_speaker(cast, aggregator, as4, result, counts):
    ear, mouth = cast(), old(cast)
    mouth.send(from_old(narrow(SEQUENCE, 1, TRANS), segment(SEQUENCE, 1, BIG), aggregator, as4))
    heard(ear)
    assert value(ear, AGGREGATOR) == (None if result is None else u32(result) + ROUTER)
    assert value(ear, bgp.AS_PATH) == segment(SEQUENCE, 1, BIG if counts else TRANS)
    assert value(ear, AS4_AGGREGATOR) is None


@pytest.mark.parametrize("octets", [b"", bytes(6), bytes(7), bytes(9)], ids=len)
def test_rfc6793_6_a_malformed_as4_aggregator_is_discarded(cast, octets):
    """The attribute alone goes, and the update is processed without it."""
    ear, mouth = cast(), old(cast)
    mouth.send(update(ORIGIN + attribute(2, narrow(SEQUENCE, 1)) + NEXT_HOP + PREF
                      + attribute(AGGREGATOR, TRANS.to_bytes(2, "big") + ROUTER, 0xC0) + attribute(AS4_AGGREGATOR, octets, 0xC0)))
    heard(ear)
    assert value(ear, AGGREGATOR) == u32(TRANS) + ROUTER


@pytest.mark.parametrize("octets", [b"", bytes(5), bytes(8), bytes([0, 0]) + ROUTER], ids=["0", "5", "8", "as_0"])
def test_rfc7606_7_7_a_malformed_aggregator_from_an_old_speaker_is_discarded(cast, octets):
    ear, mouth = cast(), old(cast)
    mouth.send(update(ORIGIN + attribute(2, narrow(SEQUENCE, 1)) + NEXT_HOP + PREF + attribute(AGGREGATOR, octets, 0xC0)))
    heard(ear)
    assert value(ear, AGGREGATOR) is None


@pytest.mark.parametrize("path", [segment(SEQUENCE, 70001, 1), b"\2\3" + b"\0\1\0\2", narrow(SEQUENCE, 1, 0), narrow(9, 1), b"\2\0"],
                        ids=["of_4_octets", "overrun", "as_0", "segment_type", "no_as"])
def test_rfc7606_7_2_a_malformed_path_from_an_old_speaker_is_treated_as_withdraw(cast, path):
    """As from a new one."""
    result = judge(cast, from_old(path), kind="old_speaker")
    assert result == "withdrawn"


def test_rfc6793_4_2_3_as4_path_may_stand_in_front_of_as_path(cast):
    ear, mouth = cast(), old(cast)
    mouth.send(update(attribute(AS4_AGGREGATOR, u32(BIG) + ROUTER, 0xC0) + attribute(AS4_PATH, segment(SEQUENCE, BIG, 2), 0xC0)
                      + attribute(AGGREGATOR, TRANS.to_bytes(2, "big") + ROUTER, 0xC0) + NEXT_HOP + PREF
                      + attribute(2, narrow(SEQUENCE, TRANS, 2)) + ORIGIN))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == segment(SEQUENCE, BIG, 2) and value(ear, AGGREGATOR) == u32(BIG) + ROUTER


def test_rfc6793_4_2_3_as4_path_does_not_stand_for_as_path(cast):
    octets = update(ORIGIN + NEXT_HOP + PREF + attribute(AS4_PATH, segment(SEQUENCE, BIG), 0xC0))
    assert judge(cast, octets, kind="old_speaker") == "withdrawn"


@pytest.mark.parametrize("group", ["client", "outside"])
def test_rfc6793_3_as4_attributes_from_a_new_speaker_are_discarded(cast, group):
    """RFC 6793 4.1: a new speaker must not send them to another, and one that receives them must discard them and go on."""
    ear, mouth = cast("all"), cast(group)
    path = segment(SEQUENCE, OUTSIDE_AS, TRANS)
    more = attribute(AS4_PATH, segment(SEQUENCE, 1, BIG), 0xC0) + attribute(AS4_AGGREGATOR, u32(BIG) + ROUTER, 0xC0)
    mouth.send(update(ORIGIN + attribute(2, path) + NEXT_HOP + attribute(AGGREGATOR, u32(TRANS) + ROUTER, 0xC0) + more))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == path and value(ear, AGGREGATOR) == u32(TRANS) + ROUTER
    assert not {AS4_PATH, AS4_AGGREGATOR} & {c for _, c, _ in told(ear)}


def test_rfc6793_6_malformed_as4_attributes_from_a_new_speaker_are_discarded_too(cast):
    """From who speaks with 4 octets they are discarded whatever is in them (4.1), and the update goes on."""
    ear, mouth = cast("all"), cast()
    mouth.send(from_new(segment(SEQUENCE, 1), attribute(AS4_PATH, b"\7", 0xC0), attribute(AS4_AGGREGATOR, b"\7", 0xC0)))
    heard(ear)


# Both, and what follows.

def test_rfc6793_what_came_from_an_old_speaker_goes_to_an_old_speaker_unchanged(cast):
    ear, mouth = old(cast), old(cast)
    mouth.send(from_old(narrow(SEQUENCE, 7, TRANS, 2), segment(SEQUENCE, BIG, 2), TRANS, BIG2))
    heard(ear)
    assert path_of(value(ear, bgp.AS_PATH), 2) == path_of(narrow(SEQUENCE, 7, TRANS, 2), 2)
    assert path_of(value(ear, AS4_PATH)) == path_of(segment(SEQUENCE, 7, BIG, 2))
    assert value(ear, AGGREGATOR) == TRANS.to_bytes(2, "big") + ROUTER and value(ear, AS4_AGGREGATOR) == u32(BIG2) + ROUTER


def test_rfc6793_an_ignored_as4_path_is_not_passed_on(cast):
    ear, mouth = old(cast), old(cast)
    mouth.send(from_old(narrow(SEQUENCE, 1), segment(SEQUENCE, 7, BIG, 1)))
    heard(ear)
    assert value(ear, bgp.AS_PATH) == narrow(SEQUENCE, 1) and value(ear, AS4_PATH) is None


def test_rfc6793_4_2_3_a_loop_is_seen_in_the_merged_path(cast):
    octets = from_old(narrow(SEQUENCE, 1, TRANS), segment(SEQUENCE, hub.AS, BIG))
    assert judge(cast, octets, kind="old_speaker") == "withdrawn"


def test_rfc6793_as_trans_is_nobodys_loop(cast):
    assert judge(cast, from_old(narrow(SEQUENCE, TRANS, TRANS)), kind="old_speaker") == "announced"
    assert judge(cast, from_new(segment(SEQUENCE, TRANS, TRANS))) == "announced"


def test_rfc6793_an_old_speaker_outside(cast):
    inside, ear, mouth = cast(), old(cast, "elsewhere"), old(cast, "outside")
    mouth.send(from_old(narrow(SEQUENCE, OUTSIDE_AS, TRANS), segment(SEQUENCE, OUTSIDE_AS, BIG), outside=True))
    heard(inside)
    heard(ear)
    assert value(inside, bgp.AS_PATH) == segment(SEQUENCE, OUTSIDE_AS, BIG)
    assert value(ear, bgp.AS_PATH) == narrow(SEQUENCE, hub.AS, OUTSIDE_AS, TRANS)
    assert value(ear, AS4_PATH) == segment(SEQUENCE, hub.AS, OUTSIDE_AS, BIG)


def test_rfc6793_4_2_2_as4_path_comes_and_goes_with_the_route(cast):
    ear, mouth = old(cast), cast()
    mouth.send(from_new(segment(SEQUENCE, BIG)))
    heard(ear)
    assert value(ear, AS4_PATH) == segment(SEQUENCE, BIG)
    mouth.send(from_new(segment(SEQUENCE, 5)))
    settled(mouth, ear)
    assert value(ear, AS4_PATH) is None and value(ear, bgp.AS_PATH) == narrow(SEQUENCE, 5)
    mouth.withdraw(PREFIX)
    lost(ear)


def test_rfc6793_a_speaker_outside_with_a_big_number(cast):
    ear, mouth = cast(), cast("outside", asn=BIG)
    assert mouth.peer.asn == hub.AS
    mouth.send(update(ORIGIN + attribute(2, segment(SEQUENCE, BIG)) + NEXT_HOP, NLRI))
    assert heard(ear).as_path == [BIG]
