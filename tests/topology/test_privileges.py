"""A daemon that root starts and that becomes somebody else: what it may do from then on is what it needs, at a reload as at the start.

    router (rrd, user nobody) -- reflector (rrd, user nobody) -- pod speakers (test) on n1, n2, n3
"""
import copy
import os
import pwd
import signal

import pytest

from lab import bgp, daemons
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import wait_until

USER = "nobody"
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
OTHER_GID, KEY = 60123, "correct horse battery staple"
BIND, ADMIN, RAW = 1 << 10, 1 << 12, 1 << 13


class Unprivileged(daemons.Daemon):
    """Started by root, with a place of its own for its files, which it may read, and one for sockets, where it may write."""

    def __init__(self, ns, program, config, *arguments, name=None, user=USER, **more):
        name = name or f"{program}-{ns.name}"
        self.place, self.sockets = f"/run/{name}-etc", f"/run/{name}"
        make_directory(self.place, 0, GID, 0o750)
        make_directory(self.sockets, UID, GID, 0o755)
        config = {"control": {"socket": f"{self.sockets}/control.sock"}, **config}
        super().__init__(ns, program, config, name=name, arguments=["-u", user, *arguments], **more)

    def start(self):
        self.socket = self.config["control"]["socket"]
        return super().start()

    def write(self):
        return self.file(f"{self.name}.yaml", daemons.dump(self.config))

    def file(self, name, text, uid=0, gid=GID, mode=0o640):
        """A file in its place, which it may read unless mode says otherwise."""
        path = os.path.join(self.place, name)
        with open(path + ".new", "w", opener=lambda p, flags: os.open(p, flags, mode)) as f:
            f.write(text)
        os.chown(path + ".new", uid, gid)
        os.rename(path + ".new", path)
        return path

    def with_changes(self, **more):
        return {**copy.deepcopy(self.config), **more}

    def rights(self):
        return rights(self.process)


def make_directory(path, uid, gid, mode):
    os.makedirs(path, exist_ok=True)  # an earlier test of this process may have left it
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def rights(process):
    """What /proc says that a process may do."""
    with open(f"/proc/{process.pid}/status") as f:
        rows = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    sets = {name: int(rows[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return {"uids": set(map(int, rows["Uid"].split())), "gids": set(map(int, rows["Gid"].split())),
            "groups": set(map(int, rows["Groups"].split())), "no-new-privs": rows["NoNewPrivs"] == "1", **sets}


def only(capabilities, groups=(GID,), bounding=None):
    return {"uids": {UID}, "gids": {groups[0]}, "groups": set(groups), "no-new-privs": True, "CapInh": capabilities,
            "CapPrm": capabilities, "CapEff": capabilities, "CapBnd": capabilities if bounding is None else bounding, "CapAmb": 0}


@pytest.fixture
def reflector(fig):
    return Unprivileged(fig.reflector, "rrd", daemons.reflector_config()).wait_until_ready()


def listens(fig, address, port):
    with fig.client.socket() as sock:
        sock.settimeout(5)
        return sock.connect_ex((address, port)) == 0


def fails(daemon, pattern):
    """It ends at once and says so, in these words."""
    daemon.process.expected_codes = {1}
    daemon.process.wait_for_log(pattern)
    assert daemon.process.wait() == 1


# What is kept.

def test_a_reflector_keeps_the_low_ports_alone(reflector):
    assert reflector.rights() == only(BIND)


def test_a_router_keeps_the_routes_too_and_writes_them(fig, reflector):
    router = Unprivileged(fig.router, "rrd", daemons.router_config())
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
    daemon = Unprivileged(fig.reflector, "rrd", daemons.reflector_config(), prefix=give).wait_until_ready()
    # The bounding set is the giver's: what it lets through nobody can gain any more.
    assert daemon.rights() == only(BIND, groups=(GID,), bounding=BIND | ADMIN) | {"groups": set()}


def test_an_announcer_makes_its_local_route(fig, reflector):
    pod = fig.add_pod()
    announcer = Unprivileged(pod.ns, "lb-announcer", daemons.announcer_config(pod)).wait_established(REFLECTOR)
    assert pod.ns.ip_json(f"-4 route show table local {SERVICE}")
    assert announcer.rights() == only(ADMIN)
    assert announcer.process.terminate() == 0
    assert not pod.ns.ip_json(f"-4 route show table local {SERVICE}")


def test_the_nodes_routes_need_nothing_more(fig):
    node = fig.nodes[0]
    node.ns.sysctl("net/ipv4/fib_multipath_hash_policy", 0)

    class Node(Unprivileged):
        role = ("--node",)

    daemon = Node(node.ns, "lb-announcer", {"node": {"socket": "/run/node/registry.sock", "services": ["10.1.0.0/16"],
                                                    "pods": [node.overlay], "sysctls": "set"}}, name="node")
    daemon.wait_until_ready()
    assert daemon.rights() == only(ADMIN)
    # A setting under /proc/sys/net is written with CAP_NET_ADMIN, whoever owns the file.
    wait_until(lambda: node.ns.sysctl("net/ipv4/fib_multipath_hash_policy") == "3", 10, "the setting to be made")


def test_the_user_keeps_the_groups_it_is_a_member_of(lab, fig):
    groups = lab.file("group", f"nogroup:x:{GID}:\noperators:x:{OTHER_GID}:somebody,{USER}\nstrangers:x:60124:somebody\n")
    config = daemons.reflector_config()
    config["control"] = {"socket": "/run/rrd-reflector/control.sock", "group": "operators"}
    daemon = Unprivileged(fig.reflector, "rrd", config, files={"/etc/group": groups}).wait_until_ready()
    assert daemon.rights() == only(BIND, groups=(GID, OTHER_GID))
    assert os.stat(daemon.socket).st_gid == OTHER_GID
    # A reload gives it to nobody the user does not belong to.
    config["control"]["group"] = "strangers"
    assert f"user {UID} is no member of the group" in daemon.reload(config)["reload-error"]
    assert os.stat(daemon.socket).st_gid == OTHER_GID


def test_another_group_may_be_named(lab, fig):
    groups = lab.file("group", f"nogroup:x:{GID}:\noperators:x:{OTHER_GID}:\n")
    daemon = Unprivileged(fig.reflector, "rrd", daemons.reflector_config(), "-g", "operators", files={"/etc/group": groups})
    # The file is its old group's, and the daemon became another before it read it.
    fails(daemon, r"cannot be opened: Permission denied")
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
    fails(Unprivileged(fig.reflector, "rrd", config),
          rf"control socket /run/control\.sock: user {UID} may not write to its directory")


def test_a_key_that_root_alone_may_read_is_told_at_the_start(fig):
    make_directory("/run/keys", 0, 0, 0o700)
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["password-file"] = "/run/keys/key"
    fails(Unprivileged(fig.reflector, "rrd", config), r"/run/keys/key cannot be opened: Permission denied")


def test_a_user_that_is_not_there_is_told(fig):
    daemon = Unprivileged(fig.reflector, "rrd", daemons.reflector_config(), user="nobody-of-that-name")
    fails(daemon, r'^rrd: -u nobody-of-that-name: there is no user "nobody-of-that-name" in /etc/passwd')


# The pid file.

def test_the_pid_file_is_roots_and_keeps_a_second_daemon_out(fig):
    path = "/run/rrd.pid"
    first = Unprivileged(fig.reflector, "rrd", daemons.reflector_config(), "-P", path).wait_until_ready()
    # In the lab's namespace of processes it has another number.
    assert open(path).read().strip().isdigit()
    assert os.stat(path).st_uid == 0
    second = Unprivileged(fig.reflector, "rrd", daemons.reflector_config(), "--pid-file", path, name="second")
    fails(second, rf"rrd: rrd is running already \(process \d+ holds {path}\)")
    # It may not remove what root has made, and leaves it without a number that an init script could kill.
    assert first.process.terminate() == 0
    assert open(path).read() == ""
    first.start().wait_until_ready()
    assert open(path).read().strip().isdigit()
