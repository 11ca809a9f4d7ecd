"""What bench/matrix takes for a failure: each thing that must hold is missed when it does not. Pure; no network."""
import os
import sys

import pytest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
from parts import verdict  # noqa: E402  (the path above comes first)

PRESERVING = ("preserve", "preserve-resilient")
OURS = PRESERVING + ("nat", "nat-resilient")


def result(row, event, broken=(0, 0), opened=(60, 140), failed=0, kernel_ms=None, sent=1000, early=0):
    return {"row": row, "event": event, "opened": list(opened), "broken": list(broken), "own": 0, "ended": 0, "early": early, "why": {},
            "requests": {"sent": sent, "failed": failed, "late": 0, "skipped": 0, "reasons": {}}, "longest_ms": 10.0,
            "kernel_ms": kernel_ms, "stalled_ms": 1.0}


def faults(*arguments, **more):
    return list(verdict.faults(result(*arguments, **more)))


@pytest.mark.parametrize("row", PRESERVING)
@pytest.mark.parametrize("event", ["add", "drain", "sigterm", "sigkill", "announcer"])
def test_preserving_mode_breaks_nothing_opened_since_the_servers_changed(row, event):
    assert faults(row, event) == []
    assert faults(row, event, broken=(7, 0)) == []
    assert len(faults(row, event, broken=(0, 1))) == 1


@pytest.mark.parametrize("row", PRESERVING)
@pytest.mark.parametrize("event", ["add", "drain", "sigterm"])
def test_preserving_mode_loses_no_request_when_all_is_in_order(row, event):
    assert len(faults(row, event, failed=1)) == 1


@pytest.mark.parametrize("row", OURS)
def test_an_agent_that_is_killed_and_comes_back_is_not_noticed(row):
    assert faults(row, "agent") == []
    assert len(faults(row, "agent", broken=(0, 1))) == 1
    assert len(faults(row, "agent", failed=1)) == 1
    assert len(faults(row, "agent", kernel_ms=5.0)) == 1


@pytest.mark.parametrize("row", OURS)
def test_web_pods_that_come_and_go_break_nobody_elses_connections(row):
    for event in ("web-comes", "web-drains", "web-dies", "web-hangs"):
        assert faults(row, event) == []
        assert len(faults(row, event, broken=(1, 0))) == 1
    for event in ("web-comes", "web-drains"):
        assert len(faults(row, event, failed=1)) == 1


def test_a_drain_with_nat_loses_nothing_that_ends_within_it():
    assert faults("nat-resilient", "drain-ending") == []
    assert len(faults("nat-resilient", "drain-ending", broken=(1, 0))) == 1


@pytest.mark.parametrize("row, event", [("nat", "add"), ("nat", "sigkill"), ("nat-resilient", "sigkill"), ("paper", "add"),
                                        ("paper", "sigkill")])
def test_what_nobody_can_save_must_be_seen_to_break(row, event):
    assert len(faults(row, event)) == 1
    assert faults(row, event, broken=(20, 40)) == []


def test_too_little_means_nothing():
    assert len(faults("preserve", "sigkill", opened=(2, 3))) == 1
    assert len(faults("preserve", "sigkill", sent=5)) == 1
    assert len(faults("preserve", "sigkill", early=1)) == 1


def test_the_table_has_a_line_for_each_result():
    results = [result(row, event) for row in OURS for event in ("add", "agent")]
    text = verdict.table(results) + verdict.facts({"date": "today"}, results)
    assert text.count("NAT, resilient ") == 2 and "add: a load balancer is added" in text
