"""The units of contrib/systemd under a systemd of its own, as `make install` leaves them.

    peer (the test's speaker) 10.0.0.2 -- 10.0.0.1 host: systemd, and what it starts

RRD_ROOT names the directory that was the DESTDIR of the installation. One machine for all tests: to boot it takes longest.
"""
import grp
import os
import pwd
import subprocess

import pytest

from lab import Lab, bgp, daemons
from lab.manager import Manager
from lab.wait import wait_until

ETC, LIB = "/usr/local/etc/rrd", "/usr/local/lib"
HOST, PEER, PREFIX, AS = "10.0.0.1", "10.0.0.2", "10.1.1.0/24", 65021
KEY = "correct horse battery staple"
BIND, ADMIN, RAW = 1 << 10, 1 << 12, 1 << 13
UNITS = ("rrd", "rrd-router", "lb-announcer", "lb-announcer-node", "lb-ipvs-agent")
SECCOMP_FILTER = "2"
# The units' own times are for a network, these are for a test.
SOON = "[Service]\nRestartSec=100ms\n"
WATCHDOG = "[Service]\nWatchdogSec=2\n"
OPERATORS = "u alice -\nm alice rrctl\nu mallory -\n"


def write(path, text, group=0, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chown(path, 0, group)
    os.chmod(path, mode)
    return path


def configure(name, config):
    return write(f"{ETC}/{name}.conf", daemons.dump(config))


@pytest.fixture(scope="module")
def machine():
    subprocess.run(["cp", "-a", f"{os.environ['RRD_ROOT']}/.", "/"], check=True)
    write(f"{LIB}/sysusers.d/rrd-test.conf", OPERATORS)
    for unit in UNITS:
        write(f"{LIB}/systemd/system/{unit}.service.d/test.conf", SOON)
    with Lab("systemd") as lab:
        host, peer = lab.ns("host"), lab.ns("peer")
        lab.link(host, "eth0", peer, "eth0")
        host.ip(f"address add {HOST}/24 dev eth0")
        peer.ip(f"address add {PEER}/24 dev eth0")
        manager = Manager(host)
        manager.peer = peer
        manager.call("systemd-sysusers")
        manager.call("systemd-tmpfiles", "--create", "rrd.conf")
        write(f"{ETC}/key", KEY, grp.getgrnam("rrd").gr_gid, 0o440)
        yield manager
        manager.end()


def rrd_config(**more):
    return {"router": {"as": AS, "router-id": HOST}, "listen": [{"address": HOST, "port": 179}],
            "peer-groups": {"all": {"peer-as": AS, "route-reflector-client": True, "passive": True}},
            "neighbors": [{"address": PEER, "peer-group": "all", "password-file": f"{ETC}/key"}],
            "control": {"group": "rrctl"}, **more}


@pytest.fixture
def reflector(machine):
    """Started unless it runs: a test that changes its configuration puts it back."""
    configure("rrd", rrd_config())
    machine.do("start", "rrd")
    return machine


def speaker(machine):
    return bgp.Speaker(machine.peer, HOST, local=PEER, asn=AS, password=KEY).establish()


def assert_unprivileged(machine, unit, capabilities):
    found = machine.main_process(unit)
    user = pwd.getpwnam("rrd")
    assert set(found["Uid"].split()) == {str(user.pw_uid)} and set(found["Gid"].split()) == {str(user.pw_gid)}
    for which in ("CapPrm", "CapEff", "CapBnd", "CapInh"):
        assert int(found[which], 16) == capabilities, which
    assert int(found["CapAmb"], 16) == 0
    assert found["NoNewPrivs"] == "1" and found["Seccomp"] == SECCOMP_FILTER


def is_realtime(machine, unit, thread):
    """Whether the scheduler has a thread of the service that is called so in a real-time class (proc(5): policy 1 or 2)."""
    pid = machine.show(unit, "MainPID")["MainPID"]
    for line in machine.call("sh", "-c", f"cat /proc/{pid}/task/*/stat").splitlines():
        name, _, fields = line.rpartition(")")
        if name.split("(", 1)[1] == thread:
            return fields.split()[38] in ("1", "2")
    raise LookupError(thread)


def ask_as(machine, user, *words):
    """rrctl as that user, with its groups: (exit code, output)."""
    return machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "/usr/local/bin/rrctl", *words)


def test_the_units_are_what_systemd_takes(machine):
    output = machine.call("systemd-analyze", "verify", "--man=no", *(f"{LIB}/systemd/system/{u}.service" for u in UNITS))
    assert not [line for line in output.splitlines() if "rrd" in line or "lb-" in line], output


def test_a_reflector_starts_and_tells_how_it_is(reflector):
    assert_unprivileged(reflector, "rrd", BIND)
    reflector.wait_for("rrd", ActiveState="active", StatusText="0 neighbors up, 1 down")
    peer = speaker(reflector)
    reflector.wait_for("rrd", StatusText="1 neighbors up, 0 down")
    peer.close()
    reflector.wait_for("rrd", StatusText="0 neighbors up, 1 down")
    assert 'Status: "0 neighbors up, 1 down"' in reflector.do("status", "rrd")


def test_the_control_socket_is_for_its_group(reflector):
    code, output = ask_as(reflector, "alice", "show", "status")
    assert code == 0 and "rrd" in output
    code, output = ask_as(reflector, "mallory", "show", "status")
    assert code != 0 and "ermission denied" in output


def test_a_reload_is_applied_or_told_to_be_refused(reflector):
    reflector.ns.ip("address replace 10.0.0.3/24 dev eth0")
    configure("rrd", rrd_config(listen=[{"address": a, "port": 179} for a in (HOST, "10.0.0.3")]))
    reflector.do("reload", "rrd")
    bgp.Speaker(reflector.peer, "10.0.0.3", local=PEER, asn=AS, password=KEY).open()
    configure("rrd", {"router": {"as": "many"}})
    code, _ = reflector.systemctl("reload", "rrd")
    assert code != 0
    reflector.wait_for("rrd", ActiveState="active", StatusText=lambda text: "the last reload was refused: " in text)
    configure("rrd", rrd_config())
    reflector.do("reload", "rrd")
    # The line is the pulse's again, whatever the reload told in between.
    reflector.wait_for("rrd", ActiveState="active", StatusText=lambda text: text.endswith(" down"))


def test_bfd_has_real_time_priority(reflector):
    config = rrd_config()
    config["peer-groups"]["all"]["bfd"] = {"enabled": True}
    configure("rrd", config)
    reflector.do("reload", "rrd")
    peer = speaker(reflector)
    # The thread is made with the first session, and then asks for it.
    wait_until(lambda: is_realtime(reflector, "rrd", "bfd"), 5, "the thread in a real-time class")
    peer.close()
    configure("rrd", rrd_config())
    reflector.do("reload", "rrd")


def test_a_stop_is_a_goodbye(reflector):
    peer = speaker(reflector)
    reflector.do("stop", "rrd")
    peer.wait_for_end()
    assert peer.notification == (6, 2)
    assert reflector.show("rrd", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert reflector.run("ls", "/run/rrd/rrd.sock")[0] != 0
    # Other daemons' sockets are in that directory, too.
    reflector.call("ls", "-d", "/run/rrd")


def test_a_router_takes_the_reflectors_place_and_writes_routes(machine):
    configure("rrd", rrd_config())
    machine.do("start", "rrd")
    configure("rrd", rrd_config(fib={"enabled": True, "sysctls": "set"}))
    machine.ns.sysctl("net/ipv4/fib_multipath_hash_policy", 0)
    machine.do("start", "rrd-router")
    assert machine.show("rrd", "ActiveState")["ActiveState"] == "inactive"
    assert_unprivileged(machine, "rrd-router", BIND | ADMIN)
    speaker(machine).announce(PREFIX, PEER)
    wait_until(lambda: machine.ns.nexthops(PREFIX), 15, "the route in the kernel")
    machine.wait_for("rrd-router", StatusText="1 neighbors up, 0 down; 1 routes in the kernel")
    assert machine.ns.sysctl("net/ipv4/fib_multipath_hash_policy") != "0"
    machine.do("stop", "rrd-router")


def test_a_load_balancer(machine):
    """lb-ipvs-agent with masquerade, lb-announcer bound to it: neither knows of the other but by the socket."""
    service = {"name": "web", "address": "10.1.1.1", "port": 80, "forward": "nat", "server-port": 8080,
               "source": {"servers": [{"address": PEER}]}}
    configure("lb-ipvs-agent", {"masquerade": True, "services": [service], "ipvs": {"on-exit": "keep"}})
    machine.do("start", "lb-ipvs-agent")
    assert_unprivileged(machine, "lb-ipvs-agent", ADMIN | RAW)
    machine.wait_for("lb-ipvs-agent", StatusText="1 services; 1 of 1 servers up")
    assert "0A010101:0050" in machine.call("cat", "/proc/net/ip_vs")
    assert "MASQUERADE" in machine.call("iptables-legacy", "-t", "nat", "-S", "POSTROUTING")
    configure("lb-announcer", {"router": {"as": AS, "router-id": HOST, "local-address": HOST},
                               "neighbors": [{"address": PEER, "peer-as": AS}],
                               "services": [{"prefix": PREFIX, "next-hop": HOST}],
                               "agent": {"socket": "/run/rrd/lb-ipvs-agent.sock"}, "drain": {"time": 0, "linger": 0}})
    machine.do("start", "lb-announcer")
    assert_unprivileged(machine, "lb-announcer", ADMIN)
    assert machine.ns.ip_json(f"-4 route show table local {PREFIX}")
    machine.wait_for("lb-announcer", StatusText="1 of 1 services announced; 0 of 1 neighbors up")
    machine.do("reload", "lb-ipvs-agent")
    machine.do("stop", "lb-announcer", "lb-ipvs-agent")
    assert not machine.ns.ip_json(f"-4 route show table local {PREFIX}")


def test_the_nodes_routes(machine):
    configure("lb-announcer-node", {"node": {"services": ["10.1.0.0/16"], "pods": ["10.0.0.0/24"], "sysctls": "set"}})
    machine.ns.sysctl("net/ipv4/fib_multipath_hash_policy", 0)
    machine.do("start", "lb-announcer-node")
    assert_unprivileged(machine, "lb-announcer-node", ADMIN)
    machine.wait_for("lb-announcer-node", StatusText="0 pods registered; 0 routes in the kernel")
    assert machine.ns.sysctl("net/ipv4/fib_multipath_hash_policy") == "3"
    machine.call("ls", "/run/rrd-node/node.sock")
    machine.do("stop", "lb-announcer-node")


def test_a_crash_and_a_hang_are_followed_by_a_start(machine):
    """The last one: the watchdog stays as impatient as it is here."""
    write(f"{LIB}/systemd/system/rrd.service.d/watchdog.conf", WATCHDOG)
    machine.do("daemon-reload")
    configure("rrd", rrd_config())
    machine.do("start", "rrd")
    pid = machine.show("rrd", "MainPID")["MainPID"]
    machine.do("kill", "--kill-whom=main", "--signal=SEGV", "rrd")
    machine.wait_for("rrd", SubState="running", NRestarts=lambda n: int(n) >= 1, MainPID=lambda new: new not in ("0", pid))
    known = machine.show("rrd", "MainPID", "WatchdogTimestampMonotonic")
    machine.wait_for("rrd", WatchdogTimestampMonotonic=lambda ping: int(ping) > int(known["WatchdogTimestampMonotonic"]))
    machine.do("kill", "--kill-whom=main", "--signal=STOP", "rrd")
    machine.wait_for("rrd", SubState="running", NRestarts=lambda n: int(n) >= 2, MainPID=lambda new: new not in ("0", known["MainPID"]))
