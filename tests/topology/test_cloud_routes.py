"""contrib/cloud-routes by themselves, against stand-ins for the clouds' command lines: every state in every other, twice, and in trouble."""
import os
import subprocess

import pytest

from lab.cloud import Cloud

CONTRIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "cloud-routes")
PREFIX, PREFIX6 = "10.1.1.1/32", "fd00::1/128"
NODE, OTHER = "10.0.0.105", "10.0.0.106"
ROUTE = "rrd-10-1-1-1-32-via-10-0-0-105"


class Script:
    def __init__(self, cloud, *arguments):
        self.cloud, self.arguments = cloud, arguments
        self.name = {"gcloud": "gcp-route", "aws": "aws-route"}[cloud.name]

    def run(self, state, next_hop=NODE, code=0, says="", **more):
        """One run, which ends with that code and says that; the verbs of the calls that change something."""
        environment = {**os.environ, **self.cloud.environment(), "RRD_SERVICE": PREFIX, "RRD_STATE": state,
                       "RRD_NEXT_HOP": next_hop, **more}
        done = subprocess.run([os.path.join(CONTRIB, self.name), *self.arguments], env=environment, text=True,
                              capture_output=True)
        assert done.returncode == code, done.stderr
        assert says in done.stdout + done.stderr
        return self.cloud.calls()


@pytest.fixture
def gcp(tmp_path):
    return Script(Cloud(tmp_path, "gcloud"), "net-1")


@pytest.fixture
def aws(tmp_path):
    cloud = Cloud(tmp_path, "aws")
    cloud.state = {"interfaces": {NODE: "eni-5", OTHER: "eni-6", "fd00:10::5": "eni-5"}}
    return Script(cloud, "rtb-1")


def test_gcp_each_node_has_a_route_of_its_own(gcp):
    assert gcp.run("active", says=f"route {ROUTE} created") == ["create"]
    assert gcp.run("active", OTHER) == ["create"]
    assert gcp.cloud.state[ROUTE] == {"network": "net-1", "destRange": PREFIX, "nextHopIp": NODE, "priority": "1000"}
    assert gcp.run("inactive", says="deleted") == ["delete"]
    assert [route["nextHopIp"] for route in gcp.cloud.state.values()] == [OTHER]


def test_gcp_done_twice_changes_nothing(gcp):
    assert gcp.run("inactive", says="gone already") == []
    gcp.run("active")
    assert gcp.run("active", says="there already") == []
    gcp.run("inactive")
    assert gcp.run("inactive") == []


def test_gcp_a_route_of_our_name_that_leads_elsewhere_is_made_anew(gcp):
    gcp.cloud.state = {ROUTE: {"destRange": PREFIX, "nextHopIp": "10.9.9.9"}}
    gcp.arguments = ("net-1", "500")
    assert gcp.run("active") == ["delete", "create"]
    assert gcp.cloud.state[ROUTE]["nextHopIp"] == NODE
    assert gcp.cloud.state[ROUTE]["priority"] == "500"


@pytest.mark.parametrize("state, pattern, says", [
    ("active", "list", "quota exceeded\ngcp-route: cannot list routes"),
    ("active", "create", f"gcp-route: cannot create route {ROUTE}"),
    ("inactive", "delete", f"gcp-route: cannot delete route {ROUTE}"),
])
def test_gcp_trouble_is_told_and_repaired_by_the_next_run(gcp, state, pattern, says):
    gcp.run("inactive" if state == "active" else "active")
    gcp.cloud.fail_on(pattern)
    gcp.run(state, code=1, says=says)
    gcp.cloud.fail_on(None)
    gcp.run(state)
    assert (ROUTE in gcp.cloud.state) == (state == "active")


def test_gcp_wrong_use_is_said(gcp):
    gcp.run("gone", code=1, says='RRD_STATE is "gone": expected active or inactive')
    gcp.run("active", code=1, says="RRD_NEXT_HOP is not set", RRD_NEXT_HOP="")
    gcp.run("active", code=1, says="IPv4 only", RRD_SERVICE=PREFIX6)
    gcp.run("active", code=1, says="gcloud is not in PATH", PATH="/usr/sbin:/sbin")
    gcp.arguments = ()
    gcp.run("active", code=1, says="usage: gcp-route NETWORK [PRIORITY]")
    assert gcp.cloud.state == {}


def test_aws_the_one_route_follows_who_became_active_last(aws):
    assert aws.run("active", says=f"route to {PREFIX} in rtb-1 created (eni-5)") == ["create-route"]
    assert aws.run("active", OTHER, says="replaced (eni-6)") == ["replace-route"]
    # The first one leaves: the route is not its own any more.
    assert aws.run("inactive", says="is not ours (eni-6)") == []
    assert aws.cloud.state["routes"] == {PREFIX: ["eni-6", "active"]}
    assert aws.run("inactive", OTHER, says="deleted") == ["delete-route"]
    assert aws.cloud.state["routes"] == {}


def test_aws_done_twice_changes_nothing(aws):
    assert aws.run("inactive", says="there is none") == []
    aws.run("active")
    assert aws.run("active", says="there already") == []
    aws.run("inactive")
    assert aws.run("inactive") == []


def test_aws_standby_waits_until_the_holder_is_gone(aws):
    aws.arguments = ("--standby", "rtb-1")
    aws.run("active")
    assert aws.run("active", OTHER, code=1, says=f"standing by: the route to {PREFIX} in rtb-1 is held by eni-5") == []
    aws.run("inactive")
    assert aws.run("active", OTHER) == ["create-route"]
    # Its machine was stopped and could tell nobody.
    aws.cloud.state = {**aws.cloud.state, "routes": {PREFIX: ["eni-6", "blackhole"]}}
    assert aws.run("active") == ["replace-route"]


def test_aws_ipv6_and_other_kinds_of_target(aws):
    assert aws.run("active", "fd00:10::5", RRD_SERVICE=PREFIX6) == ["create-route"]
    assert aws.cloud.state["routes"] == {PREFIX6: ["eni-5", "active"]}
    aws.cloud.state = {**aws.cloud.state, "routes": {PREFIX: ["None", "active"]}}  # a gateway
    assert aws.run("inactive") == []
    assert aws.run("active") == ["replace-route"]


@pytest.mark.parametrize("state, pattern, says", [
    ("active", "describe-network", f"cannot look for the network interface of {NODE}"),
    ("active", "describe-route", "cannot read route table rtb-1"),
    ("active", "create-route", f"cannot create the route to {PREFIX} in rtb-1"),
    ("inactive", "delete-route", f"cannot delete the route to {PREFIX} in rtb-1"),
])
def test_aws_trouble_is_told_and_repaired_by_the_next_run(aws, state, pattern, says):
    aws.run("inactive" if state == "active" else "active")
    aws.cloud.fail_on(pattern)
    aws.run(state, code=1, says=says)
    aws.cloud.fail_on(None)
    aws.run(state)
    assert (PREFIX in aws.cloud.state["routes"]) == (state == "active")


def test_aws_wrong_use_is_said(aws):
    aws.run("gone", code=1, says='RRD_STATE is "gone": expected active or inactive')
    aws.run("active", "10.0.0.99", code=1, says="no network interface has the address 10.0.0.99")
    aws.run("active", code=1, says="RRD_SERVICE is not set", RRD_SERVICE="")
    aws.run("active", code=1, says="aws is not in PATH", PATH="/usr/sbin:/sbin")
    aws.arguments = ("rtb-9",)
    aws.run("active", code=1, says="cannot read route table rtb-9")
    aws.arguments = ("--standby",)
    aws.run("active", code=1, says="usage: aws-route [--standby] ROUTE-TABLE")
    assert aws.cloud.state.get("routes", {}) == {}
