"""The image's file system, made from the packages by the script that the Containerfile runs, and the programs in it as containers.

    reflector 172.16.0.1 --- 172.16.0.2 pod: lb-announcer, lb-ipvs-agent
"""
import os
import re
import stat

import pytest

from lab import daemons, fig4
from lab.daemons import TOP
from lab.image import UID, Image, Pod
from lab.unprivileged import ADMIN, BIND, rights

CONTAINER = os.path.join(TOP, "contrib", "container")
REFLECTOR, POD, NODE, SERVICE = "172.16.0.1", "172.16.0.2", "10.0.0.106", "10.1.1.0/24"
PROGRAMS = ("/usr/sbin/rrd", "/usr/sbin/lb-announcer", "/usr/sbin/lb-ipvs-agent", "/usr/bin/rrctl")
HAS_IPVS = os.path.exists("/proc/net/ip_vs")
MB = 1000 * 1000


@pytest.fixture(scope="module")
def image(packages):
    this = Image(packages, os.path.join(packages.directory, "image"))
    yield this
    this.remove()


@pytest.fixture
def pair(lab, image):
    """Two pods that see each other."""
    reflector, pod = lab.ns("reflector"), lab.ns("pod")
    lab.link(reflector, "eth0", pod, "eth0")
    reflector.ip(f"address add {REFLECTOR}/24 dev eth0")
    pod.ip(f"address add {POD}/24 dev eth0")
    return Pod(lab, image, reflector), Pod(lab, image, pod)


def announcer_config(**more):
    return {"router": {"as": fig4.AS}, "neighbors": [{"address": REFLECTOR, "peer-as": fig4.AS}],
            "services": [{"prefix": SERVICE, "next-hop": "auto"}], "drain": {"time": 0, "linger": 0}, **more}


def text_of(*parts):
    with open(os.path.join(*parts)) as f:
        return f.read()


def told_size(what):
    row = re.search(rf"^\| {re.escape(what)} \| (\d+) MB \|$", text_of(CONTAINER, "README.md"), re.M)
    return int(row.group(1)) * MB


def test_the_image_holds_the_programs_and_little_else(image):
    for at, directories, names in os.walk(image.directory):
        for name in directories + names:
            st = os.lstat(os.path.join(at, name))
            assert stat.S_ISLNK(st.st_mode) or not st.st_mode & 0o7022, name
    assert {f"/usr/{d}/{n}" for d in ("bin", "sbin") for n in os.listdir(f"{image.directory}/usr/{d}")} == set(PROGRAMS)
    assert image.size() == pytest.approx(told_size("all four programs"), rel=0.1)


def test_it_tells_whose_each_library_is(image):
    status = os.path.join(image.directory, "var", "lib", "dpkg", "status.d")
    assert {"libc6", "libcurl4", "rrd", "lb-announcer", "lb-ipvs-agent", "rrctl"} <= set(os.listdir(status))
    for package in os.listdir(status):
        assert re.search(rf"^Package: {re.escape(package)}\n(.*\n)*Version: \S", text_of(status, package), re.M)
        assert os.path.exists(f"{image.directory}/usr/share/doc/{package}/copyright"), package


def test_the_containerfile_makes_this_and_runs_as_this_user(image):
    text = text_of(CONTAINER, "Containerfile")
    assert "contrib/container/make-root" in text and f"\nUSER {UID}:{UID}\n" in text
    assert f"rrd:x:{UID}:{UID}:" in text_of(image.directory, "etc", "passwd")


def test_a_smaller_image_for_one_role(packages, lab):
    image = Image(packages, os.path.join(packages.directory, "image-announcer"), ("rrctl", "lb-announcer"))
    try:
        pod = Pod(lab, image, lab.ns("pod"))
        assert pod.result("/usr/sbin/lb-announcer", "--version")[0] == 0
        assert image.size() == pytest.approx(told_size("`rrctl rrd`, or `rrctl lb-announcer`"), rel=0.1)
    finally:
        image.remove()


def test_an_image_for_services_that_masquerade(packages, lab, image):
    told = "apt-get install iptables"
    nat = text_of(TOP, "etc", "ipvs-agent-nat.conf")
    other = Image(packages, os.path.join(packages.directory, "image-nat"), extra=("iptables",))
    try:
        outputs = []
        for this, name in ((image, "plain"), (other, "nat")):
            pod = Pod(lab, this, lab.ns(name))
            pod.configure("lb-ipvs-agent", nat)
            outputs.append(pod.result("/usr/sbin/lb-ipvs-agent", "--check", capabilities=["net_admin", "net_raw"])[1])
        assert told in outputs[0] and told not in outputs[1]
        assert pod.result("/usr/sbin/iptables", "--version")[0] == 0
        assert other.size() == pytest.approx(told_size("all four, with iptables"), rel=0.1)
    finally:
        other.remove()


def test_every_program_runs_without_any_right(pair):
    for program in PROGRAMS:
        code, output = pair[0].result(program, "--version")
        assert code == 0 and output.startswith(os.path.basename(program))


def test_a_pod_announces_to_a_reflector(pair):
    reflector, pod = pair
    reflector.configure("rrd", daemons.reflector_config(routers=(), address=REFLECTOR))
    rrd = reflector.start("rrd", ["net_bind_service"])
    reflector.wait_for("status", fact=bool)
    pod.configure("lb-announcer", announcer_config())
    announcer = pod.start("lb-announcer", ["net_admin"], {"POD_IP": POD, "HOST_IP": NODE})
    route, = reflector.wait_for("routes", fact=bool)
    assert (route["prefix"], route["next-hop"]) == (SERVICE, NODE)
    assert pod.ns.has_local_route(SERVICE)
    pod.wait_for("-a", "services", fact=lambda rows: rows[0]["service"] == SERVICE)
    for process, wanted in ((rrd, BIND), (announcer, ADMIN)):
        found = rights(process)
        assert found["uids"] == {UID} and found["no-new-privs"] and found["groups"] <= {UID}
        assert (found["CapPrm"], found["CapEff"], found["CapBnd"], found["CapAmb"]) == (wanted, wanted, wanted, 0)
    assert announcer.terminate() == 0
    reflector.wait_for("routes", fact=lambda rows: not rows)
    assert not pod.ns.has_local_route(SERVICE)
    assert rrd.terminate() == 0


@pytest.mark.parametrize("user", [0, 65021])
def test_any_other_user_does_as_well(lab, image, user):
    reflector = Pod(lab, image, lab.ns("other"), user=user)
    reflector.ns.ip(f"address add {REFLECTOR}/32 dev lo")
    reflector.configure("rrd", daemons.reflector_config(routers=(), address=REFLECTOR))
    process = reflector.start("rrd", ["net_bind_service"])
    reflector.wait_for("status", fact=bool)
    found = rights(process)
    assert (found["uids"], found["CapEff"], found["CapBnd"]) == ({user}, BIND, BIND)


def test_what_the_container_was_not_given_is_told(pair):
    reflector, _ = pair
    reflector.ns.sysctl("net/ipv4/ip_unprivileged_port_start", 1024)
    reflector.configure("rrd", daemons.reflector_config(routers=(), address=REFLECTOR))
    code, output = reflector.result("/usr/sbin/rrd")
    assert code == 1 and "CAP_NET_BIND_SERVICE" in output
    code, output = reflector.result("/usr/sbin/lb-announcer")
    assert code == 1 and "/etc/rrd/lb-announcer.conf" in output


def test_the_agent_says_what_its_kernel_lacks(pair):
    _, pod = pair
    pod.configure("lb-ipvs-agent", text_of(TOP, "etc", "ipvs-agent.conf"))
    assert pod.result("/usr/sbin/lb-ipvs-agent", "-t") == (0, "/etc/rrd/lb-ipvs-agent.conf: good\n")
    code, output = pod.result("/usr/sbin/lb-ipvs-agent", "--check", capabilities=["net_admin"])
    assert code == 1 and "its address 10.1.1.1 is not local here" in output and "CAP_NET_ADMIN" not in output
    if not HAS_IPVS:
        assert 'problem: the kernel has no IPVS: run "modprobe ip_vs"' in output
        code, output = pod.result("/usr/sbin/lb-ipvs-agent", capabilities=["net_admin"])
        assert code == 1 and "error: IPVS: the kernel has no IPVS" in output


@pytest.mark.skipif(not HAS_IPVS, reason="the kernel has no IPVS: tests/ipvs/guest has one")
def test_a_whole_load_balancer(pair):
    """Two containers that share a network and the directory of their sockets: the announcer follows the agent's word."""
    reflector, pod = pair
    reflector.configure("rrd", daemons.reflector_config(routers=(), address=REFLECTOR))
    reflector.start("rrd", ["net_bind_service"])
    pod.configure("lb-ipvs-agent", {"services": [{"name": "web", "address": "10.1.1.1", "port": 80, "forward": "nat", "scheduler": "rr",
                                                  "source": {"servers": [{"address": REFLECTOR}]}}]})
    agent = pod.start("lb-ipvs-agent", ["net_admin"])
    pod.configure("lb-announcer", announcer_config(agent={"socket": "/run/rrd/lb-ipvs-agent.sock", "grace": 1}))
    pod.start("lb-announcer", ["net_admin"], {"POD_IP": POD, "HOST_IP": NODE})
    reflector.wait_for("routes", fact=bool)
    pod.wait_for("-i", "servers", fact=bool)
    with pod.ns.entered(), open("/proc/thread-self/net/ip_vs") as f:
        assert "TCP  0A010101:0050 rr" in f.read()
    assert rights(agent)["CapEff"] == ADMIN and rights(agent)["uids"] == {UID}
    assert agent.terminate() == 0
    reflector.wait_for("routes", fact=lambda rows: not rows)
