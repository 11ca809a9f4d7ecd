"""A daemon that root starts and that becomes somebody else: what it may do from then on is what it needs, at a reload as at the start.

    router (rrd, user nobody) -- reflector (rrd, user nobody) -- pod speakers (test) on n1, n2, n3
"""
import errno
import os
import signal

import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.unprivileged import ADMIN, BIND, GID, PTRACE, SYS_ADMIN, UID, USER, Unprivileged, UnprivilegedDaemon, make_directory, only
from lab.wait import wait_until

OTHER_GID, KEY = 60123, "correct horse battery staple"


class Node(Unprivileged, daemons.Daemon):
    role = ("--node",)


def started(ns, program, config, *arguments, kind=UnprivilegedDaemon, **more):
    return kind(ns, program, config, name=more.pop("name", f"{program}-{ns.name}"), arguments=arguments, **more)


@pytest.fixture
def reflector(fig):
    return started(fig.reflector, "rrd", daemons.reflector_config()).wait_until_ready()


def listens(fig, address, port):
    with fig.client.socket() as sock:
        sock.settimeout(5)
        # Who is no neighbor is let in and sent away at once.
        return sock.connect_ex((address, port)) in (0, errno.ECONNRESET)


def fails(daemon, pattern):
    """It ends at once and says so, in these words."""
    daemon.process.expected_codes = {1}
    daemon.process.wait_for_log(pattern)
    assert daemon.process.wait() == 1


# What is kept.

def test_a_reflector_keeps_the_low_ports_alone(reflector):
    assert reflector.rights() == only(BIND)


def test_a_router_keeps_the_routes_too_and_writes_them(fig, reflector):
    router = started(fig.router, "rrd", daemons.router_config())
    reflector.wait_established(ROUTER)
    pod = fig.add_pod()
    bgp.Speaker(pod.ns, REFLECTOR, local=pod.address).establish().announce(SERVICE, pod.node.address)
    wait_until(lambda: fig.hops(SERVICE), 15, "the route in the router's kernel")
    assert router.rights() == only(BIND | ADMIN)
    # What an earlier run left belongs to the same user: another one takes it over, and takes it away.
    router.process.kill()
    router.config["fib"]["on-exit"] = "remove"
    router.start().wait_established(REFLECTOR)
    wait_until(lambda: router.status()["fib"]["routes"] == 1, 15, "the route to be taken over")
    assert router.process.terminate() == 0
    assert not fig.hops(SERVICE)


def test_what_a_manager_gave_beyond_the_need_is_given_back(fig):
    """As AmbientCapabilities= would have it, for a unit that gives both roles' capabilities to a reflector."""
    give = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", "--inh-caps=-all,+net_bind_service,+net_admin",
            "--ambient-caps=-all,+net_bind_service,+net_admin", "--bounding-set=-all,+net_bind_service,+net_admin"]
    daemon = started(fig.reflector, "rrd", daemons.reflector_config(), prefix=give).wait_until_ready()
    # The bounding set is the giver's: what it lets through nobody can gain any more.
    assert daemon.rights() == only(BIND, groups=(GID,), bounding=BIND | ADMIN) | {"groups": set()}


def test_an_announcer_makes_its_local_route(fig, reflector):
    pod = fig.add_pod()
    announcer = started(pod.ns, "lb-announcer", daemons.announcer_config(pod)).wait_established(REFLECTOR)
    assert pod.ns.ip_json(f"-4 route show table local {SERVICE}")
    assert announcer.rights() == only(ADMIN)
    assert announcer.process.terminate() == 0
    assert not pod.ns.ip_json(f"-4 route show table local {SERVICE}")


def test_the_nodes_routes_need_nothing_more(fig):
    node = fig.nodes[0]
    node.ns.sysctl("net/ipv4/fib_multipath_hash_policy", 0)

    config = {"node": {"socket": "/run/node/registry.sock", "services": ["10.1.0.0/16"], "pods": [node.overlay], "sysctls": "set"}}
    daemon = started(node.ns, "lb-announcer", config, kind=Node, name="node").wait_until_ready()
    assert daemon.rights() == only(ADMIN)
    # A setting under /proc/sys/net is written with CAP_NET_ADMIN, whoever owns the file.
    wait_until(lambda: node.ns.sysctl("net/ipv4/fib_multipath_hash_policy") == "3", 10, "the setting to be made")


def test_the_nodes_namespace_is_entered_where_it_is_asked_for(fig):
    """By a process of root's, as in a pod with hostPID."""
    pod = fig.add_pod()
    config = daemons.announcer_config(pod)
    config["node-route"] = {"netns": pod.node.ns.held_open()}
    announcer = started(pod.ns, "lb-announcer", config).wait_until_ready()
    assert pod.node.ns.nexthops(SERVICE) == {pod.address: 1}
    assert announcer.rights() == only(ADMIN | SYS_ADMIN | PTRACE)
    assert announcer.process.terminate() == 0
    assert not pod.node.ns.route(SERVICE)


def test_the_user_keeps_the_groups_it_is_a_member_of(lab, fig):
    groups = lab.file("group", f"nogroup:x:{GID}:\noperators:x:{OTHER_GID}:somebody,{USER}\nstrangers:x:60124:somebody\n")
    config = daemons.reflector_config()
    config["control"] = {"socket": "/run/rrd-reflector/control.sock", "group": "operators"}
    daemon = started(fig.reflector, "rrd", config, files={"/etc/group": groups}).wait_until_ready()
    assert daemon.rights() == only(BIND, groups=(GID, OTHER_GID))
    assert os.stat(daemon.socket).st_gid == OTHER_GID
    # A reload gives it to nobody the user does not belong to.
    config["control"]["group"] = "strangers"
    assert f"user {UID} is no member of the group" in daemon.reload(config)["reload-error"]
    assert os.stat(daemon.socket).st_gid == OTHER_GID


def test_another_group_may_be_named(lab, fig):
    groups = lab.file("group", f"nogroup:x:{GID}:\noperators:x:{OTHER_GID}:\n")
    daemon = started(fig.reflector, "rrd", daemons.reflector_config(), "-g", "operators", files={"/etc/group": groups})
    # The file is its old group's, and the daemon became another before it read it.
    fails(daemon, rf"cannot be opened: Permission denied: user {UID} may not read it")
    os.chown(daemon.place, 0, OTHER_GID)
    os.chown(os.path.join(daemon.place, f"{daemon.name}.yaml"), 0, OTHER_GID)
    daemon.process = daemon.ns.start(daemon.process.argv, "again", ours=True)
    daemon.wait_until_ready()
    assert daemon.rights() == only(BIND, groups=(OTHER_GID,))


# A reload.

def test_a_reload_as_that_user_opens_a_low_port_a_key_file_and_another_socket(fig, reflector):
    fig.reflector.ip("address add 10.0.0.108/32 dev lo")
    key = reflector.file("key", KEY)
    config = reflector.with_changes(control={"socket": f"{reflector.sockets}/other.sock"})
    config["listen"] += [{"address": "10.0.0.108", "port": 179}, {"address": REFLECTOR, "port": 180}]
    config["dynamic-neighbors"][0]["password-file"] = key
    old = reflector.socket
    reflector.rewrite(config)
    reflector.config["control"] = config["control"]
    reflector.write()
    reflector.process.signal(signal.SIGHUP)
    reflector.socket = config["control"]["socket"]
    wait_until(lambda: os.path.exists(reflector.socket) and not os.path.exists(old), 10, "the control socket to have moved")
    assert reflector.status()["reload-error"] is None
    assert listens(fig, REFLECTOR, 180)
    pod = fig.add_pod()
    with pytest.raises((AssertionError, OSError)):
        bgp.Speaker(pod.ns, REFLECTOR, local=pod.address).open(timeout=1)
    assert reflector.rights() == only(BIND)


def test_a_reload_says_what_its_user_may_not_do(reflector):
    key = reflector.file("key", KEY, gid=0, mode=0o400)
    config = reflector.with_changes()
    config["dynamic-neighbors"][0]["password-file"] = key
    assert "key cannot be opened: Permission denied" in reflector.reload(config)["reload-error"]
    del config["dynamic-neighbors"][0]["password-file"]
    config["control"] = {"socket": "/run/elsewhere.sock"}
    assert f"user {UID} may not write to its directory" in reflector.reload(config)["reload-error"]


# A start that will not do says so at once.

def test_a_directory_where_the_user_may_not_write_is_told_at_the_start(fig):
    config = {**daemons.reflector_config(), "control": {"socket": "/run/control.sock"}}
    fails(started(fig.reflector, "rrd", config),
          rf"control socket /run/control\.sock: user {UID} may not write to its directory")


def test_a_key_that_root_alone_may_read_is_told_at_the_start(fig):
    make_directory("/run/keys", 0, 0, 0o700)
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["password-file"] = "/run/keys/key"
    fails(started(fig.reflector, "rrd", config), rf"/run/keys/key cannot be opened: Permission denied: user {UID} may not")


def test_a_user_that_is_not_there_is_told(fig):
    daemon = started(fig.reflector, "rrd", daemons.reflector_config(), user="nobody-of-that-name")
    fails(daemon, r'^rrd: -u nobody-of-that-name: there is no user "nobody-of-that-name" in /etc/passwd')


# The pid file.

def test_the_pid_file_is_roots_and_keeps_a_second_daemon_out(fig):
    path = "/run/rrd.pid"
    first = started(fig.reflector, "rrd", daemons.reflector_config(), "-P", path).wait_until_ready()
    # In the lab's namespace of processes it has another number.
    assert open(path).read().strip().isdigit()
    assert os.stat(path).st_uid == 0
    second = started(fig.reflector, "rrd", daemons.reflector_config(), "--pid-file", path, name="second")
    fails(second, rf"rrd: rrd is running already \(process \d+ holds {path}\)")
    # It may not remove what root has made, and leaves it without a number that an init script could kill.
    assert first.process.terminate() == 0
    assert open(path).read() == ""
    first.start().wait_until_ready()
    assert open(path).read().strip().isdigit()
