"""TCP-MD5 is armed: who does not sign, or signs with another key, is not answered at all.

    reflector (rrd) ==== node network ==== n1 -- a pod, which is a neighbor by address or one of a range
                                     ==== router (rrd)
"""
import os

import pytest

from lab import daemons, tcp
from lab.fig4 import REFLECTOR, REFLECTOR6, ROUTER
from lab.wait import wait_until

RANGE, NEIGHBOR = "key of the range", "key of the neighbor"


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def remote(request):
    return REFLECTOR if request.param == 4 else REFLECTOR6


def keyed_config(fig, **more):
    config = daemons.reflector_config(address6=REFLECTOR6)
    config["peer-groups"]["k8s"]["password"] = RANGE
    config.update(more)
    return config


@pytest.fixture(params=["range", "neighbor"])
def keyed(request, fig, remote):
    """(the reflector, a pod, its key): ranges have a key by their group, and one pod has its own within the range."""
    pod = fig.add_pod(1)
    config = keyed_config(fig)
    if request.param == "neighbor":
        config["neighbors"] += [{"address": a, "peer-group": "k8s", "password": NEIGHBOR} for a in (pod.address, pod.address6)]
    daemon = daemons.reflector(fig, config).wait_until_ready()
    return daemon, pod, NEIGHBOR if request.param == "neighbor" else RANGE


def ignored(fig, pod, remote, counter, password=None):
    """Knocks, and waits until the reflector's kernel has thrown away the SYN and the next try a second later: the counter tells."""
    before = fig.reflector.counter(counter)
    sock = tcp.knock(pod.ns, remote, pod.at(remote), password)
    wait_until(lambda: fig.reflector.counter(counter) >= before + 2, 10, f"{counter} to count two SYNs")
    return tcp.state(sock) == tcp.SYN_SENT


def test_an_unsigned_syn_gets_no_answer(fig, keyed, remote):
    _, pod, _ = keyed
    assert ignored(fig, pod, remote, "TcpExtTCPMD5NotFound")


def test_a_wrongly_signed_syn_gets_no_answer(fig, keyed, remote):
    daemon, pod, key = keyed
    assert ignored(fig, pod, remote, "TcpExtTCPMD5Failure", "another key")
    # Nor does the key of the range help the neighbor that has its own, or the other way round.
    assert ignored(fig, pod, remote, "TcpExtTCPMD5Failure", RANGE if key == NEIGHBOR else NEIGHBOR)
    assert daemon.state(pod.at(remote)) in (None, "active", "connect")


def test_the_right_key_opens(fig, keyed, remote):
    daemon, pod, key = keyed
    speaker = pod.speaker(remote, password=key).establish()
    daemon.wait_established(pod.at(remote))
    speaker.announce("10.1.7.0/24", pod.node.address)
    wait_until(lambda: daemon.neighbors()[pod.at(remote)]["received"] == 1, 5, "a signed route to come in")


def test_a_password_is_shown_as_set_and_nowhere_else(fig, keyed, remote):
    daemon, pod, key = keyed
    pod.speaker(remote, password=key).establish()
    daemon.wait_established(pod.at(remote))
    sheet = daemon.ctl("--json", "show", "neighbor", pod.at(remote))
    assert '"password":"(set)"' in sheet.replace(" ", "")
    shown = sheet + "".join(daemon.ctl("--json", "show", *what.split()) for what in ("neighbors", "ranges", "status", "memory"))
    shown += daemon.ctl("metrics") + daemon.log()
    assert key not in shown


def test_both_sides_of_rrd_and_an_announcer_with_a_file(fig):
    path = fig.lab.file("key", NEIGHBOR + "\n")
    config = daemons.reflector_config()
    config["peer-groups"]["routers"]["password"] = NEIGHBOR
    config["dynamic-neighbors"][0]["password"] = RANGE
    reflector = daemons.reflector(fig, config).wait_until_ready()
    config = daemons.router_config()
    # The one that connects has it from a file, which others may not read.
    os.chmod(path, 0o600)
    config["neighbors"][0]["password-file"] = path
    router = daemons.router(fig, config)
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["neighbors"][0]["password"] = RANGE
    daemons.announcer(pod, config=config)
    reflector.wait_established(ROUTER, pod.address)
    assert NEIGHBOR not in router.log()
    wait_until(lambda: fig.hops() == {"n1": 1}, 10, "the route in the router's kernel")


def test_the_announcer_gets_nowhere_with_a_wrong_key(fig):
    daemons.reflector(fig, keyed_config(fig)).wait_until_ready()
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["neighbors"][0]["password"] = "another key"
    announcer = daemons.announcer(pod, config=config).wait_until_ready()
    wait_until(lambda: fig.reflector.counter("TcpExtTCPMD5Failure") >= 2, 10, "two wrongly signed SYNs")
    assert announcer.state(REFLECTOR) in ("connect", "active")


def test_too_many_keys_for_the_kernel_are_fatal_and_name_the_remedy(fig):
    try:
        fig.reflector.sysctl("net/core/optmem_max", 2048)
    except OSError:
        pytest.skip("net.core.optmem_max is not a namespace's own here")
    config = daemons.reflector_config()
    config["neighbors"] += [{"address": f"10.0.3.{i}", "password": f"key {i}", "passive": True} for i in range(1, 100)]
    daemon = daemons.Daemon(fig.reflector, "rrd", config)
    daemon.process.expected_codes.add(1)
    assert daemon.process.wait() == 1
    assert "net.core.optmem_max" in daemon.log()
    assert "neighbor 10.0.3." in daemon.log()
    assert "key 1" not in daemon.log()
