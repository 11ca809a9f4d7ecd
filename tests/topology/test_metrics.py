"""rrctl metrics, from a running system: it is what Prometheus reads, and it says what the tables say.

    router (rrd) ==== node network ==== reflector (rrd) -- a pod on n1 and one on n2 (lb-announcer)
"""
import json
import re

import pytest

from lab import exposition
from lab.fig4 import REFLECTOR, SERVICE
from lab.wait import wait_until

IPV4 = "ipv4-unicast"


@pytest.fixture
def two(system):
    system.pods = [system.add_announcer(1), system.add_announcer(2)]
    system.wait_for_hops(["n1", "n2"])
    return system


def metrics(daemon):
    return exposition.parse(daemon.ctl("metrics"))


def check_conventions(families, prefix):
    """What promtool would say: help and type everywhere, units and _total where they belong."""
    for f in families.values():
        assert f.name.startswith(prefix + "_"), f.name
        assert f.help and f.help.endswith("."), f.name
        assert f.type in ("counter", "gauge", "histogram"), f.name
        assert (f.type == "counter") == f.name.endswith("_total"), f.name
        assert not re.search(r"(octets|_ms|_us|_percent)(_|$)", f.name), f.name
        keys = {frozenset(k for k, _ in sample) for sample in f.samples}
        assert len(keys) == 1, f"{f.name} has samples with different labels: {keys}"


def test_the_reflectors_metrics_are_what_its_tables_show(two):
    families = metrics(two.reflector)
    check_conventions(families, "rrd")
    assert families["rrd_neighbors"].value(state="Established", kind="dynamic") == 2
    assert families["rrd_neighbors"].total() == len(two.reflector.neighbors())
    assert families["rrd_prefixes"].value(family=IPV4) == 1
    assert families["rrd_paths"].value(family=IPV4) == 2
    for address, row in two.reflector.neighbors().items():
        assert families["rrd_neighbor_up"].total(neighbor=address) == 1
        assert families["rrd_neighbor_received_prefixes"].total(neighbor=address) == row["received"]
        assert families["rrd_neighbor_advertised_prefixes"].total(neighbor=address) == row["advertised"]
    for row in two.reflector.show("ranges"):
        labels = {"range": row["prefix"], "peer_group": row["peer-group"]}
        assert families["rrd_range_neighbors"].value(**labels) == row["neighbors"]
        assert families["rrd_range_limit"].value(**labels) == row["limit"]
    memory = {row["what"]: row["objects"] for row in two.reflector.show("memory")}
    for what in ("prefixes", "paths", "attribute sets", "next hops", "update groups"):
        assert families["rrd_memory_objects"].value(what=what) == memory[what] > 0
    assert families["rrd_resident_memory_bytes"].value() > 1e6
    assert "rrd_fib_routes" not in families


def test_the_routers_metrics_have_the_fib_and_the_next_hops(two):
    families = metrics(two.router)
    check_conventions(families, "rrd")
    status = two.router.show("status")[0]
    assert families["rrd_fib_routes"].value() == 1 == status["fib"]["routes"]
    assert families["rrd_fib_next_hops"].value() == status["fib"]["next-hops"]
    assert families["rrd_fib_failed_routes"].value() == 0
    assert families["rrd_fib_operations_total"].value() > 0
    assert families["rrd_next_hops"].value(state="eligible") == 2
    assert families["rrd_info"].total(router_id=status["router-id"], version=status["version"]) == 1
    assert families["rrd_neighbor_messages_total"].total(neighbor=REFLECTOR, direction="in", type="UPDATE") >= 1


def test_counters_only_grow(two):
    def messages():
        return metrics(two.router)["rrd_neighbor_messages_total"].total(neighbor=REFLECTOR, type="KEEPALIVE")
    before = messages()
    wait_until(lambda: messages() > before, 15, "a keepalive to be counted")


def test_the_announcers_metrics_follow_its_drain(two):
    pod = two.pods[0].daemon
    families = metrics(pod)
    check_conventions(families, "lb_announcer")
    assert families["lb_announcer_state"].total() == 1
    assert families["lb_announcer_state"].value(state="announcing") == 1
    assert families["lb_announcer_service_neighbors"].value(service=SERVICE) == 1
    assert families["lb_announcer_neighbor_up"].value(neighbor=REFLECTOR) == 1
    pod.ctl("drain", "3600")
    families = metrics(pod)
    assert families["lb_announcer_state"].value(state="draining") == 1
    assert families["lb_announcer_state"].total() == 1
    assert 3500 < families["lb_announcer_state_left_seconds"].value() <= 3600


def test_json_is_a_row_for_each_sample(two):
    rows = [json.loads(line) for line in two.router.ctl("--json", "metrics").splitlines()]
    assert len(rows) == sum(len(f.samples) + 2 * (f.type == "histogram") for f in metrics(two.router).values())
    assert {"name", "type", "help", "labels", "value"} == set(rows[0])


# The parser itself: it must be able to say no.

GOOD = """# HELP a_total Help with \\\\ and \\n "quotes".
# TYPE a_total counter
a_total{x="1",y="a\\"b\\\\c\\nd"} 17
a_total{x="2",y=""} 1.5e+10
b -3
# TYPE c gauge
c +Inf
d NaN
"""


def test_the_parser_reads_what_is_right():
    families = exposition.parse(GOOD)
    assert list(families) == ["a_total", "b", "c", "d"]
    assert families["a_total"].help == 'Help with \\ and \n "quotes".'
    assert families["a_total"].value(x="1", y='a"b\\c\nd') == 17
    assert families["a_total"].total() == 17 + 1.5e10
    assert families["b"].type is None and families["b"].value() == -3


@pytest.mark.parametrize("text", [
    "a 1",
    "a\n",
    "a  1\n",
    "a one\n",
    "a 1 \n",
    "a 0x10\n",
    "1a 1\n",
    "a-b 1\n",
    " a 1\n",
    "a{} 1\n",
    'a{x="1" y="2"} 1\n',
    'a{x="1",} 1\n',
    "a{x=1} 1\n",
    'a{x="1} 1\n',
    'a{x="1"}1\n',
    'a{x-y="1"} 1\n',
    'a{x="\\t"} 1\n',
    'a{x="1",x="2"} 1\n',
    'a{__x="1"} 1\n',
    "a 1\na 2\n",
    'a{x="1",y="2"} 1\na{y="2",x="1"} 1\n',
    'a{x="1"} 1\nb 1\na{x="2"} 1\n',
    "# TYPE a gauge\n",
    "# TYPE a gauge\nb 1\n",
    "# TYPE a thing\na 1\n",
    "# TYPE a gauge\n# TYPE a gauge\na 1\n",
    "# HELP a x\n# HELP a x\na 1\n",
    "a 1\n# TYPE a gauge\n",
    "# HELP a \\t\na 1\n",
    "# HELP a \\\na 1\n",
    "# TYPE a counter\na -1\n",
    "#comment\na 1\n",
])
def test_the_parser_refuses_what_is_wrong(text):
    with pytest.raises(exposition.Malformed):
        exposition.parse(text)
