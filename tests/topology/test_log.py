"""The log: what it tells of a neighbor that somebody looks at, where it goes, and what happens when nobody takes it.

    router (rrd) ==== node network ==== reflector (rrd) -- pods with a speaker of the test
"""
import fcntl
import json
import os
import re
import socket

import pytest

from lab import daemons, fig4
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.tool import not_under_a_tool
from lab.wait import wait_until


def ctl(daemon, *words):
    return daemon.ns.result([daemons.binary("rrctl"), "--socket", daemon.socket, *words])


def lines_about(daemon, address, word=""):
    return re.findall(f"^.*neighbor {re.escape(address)}[ :].*{word}.*$", daemon.log(), re.M)


def test_one_neighbor_is_looked_at_and_no_other(fig, reflector):
    first, second = fig.add_pod(1), fig.add_pod(2)
    reflector.ctl("log", "debug", first.address)
    assert reflector.show("log")[0]["debug-neighbors"] == [f"{first.address}/32"]
    speaker, other = first.speaker().establish(), second.speaker().establish()
    about = f"neighbor {re.escape(first.address)} \\(k8s\\): "
    reflector.wait_for_log(f"debug: {about}received OPEN, [0-9]+ octets: AS {fig4.AS}, id ")
    reflector.wait_for_log(f"debug: {about}sent OPEN, [0-9]+ octets: AS {fig4.AS}, id {REFLECTOR}, hold time 9 s")
    reflector.wait_for_log(f"debug: {about}agreed on: hold time 9 s, ipv4-unicast")
    reflector.wait_for_log(f"debug: {about}its connection: OpenSent -> OpenConfirm by ")
    speaker.announce([SERVICE, "10.9.0.0/24"], first.node.address)
    other.announce([SERVICE], second.node.address)
    reflector.wait_for_log(f"{about}received UPDATE: announces 2 ipv4-unicast {SERVICE} 10.9.0.0/24, "
                           f"next hop {first.node.address}, origin igp")
    reflector.wait_for_log(f"debug: {about}route 10.9.0.0/24 refused: ")
    wait_until(lambda: len(reflector.show("routes")) == 2, what="both paths in the table")
    assert not lines_about(reflector, second.address, "UPDATE")

    reflector.ctl("log", "debug", first.address, "off")
    assert reflector.show("log")[0]["debug-neighbors"] == []
    speaker.announce(["10.1.7.0/24"], first.node.address)
    wait_until(lambda: len(reflector.show("routes")) == 3, what="the third path")
    assert "10.1.7.0/24" not in reflector.log()
    code, said = ctl(reflector, "log", "debug", first.address, "off")
    assert code == 1 and f"{first.address}/32 as such is not debugged" in said


def test_what_is_sent_is_told_in_words(system):
    system.reflector.ctl("log", "debug", "10.0.0.0/16")
    pod = system.fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce([SERVICE], pod.node.address)
    about = f"neighbor {re.escape(ROUTER)} \\(routers\\): "
    system.reflector.wait_for_log(f"{about}sent UPDATE: announces 1 ipv4-unicast {SERVICE} id [0-9]+, next hop "
                                  f"{pod.node.address}, .*originator .*, clusters {REFLECTOR}")
    speaker.withdraw([SERVICE])
    system.reflector.wait_for_log(f"{about}sent UPDATE: withdraws 1 ipv4-unicast {SERVICE} id ")
    system.reflector.wait_for_log(f"{about}received KEEPALIVE, 19 octets")


def test_the_configuration_says_who_is_looked_at_and_a_reload_brings_it_back(fig):
    config = daemons.reflector_config()
    config["log"]["debug-neighbors"] = ["172.16.0.0/16"]
    daemon = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    pod.speaker().establish()
    daemon.wait_for_log(f"neighbor {pod.address} .*agreed on")
    daemon.ctl("log", "debug", "all", "off")
    daemon.ctl("log", "level", "error")
    assert daemon.show("log")[0]["level"] == "error"
    daemon.reload(config)
    assert daemon.show("log")[0]["debug-neighbors"] == ["172.16.0.0/16"]
    assert daemon.show("log")[0]["level"] == "debug"
    config["log"]["debug-neighbors"] = []
    daemon.reload(config)
    daemon.wait_for_log(r"reload: log\.debug-neighbors 172\.16\.0\.0/16 -> none")
    assert daemon.show("log")[0]["debug-neighbors"] == []


def test_an_announcer_tells_of_its_reflector(system):
    pod = system.add_announcer(1)
    system.wait_for_hops(["n1"])
    pod.daemon.ctl("log", "debug", "all")
    system.reflector.ctl("clear", "neighbor", pod.address)
    pod.daemon.wait_for_log(f"neighbor {REFLECTOR}: received NOTIFICATION, .* octets: Cease/Administrative Reset")
    pod.daemon.wait_for_log(f"neighbor {REFLECTOR}: sent UPDATE: announces 1 ipv4-unicast {SERVICE}")
    assert pod.daemon.ctl("log", "level", "warning").split() == ["was:", "debug", "level:", "warning"]


def test_a_reload_of_an_announcer_tells_whom_to_look_at(system):
    pod = system.add_announcer(1)
    system.wait_for_hops(["n1"])
    config = dict(pod.daemon.config, log={"to": "stderr", "debug-neighbors": [REFLECTOR]})
    pod.daemon.reload(config)
    pod.daemon.wait_for_log(f"neighbor {REFLECTOR}: received KEEPALIVE")
    assert pod.daemon.state(REFLECTOR) == "established"
    assert pod.daemon.show("log")[0]["level"] == "info"


# Nobody takes the lines.

def with_stderr(fig, redirection):
    """A router whose stderr is what the shell makes of it."""
    config = daemons.router_config()
    config["neighbors"].append({"address": "10.0.250.1", "peer-group": "reflectors"})
    return daemons.Daemon(fig.router, "rrd", config, prefix=("sh", "-c", f'exec "$@" {redirection}', "sh"))


def talk_until_lost(daemon):
    """Much to tell, until not even the queue takes more: the answer to each request is a line of the log."""
    requests = "".join(json.dumps({"command": "log level", "level": level}) + "\n" for level in ["info", "debug"] * 8)
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(20)
        wait_until(lambda: control.connect(daemon.socket) is None, what="a connection to the control socket")
        answers = control.makefile()

        def fact():
            control.sendall(requests.encode())
            ends = 0
            while ends < 16:
                ends += '"end"' in answers.readline()
            return daemon.show("log")[0]["lines-lost"]
        return wait_until(fact, 60, "lines to be lost", poll_s=0)


def read_all(fd):
    out = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            return out.decode()
        if not piece:
            return out.decode()
        out += piece


def small_pipe(lab, name):
    path = os.path.join(lab.directory, name)
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
    return path, fd


def test_a_reader_that_has_stopped_costs_lines_and_nothing_else(fig):
    path, fd = small_pipe(fig.lab, "stderr")
    reflector = daemons.reflector(fig)
    router = with_stderr(fig, f"2>{path}")
    reflector.wait_established(ROUTER)
    assert talk_until_lost(router) > 0
    # It goes on: a session comes, its route is installed, and it can be asked.
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce([SERVICE], pod.node.address)
    wait_until(lambda: fig.hops() == {"n1": 1}, what="the route in the kernel")
    assert router.status()["log-lines-lost"] > 0
    assert re.search(r"^rrd_log_lines_lost_total [1-9]", router.ctl("metrics"), re.M)
    assert router.show("log")[0]["lines-waiting"] > 0
    # Somebody reads again: what was kept comes, and how many are missing.
    got = ""

    def told():
        nonlocal got
        got += read_all(fd)
        return re.search(r"warning: ([0-9]+) lines? lost here", got)
    lost = int(wait_until(told, what="the line that tells of lost lines").group(1))
    assert lost > 0
    wait_until(lambda: told() and router.show("log")[0]["lines-waiting"] == 0, what="all lines to be out")
    assert all(re.match(r"\d{4}-\d\d-\d\d \S+ rrd\[\d+\] [a-z]+: ", line) for line in got.splitlines())
    os.close(fd)


def test_a_full_disk(fig):
    reflector = daemons.reflector(fig)
    router = with_stderr(fig, "2>/dev/full")
    reflector.wait_established(ROUTER)
    assert talk_until_lost(router) > 0
    pod = fig.add_pod(1)
    pod.speaker().establish().announce([SERVICE], pod.node.address)
    wait_until(lambda: fig.hops() == {"n1": 1}, what="the route in the kernel")


@not_under_a_tool("the tool writes there too, and takes the number")
def test_without_stderr_no_line_gets_into_what_has_its_number(fig):
    reflector = daemons.reflector(fig)
    router = with_stderr(fig, "0<&- 1>&- 2>&-")
    reflector.wait_established(ROUTER)
    assert os.readlink(f"/proc/{router.process.pid}/fd/2") == "/dev/null"
    assert router.show("log")[0]["lines-lost"] == 0


# Where they go, and how.

def test_lines_of_json(fig):
    config = daemons.reflector_config()
    config["log"]["format"] = "json"
    daemon = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(["10.9.0.0/24"], pod.node.address)
    daemon.wait_for_log("route-refused")
    speaker.close()
    daemon.wait_for_log("neighbor-down")
    rows = [json.loads(line) for line in daemon.log().splitlines()]
    by_event = {row.get("event"): row for row in rows}
    assert by_event["neighbor-up"]["neighbor"] == pod.address
    assert by_event["neighbor-up"]["peer-group"] == "k8s"
    assert by_event["neighbor-up"]["level"] == "info"
    assert by_event["route-refused"]["prefix"] == "10.9.0.0/24"
    assert by_event["neighbor-down"]["message"].startswith(f"neighbor {pod.address} (k8s): down: ")


class Journal:
    """What takes the place of systemd's in the world of the test."""

    PATH = "/run/systemd/journal/socket"

    def __init__(self):
        os.makedirs(os.path.dirname(self.PATH), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.PATH)
        self.socket.setblocking(False)
        self.entries = []

    def read(self):
        while True:
            try:
                octets = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self.entries
            self.entries.append(dict(line.split("=", 1) for line in octets.splitlines()))

    def wait_for(self, **fields):
        def fact():
            return next((e for e in self.read() if fields.items() <= e.items()), None)
        return wait_until(fact, what=f"an entry with {fields}")

    def close(self):
        self.socket.close()
        os.unlink(self.PATH)


@pytest.fixture
def journal(lab):
    this = Journal()
    yield this
    this.close()


def test_fields_for_the_journal_which_is_found_by_itself(fig, journal):
    config = daemons.reflector_config()
    config["log"] = {"level": "info"}
    # As systemd tells who is started with the journal as its stderr.
    connected = 'JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr) exec "$@"'
    daemon = daemons.Daemon(fig.reflector, "rrd", config, prefix=("sh", "-c", connected, "sh")).wait_until_ready()
    pod = fig.add_pod(1)
    pod.speaker().establish()
    entry = journal.wait_for(EVENT="neighbor-up", NEIGHBOR=pod.address)
    assert entry["PEER_GROUP"] == "k8s" and entry["PRIORITY"] == "6" and entry["SYSLOG_IDENTIFIER"] == "rrd"
    assert entry["MESSAGE"].startswith(f"neighbor {pod.address} (k8s): up, AS {fig4.AS}")
    assert daemon.show("log")[0]["target"] == "journal"
    assert pod.address not in daemon.log()


def test_a_journal_that_does_not_read_holds_nobody_and_one_that_is_gone_is_told_on_stderr(fig, journal):
    config = daemons.reflector_config()
    config["log"]["to"] = "journal"
    daemon = daemons.reflector(fig, config).wait_until_ready()
    assert talk_until_lost(daemon) > 0
    pod = fig.add_pod(1)
    pod.speaker().establish().announce([SERVICE], pod.node.address)
    wait_until(lambda: len(daemon.show("routes")) == 1, what="the path in the table")
    assert daemon.log() == ""

    def told():
        return any(e.get("EVENT") == "log-lines-lost" for e in journal.read())
    wait_until(told, what="the entry that tells of lost lines")
    journal.socket.close()
    daemon.ctl("log", "level", "info")
    daemon.wait_for_log("log level: debug -> info")
    assert daemon.show("log")[0]["fallback"]


def test_what_is_none_is_refused(fig, reflector):
    code, said = ctl(reflector, "log", "level", "loud")
    assert code == 2 and '"loud" is not understood here; only error|warning|info|debug are' in said
    code, said = ctl(reflector, "log", "debug", "172.16.0.0.1")
    assert code == 2 and "is neither an address nor a prefix, nor all" in said
    assert reflector.show("log")[0]["level"] == "debug"
