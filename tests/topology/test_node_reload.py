"""Another configuration for a running lb-announcer --node.

    reflector (rrd) ==== node network ==== n1 (lb-announcer --node) -- pods (lb-announcer)
"""
import os

import pytest

from lab import daemons
from lab.daemons import NodeRoutes, registered
from lab.fig4 import SERVICE, SERVICE2
from lab.reload import changed, plan, refused, taken
from lab.wait import wait_until


@pytest.fixture
def node(fig, reflector):
    """A node with one pod that announces two services."""
    pod = fig.add_pod(1)
    helper = NodeRoutes(pod.node).wait_until_ready()
    helper.announcer = registered(pod, [SERVICE, SERVICE2])
    helper.reflector = reflector
    wait_until(lambda: known(helper) == {SERVICE, SERVICE2}, 10, "both services")
    return helper


def known(node):
    return {row["prefix"] for row in node.reflector.show("routes")}


def test_nothing_changes_where_nothing_does(node):
    config = changed(node, ("node.metric", 10), ("node.on-exit", "keep"))
    assert plan(node, config) == []
    taken(node, config)
    assert 'lb_announcer_node_reloads_total{result="done"} 1' in node.ctl("metrics")


def test_a_bad_file_and_what_needs_a_restart_are_refused(node):
    assert "metric" in refused(node, changed(node, ("node.metric", "low"), ("node.on-exit", "remove")))
    config = changed(node, ("node.metric", 20), ("node.on-exit", "remove"))
    assert dict(plan(node, config))["restart"].startswith("node.metric 10 -> 20")
    assert "node.metric" in refused(node, config)
    assert "on-exit: keep" in node.ctl("show", "config", "all")


def test_what_is_not_allowed_any_more_goes_and_the_rest_stays(node):
    config = changed(node, ("node.services", ["10.1.1.0/24"]))
    assert plan(node, config) == [
        ("live", "node.services +10.1.1.0/24 -10.1.0.0/16 -fd00:1::/32: 1 registration is not allowed any more")]
    taken(node, config)
    wait_until(lambda: known(node) == {SERVICE}, 20, "the other service to be withdrawn")
    wait_until(lambda: not node.ns.nexthops(SERVICE2), 5, "its route to go")
    assert node.ns.nexthops(SERVICE)
    assert node.status()["gone"] == 0
    taken(node, changed(node, ("node.services", ["10.1.0.0/16"])))
    wait_until(lambda: known(node) == {SERVICE, SERVICE2}, 20, "both services")


def test_the_end_removes_the_routes_if_told_so_meanwhile(node):
    assert node.ns.nexthops(SERVICE)
    taken(node, changed(node, ("node.on-exit", "remove")))
    node.process.terminate()
    assert not node.ns.nexthops(SERVICE)


def test_the_sockets_move_and_who_is_connected_stays(node):
    old, registry = node.socket, node.registry
    new = changed(node, ("control.socket", "/run/elsewhere.sock"), ("node.socket", "/run/registry-elsewhere.sock"))
    node.ns.lab.file(f"{node.name}.yaml", daemons.dump(new))
    assert "node.socket" in node.ctl("reload")
    node.socket, node.config = "/run/elsewhere.sock", new
    assert node.status()["reloads"] == 1
    assert not os.path.exists(old) and not os.path.exists(registry)
    assert len(node.services()) == 2 and node.status()["gone"] == 0
    assert "no group" in refused(node, changed(node, ("node.socket-group", "nobody-has-this")))
    assert known(node) == {SERVICE, SERVICE2}


def test_the_configuration_in_use_can_be_shown_and_read_back(node):
    for words in ([], ["all"]):
        path = node.ns.lab.file("shown.yaml", node.ctl("show", "config", *words))
        node.ns.run([daemons.binary("lb-announcer"), "--node", "-t", "-c", path])
