"""Clouds without BGP: lb-announcer has a command run when a service becomes active or inactive. There is no reflector here.

    node network ==== n1 -- pod (lb-announcer, its command)
"""
import os
import signal

import pytest

from lab import daemons
from lab.agent import AgentStandIn, Service
from lab.cloud import Cloud
from lab.exposition import parse
from lab.fig4 import SERVICE, SERVICE2
from lab.tool import starts_commands
from lab.wait import holds, stopwatch, wait_until

pytestmark = starts_commands
ROUTES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "cloud-routes")
# What it was told goes to "told"; what is in "first" is done before, and its exit status is the command's.
SCRIPT = """#!/bin/sh
cd "$(dirname "$0")"
. ./first
status=$?
echo "$RRD_STATE $RRD_REASON $status" >> told
exit $status
"""


class Commanded:
    """A pod whose announcer tells a command."""

    def __init__(self, fig, prefixes=(SERVICE,), first="true", start=True, command=None, on_change=None, env=None, **more):
        self.lab = fig.lab
        self.script = self.lab.file("command", SCRIPT)
        os.chmod(self.script, 0o755)
        self.do_first(first)
        self.pod = fig.add_pod(1)
        config = {**daemons.announcer_config(self.pod, prefixes), "neighbors": [], **more}
        for service in config["services"]:
            service["on-change"] = {"command": command or [self.script], "retry": 1, **(on_change or {})}
        self.config, self.env = config, env
        if start:
            self.start()

    def start(self):
        self.daemon = daemons.announcer(self.pod, config=self.config, env=self.env).wait_until_ready()
        return self

    def condition(self):
        """The first service depends on a file, which is the return value's path."""
        path = os.path.join(self.lab.directory, "ready")
        self.config["services"][0]["conditions"] = [
            {"type": "command", "command": ["/usr/bin/test", "-e", path], "interval": "300ms", "rise": 1, "fall": 2}]
        return path

    def do_first(self, line):
        self.lab.file("first", line + "\n")

    def told(self):
        try:
            with open(os.path.join(self.lab.directory, "told")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def wait_told(self, *lines, timeout=10):
        wait_until(lambda: self.told() == list(lines), timeout, f"the command to be told {lines}")

    def service(self, prefix=SERVICE):
        return {row["service"]: row for row in self.daemon.show("services")}[prefix]

    def term(self):
        self.daemon.process.signal(signal.SIGTERM)
        return self


def touch(path):
    with open(path, "w"):
        pass


def test_it_is_told_of_the_start_and_of_the_end(fig):
    it = Commanded(fig)
    it.wait_told("active start 0")
    wait_until(lambda: it.service()["command"] == "active")
    it.daemon.ctl("show", "routes")
    assert it.daemon.process.terminate() == 0
    assert it.told() == ["active start 0", "inactive end 0"]


def test_health_drain_and_undrain_are_told_with_their_reasons(fig):
    it = Commanded(fig, start=False)
    ready = it.condition()
    touch(ready)
    it.start()
    it.wait_told("active start 0")
    os.unlink(ready)
    it.wait_told("active start 0", "inactive health 0")
    touch(ready)
    it.wait_told("active start 0", "inactive health 0", "active health 0")
    it.daemon.ctl("drain", "0")
    wait_until(lambda: it.told()[3:] == ["inactive drain 0"])
    it.daemon.ctl("undrain")
    wait_until(lambda: it.told()[3:] == ["inactive drain 0", "active undrain 0"])
    metrics = parse(it.daemon.ctl("metrics"))
    assert metrics["lb_announcer_command_told"].value(service=SERVICE) == 1
    assert metrics["lb_announcer_command_runs_total"].value(service=SERVICE, result="done") == 5


def test_while_it_drains_it_is_active(fig):
    it = Commanded(fig)
    it.wait_told("active start 0")
    it.daemon.ctl("drain", "1")
    wait_until(lambda: it.service()["state"] == "draining")
    holds(lambda: it.told() == ["active start 0"], 0.3, "active")
    it.wait_told("active start 0", "inactive drain 0")
    # It was told already.
    assert it.daemon.process.terminate() == 0
    assert it.told() == ["active start 0", "inactive drain 0"]


def test_at_the_start_inactive_is_told_once_that_is_known(fig):
    it = Commanded(fig, start=False)
    it.condition()
    it.config["services"][0]["conditions"][0].update(fall=10)
    it.start()
    assert it.told() == []
    assert it.service()["command"] == "unknown"
    it.wait_told("inactive start 0")
    assert it.daemon.process.terminate() == 0
    assert it.told() == ["inactive start 0"]


def test_a_failure_is_shown_and_tried_again_until_it_succeeds(fig):
    it = Commanded(fig, first="echo the quota is used up; (exit 7)", on_change={"retry-max": 1})
    wait_until(lambda: len(it.told()) >= 2)
    assert set(it.told()) == {"active start 7"}
    row = it.service()
    if row["command"] == "failed":
        assert row["command-why"] == "exit status 7" and 0 <= row["command-again-ms"] <= 1000
    it.daemon.wait_for_log(f"service {SERVICE}: on-change: the quota is used up")
    it.daemon.wait_for_log(f"error: service {SERVICE}: on-change active: exit status 7; again in 1.000 s")
    it.do_first("true")
    wait_until(lambda: it.told()[-1] == "active start 0")
    wait_until(lambda: it.service()["command"] == "active")
    # Told once as an error, however often it failed.
    assert it.daemon.log().count("error:") == 1


def test_only_the_newest_state_counts_and_one_runs_at_a_time(fig):
    it = Commanded(fig, first="mkdir busy || exit 99; until test -e go; do sleep 0.02; done; rmdir busy")
    wait_until(lambda: it.service()["command"] == "running")
    for _ in range(3):
        it.daemon.ctl("drain", "0")
        it.daemon.ctl("undrain")
    it.daemon.ctl("drain", "0")
    it.lab.file("go", "")
    it.wait_told("active start 0", "inactive drain 0")
    holds(lambda: len(it.told()) == 2, 0.3, "no more than the newest")


def test_each_service_is_told_of_by_itself(fig):
    it = Commanded(fig, (SERVICE, SERVICE2), start=False)
    ready = it.condition()
    it.start()
    wait_until(lambda: sorted(it.told()) == ["active start 0", "inactive start 0"])
    touch(ready)
    wait_until(lambda: sorted(it.told()) == ["active health 0", "active start 0", "inactive start 0"])


# --- the end ---

def test_the_end_waits_for_the_command_and_packets_are_taken_until_then(fig):
    it = Commanded(fig, drain={"time": 0, "linger": 1})
    it.wait_told("active start 0")
    it.do_first("until test -e go; do sleep 0.02; done")
    it.term()
    holds(lambda: it.pod.ns.has_local_route(SERVICE) and it.daemon.process.running, 1.5, "the local route")
    elapsed = stopwatch()
    it.lab.file("go", "")
    assert it.daemon.process.wait() == 0
    # The time that packets need, after the command and not before.
    assert elapsed() > 950
    assert it.told() == ["active start 0", "inactive end 0"]
    assert not it.pod.ns.has_local_route(SERVICE)


def test_the_end_tries_again_after_a_failure(fig):
    it = Commanded(fig)
    it.wait_told("active start 0")
    it.do_first("false")
    it.term()
    wait_until(lambda: len(it.told()) >= 2)
    it.do_first("true")
    assert it.daemon.process.wait() == 0
    assert it.told()[0] == "active start 0" and it.told()[-1] == "inactive end 0"
    assert set(it.told()[1:-1]) == {"inactive end 1"}


def test_the_end_does_not_wait_for_ever(fig):
    it = Commanded(fig, on_change={"timeout": 1})
    it.wait_told("active start 0")
    it.do_first("exec sleep 60")
    elapsed = stopwatch()
    it.term()
    assert it.daemon.process.wait() == 0
    assert 950 < elapsed() < 8000
    assert "on-change inactive: given up: " in it.daemon.log()


def test_the_agent_keeps_its_rules_until_the_command_has_ended(fig):
    agent = AgentStandIn(fig.lab, Service())
    it = Commanded(fig, agent={"socket": agent.path})
    it.wait_told("active start 0")
    wait_until(lambda: agent.state() == "announcing")
    it.do_first("until test -e go; do sleep 0.02; done")
    it.term()
    wait_until(lambda: agent.state() == "draining")
    holds(lambda: agent.state() == "draining", 0.3, "the agent's rules")
    it.lab.file("go", "")
    wait_until(lambda: agent.state() in ("withdrawn", "leaving", None))
    assert it.daemon.process.wait() == 0


def test_told_to_end_twice_it_does_not_wait(fig):
    it = Commanded(fig, on_change={"timeout": 60})
    it.wait_told("active start 0")
    it.do_first("touch begun; exec sleep 60")
    it.term()
    wait_until(lambda: os.path.exists(os.path.join(it.lab.directory, "begun")))
    it.term()
    assert it.daemon.process.wait(5) == 0


# --- the worked examples ---

@pytest.mark.parametrize("cli, script, argument", [("gcloud", "gcp-route", "net-1"), ("aws", "aws-route", "rtb-1")])
def test_a_clouds_route_comes_and_goes(fig, lab, cli, script, argument):
    cloud = Cloud(lab.directory, cli)
    it = Commanded(fig, command=[os.path.join(ROUTES, script), argument], env=cloud.environment(), start=False)
    if cli == "aws":
        cloud.state = {"interfaces": {it.pod.node.address: "eni-1"}}
    it.start()
    wait_until(lambda: it.service()["command"] == "active")
    assert len(cloud.calls()) == 1
    assert SERVICE in str(cloud.state)
    assert (it.pod.node.address if cli == "gcloud" else "eni-1") in str(cloud.state)
    it.daemon.wait_for_log(f"service {SERVICE}: on-change: route")
    assert it.daemon.process.terminate() == 0
    assert SERVICE not in str(cloud.state.get("routes", cloud.state if cli == "gcloud" else {}))
