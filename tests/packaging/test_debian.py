"""The Debian packages: built from the release tarball, then the life of an installation in a Debian of its own, in the order that
an administrator meets it: installed, configured, run, upgraded, removed, purged. Each test goes on where the one before it ended.

    reflector 10.0.0.109 --- 172.16.0.1 | 172.16.0.2 load balancer: lb-announcer, lb-ipvs-agent
"""
import json
import os
import re
import subprocess

import pytest

from lab import debs
from lab.debs import NAMES
from lab.wait import wait_until

RRD_SOCKET = "/run/rrd/rrd.sock"
REFLECTOR, POD, NODE, SERVICE = "10.0.0.109", "172.16.0.2", "10.0.0.106", "10.1.1.0/24"
CONFFILES = {"rrd": {"rrd.conf"}, "lb-announcer": {"lb-announcer.conf", "lb-announcer-node.conf"}, "lb-ipvs-agent": {"lb-ipvs-agent.conf"},
             "rrctl": set()}
PROGRAMS = {"rrd": "/usr/sbin/rrd", "lb-announcer": "/usr/sbin/lb-announcer", "lb-ipvs-agent": "/usr/sbin/lb-ipvs-agent", "rrctl": "/usr/bin/rrctl"}
UNITS = {"rrd": {"rrd", "rrd-router"}, "lb-announcer": {"lb-announcer", "lb-announcer-node"}, "lb-ipvs-agent": {"lb-ipvs-agent"}, "rrctl": set()}
# Nobody has filed a bug at Debian that asks for these packages.
SUPPRESSED = ("initial-upload-closes-no-bugs",)
# What stays: the user (an administrator's files may be its own), and the lock of iptables, which is not ours to delete.
STAYS = {f"/etc/{n}{old}" for n in ("passwd", "group", "shadow", "gshadow") for old in ("", "-")} | {"/etc/.pwd.lock", "/run/xtables.lock"}


@pytest.fixture(scope="module")
def system(packages):
    this = debs.System(os.path.join(packages.directory, "system"), packages.needed())
    this.before = this.files()
    yield this
    this.remove()


def add(system, path, text):
    system.write(path, system.read(path) + text)


def test_the_packages_are_of_the_release(source, packages):
    with open(os.path.join(source.tree, "configure.ac")) as f:
        release = re.search(r"^AC_INIT\(\[rrd\], \[(.*)\]\)", f.read(), re.M).group(1)
    assert packages.version.rsplit("-", 1)[0] == release
    for name in NAMES:
        assert packages.field(name, "Version") == packages.version


def test_lintian_has_nothing_to_say(packages):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", ",".join(SUPPRESSED), packages.changes()],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_each_package_has_its_own(packages):
    """Program, manual pages, units; a configuration is what dpkg keeps as the administrator has it."""
    for name in NAMES:
        content = packages.content(name)
        assert content[PROGRAMS[name]] == ("-rwxr-xr-x", "root/root")
        assert {p for p in PROGRAMS.values() if p in content} == {PROGRAMS[name]}
        assert f"/usr/share/man/man8/{name}.8.gz" in content
        kept = set(packages.control_file(name, "conffiles").split())
        assert kept == {f"/etc/rrd/{n}" for n in CONFFILES[name]} == {p for p in content if p.startswith("/etc/rrd/")}
        assert {os.path.basename(p)[:-len(".service")] for p in content if p.endswith(".service")} == UNITS[name]
    shared = packages.content("rrctl")
    for path in ("/usr/lib/sysusers.d/rrd.conf", "/usr/lib/tmpfiles.d/rrd.conf", "/usr/share/bash-completion/completions/rrctl",
                 "/usr/share/zsh/vendor-completions/_rrctl", "/usr/share/doc/rrctl/guide.md.gz"):
        assert path in shared


def test_an_installation_brings_user_and_directory_and_starts_nothing(system, packages):
    system.install(packages)
    assert system.states() == {name: packages.version for name in NAMES}
    ids = dict(line.split(":")[0::2] for line in system.read("/etc/group").splitlines() if line.count(":") >= 2)
    st = os.stat(system.path("/etc/rrd"))
    assert (st.st_uid, str(st.st_gid), st.st_mode & 0o7777) == (0, ids["rrd"], 0o750)
    assert not [p for p in system.files() if p.startswith("/etc/systemd/") and "rrd" in p or ".wants/lb-" in p]
    for unit in set().union(*UNITS.values()):
        words = re.findall(r"^Exec\w+=(\S+)(?:.* -c (\S+))?", system.read(f"/lib/systemd/system/{unit}.service"), re.M)
        assert words and all(os.path.exists(system.path(path)) for pair in words for path in pair if path)


def test_the_programs_run_with_the_files_they_come_with(lab, system):
    """One thing an administrator must decide: without lb-ipvs-agent the announcer does not wait for its word."""
    conf = "/etc/rrd/lb-announcer.conf"
    system.write(conf, re.sub(r"^agent:", "# agent:", system.read(conf), flags=re.M))
    reflector, pod = lab.ns("reflector"), lab.ns("pod")
    lab.link(reflector, "eth0", pod, "eth0")
    reflector.ip(f"address add {REFLECTOR}/32 dev lo")
    reflector.ip("address add 172.16.0.1/24 dev eth0")
    pod.ip(f"address add {POD}/24 dev eth0")
    pod.ip(f"route add {REFLECTOR}/32 via 172.16.0.1")
    rrd = start(lab, system, reflector, "rrd")
    wait_until(lambda: rrctl(system, reflector, RRD_SOCKET, "status"), 10, "rrd to answer")
    announcer = start(lab, system, pod, "lb-announcer", {"POD_IP": POD, "HOST_IP": NODE})
    row = wait_until(lambda: rrctl(system, reflector, RRD_SOCKET, "routes")[0], 20, "the route")
    assert (row["prefix"], row["next-hop"]) == (SERVICE, NODE)
    assert pod.has_local_route(SERVICE)
    # Its drain is as the file has it: lowest weight, withdrawn 5 s later.
    assert announcer.terminate(20) == 0
    wait_until(lambda: not rrctl(system, reflector, RRD_SOCKET, "routes"), 10, "the route to be withdrawn")
    assert rrd.terminate() == 0


def start(lab, system, ns, program, env=None):
    """As its unit would: as user rrd, with its own file."""
    process = ns.start(system.command([PROGRAMS[program], "-u", "rrd"]), f"{program}-{ns.name}", env=env, ours=True)
    process.handles_term = True
    return process


def rrctl(system, ns, socket, *words):
    out = ns.run(system.command([PROGRAMS["rrctl"], "--socket", socket, "--json", "show", *words]))
    return [json.loads(line) for line in out.splitlines()]


def test_the_agent_checks_the_file_it_comes_with_and_says_what_the_kernel_lacks(lab, system):
    ns = lab.ns("lb")
    code, output = ns.result(system.command([PROGRAMS["lb-ipvs-agent"], "-u", "rrd", "-t"]))
    assert (code, output) == (0, "/etc/rrd/lb-ipvs-agent.conf: good\n")
    code, output = ns.result(system.command([PROGRAMS["lb-ipvs-agent"], "-u", "rrd", "--check"]))
    assert code == 1 and "its address 10.1.1.1 is not local here" in output
    if not os.path.exists("/proc/net/ip_vs"):
        assert 'problem: the kernel has no IPVS: run "modprobe ip_vs"' in output
        code, output = ns.result(system.command([PROGRAMS["lb-ipvs-agent"], "-u", "rrd"]))
        assert code == 1 and "error: IPVS: the kernel has no IPVS" in output


def test_an_upgrade_keeps_what_the_administrator_wrote(system, source, packages):
    """Four files, four cases: changed by the administrator, by the new version, by both, by neither."""
    etc, mine, theirs = "/etc/rrd", "# The administrator's.\n", "# The new version's.\n"
    add(system, f"{etc}/rrd.conf", mine)
    os.chmod(system.path(etc), 0o755)
    before = {name: system.read(f"{etc}/{name}") for name in set().union(*CONFFILES.values())}

    def change(tree):
        for sample in ("announcer", "node"):
            with open(os.path.join(tree, "etc", f"{sample}.conf"), "a") as f:
                f.write(theirs)
    newer = source.next_version(change)
    system.install(newer)
    assert system.states() == {name: newer.version for name in NAMES} and newer.version != packages.version
    after = {name: system.read(f"{etc}/{name}") for name in os.listdir(system.path(etc))}
    offered = after.pop("lb-announcer.conf.dpkg-dist")
    assert offered.endswith(theirs) and "\nagent: " in offered
    assert after == {**before, "lb-announcer-node.conf": before["lb-announcer-node.conf"] + theirs}
    assert os.stat(system.path(etc)).st_mode & 0o7777 == 0o755


def test_a_removal_leaves_the_configuration_and_a_purge_nothing(system):
    system.call("/usr/bin/dpkg", "--remove", *NAMES)
    assert set(system.states().values()) <= {"config-files"}
    left = system.files()
    assert not [p for p in PROGRAMS.values() if p in left]
    assert system.read("/etc/rrd/rrd.conf").endswith("# The administrator's.\n")
    system.call("/usr/bin/dpkg", "--purge", *NAMES)
    assert not system.states()
    left = system.files()
    changed = {path for path in {*left, *system.before} if left.get(path) != system.before.get(path)}
    assert not sorted(changed - STAYS)
    assert [line for line in system.read("/etc/passwd").splitlines() if line.startswith("rrd:")]
