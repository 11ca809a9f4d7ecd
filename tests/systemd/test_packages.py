"""The Debian packages under a systemd that runs: what an installation starts (nothing), an upgrade restarts (what runs) and a removal
stops. RRD_PACKAGES names the directory in which tests/packaging has left two versions of them.

Everything is written into this guest's memory, so they are installed beside the host's own packages.
"""
import os
import subprocess

import pytest

from lab import Lab, daemons, debs
from lab.manager import Manager

ADDRESS = "10.0.0.1"


def version(number):
    directory = os.path.abspath(os.environ["RRD_PACKAGES"])
    return debs.Packages(directory, debs.versions(directory)[number])


@pytest.fixture(scope="module")
def machine():
    with Lab("packages") as lab:
        ns = lab.ns("host")
        ns.ip(f"address add {ADDRESS}/32 dev lo")
        manager = Manager(ns)
        # What forbids a container's packages to start anything; there is none on a machine.
        manager.run("rm", "-f", "/usr/sbin/policy-rc.d")
        yield manager
        manager.end()


def dpkg(machine, *words):
    """Without the triggers of others: the host's manual pages are not our concern, and take minutes to index in a guest."""
    done = subprocess.run(["nsenter", "-t", str(machine.pid), "-a", "--", "dpkg", "--no-triggers", *words], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def states(machine):
    return {u: machine.systemctl("is-active", u)[1].strip() for u in ("rrd", "rrd-router", "lb-announcer", "lb-ipvs-agent")}


def test_an_installation_starts_nothing(machine):
    dpkg(machine, "-i", *version(0).paths())
    assert set(states(machine).values()) == {"inactive"}
    assert machine.systemctl("is-enabled", "rrd")[1].strip() == "disabled"


def test_an_upgrade_restarts_what_runs_and_nothing_else(machine):
    with open("/etc/rrd/rrd.conf", "w") as f:
        f.write(daemons.dump({"router": {"as": 65021, "router-id": ADDRESS}, "listen": [{"address": ADDRESS, "port": 179}]}))
    machine.do("enable", "--now", "rrd")
    before = machine.show("rrd", "MainPID")["MainPID"]
    dpkg(machine, "-i", *version(1).paths())
    machine.wait_for("rrd", ActiveState="active", MainPID=lambda pid: pid not in ("0", before))
    assert states(machine) == {"rrd": "active", "rrd-router": "inactive", "lb-announcer": "inactive", "lb-ipvs-agent": "inactive"}
    assert machine.systemctl("is-enabled", "rrd")[1].strip() == "enabled"


def test_a_removal_stops_it_and_a_purge_disables_it(machine):
    pid = machine.show("rrd", "MainPID")["MainPID"]
    dpkg(machine, "--remove", "rrd")
    assert machine.run("ls", f"/proc/{pid}")[0] != 0
    wanted = "/etc/systemd/system/multi-user.target.wants/rrd.service"
    assert os.path.lexists(wanted)
    dpkg(machine, "--purge", "rrd")
    assert not os.path.lexists(wanted) and not os.path.exists("/etc/rrd/rrd.conf")
    assert machine.show("rrd", "LoadState")["LoadState"] == "not-found"
