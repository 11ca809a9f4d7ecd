"""rrctl's answers, from a running system, and what the programs say about themselves and their files.

    router (rrd) ==== node network ==== reflector (rrd) -- a pod on n1 and one on n2 (lb-announcer)
"""
import fcntl
import glob
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from lab import daemons, fig4
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import wait_until


@pytest.fixture
def two(system):
    system.pods = [system.add_announcer(1), system.add_announcer(2)]
    system.wait_for_hops(["n1", "n2"])
    return system


def test_show_neighbors_has_a_row_for_each(two):
    rows = two.reflector.neighbors()
    assert set(rows) == {ROUTER, *[p.address for p in two.pods]}
    assert all(r["state"].lower() == "established" for r in rows.values()), rows
    text = two.reflector.ctl("show", "neighbors")
    assert all(address in text for address in rows)
    assert "Established" in text


def test_show_neighbor_tells_what_was_agreed(two):
    row = str(two.reflector.show("neighbor", ROUTER))
    assert ROUTER in row and str(fig4.AS) in row
    assert "add" in row.lower()


def test_show_routes_and_one_route_with_the_reason_for_each_path(two):
    rows = two.router.show("routes")
    assert [r["prefix"] for r in rows] == [SERVICE, SERVICE]
    why = two.router.ctl("show", "route", SERVICE, "why")
    assert "10.0.0.105" in why and "10.0.0.106" in why
    assert "best" in why.lower()


def test_an_address_is_looked_for_by_the_longest_prefix(two):
    rows = two.router.show("route for 10.1.1.77")
    assert [r["prefix"] for r in rows] == [SERVICE] * 2 and all("why" in r for r in rows)
    for words, error in ((("for", "10.1.2.1"), "no prefix of the table has 10.1.2.1 in it"),
                         (("for", "2001:db8::1"), "no prefix of the table has 2001:db8::1 in it"),
                         (("for", SERVICE), "is not an address"),
                         (("10.1.1.77",), "10.1.1.77/32 is not in the table; show route for ADDRESS")):
        with pytest.raises(Exception, match=error):
            two.router.ctl("show", "route", *words)


def test_show_fib_has_what_the_kernel_has(two):
    row = str(two.router.show("fib"))
    assert SERVICE in row and "10.0.0.105" in row and "10.0.0.106" in row


def test_show_status_tells_who_answers(two):
    assert two.router.show("status")[0]["program"] == "rrd"
    assert two.pods[0].daemon.show("status")[0]["program"] == "lb-announcer"


def test_show_ranges_and_memory(two):
    ranges = two.reflector.show("ranges")
    assert ranges[0]["prefix"] == "172.16.0.0/16" and ranges[0]["limit"] == 4096
    assert two.reflector.show("memory")


def test_clear_closes_the_session_and_it_comes_back(two):
    pod = two.pods[0]
    two.reflector.ctl("clear", "neighbor", pod.address)
    two.reflector.wait_for_log(f"{pod.address}.*[Cc]ease")
    two.reflector.wait_established(pod.address)
    two.wait_for_hops(["n1", "n2"])


def test_a_wrong_command_is_told_with_a_code_that_is_not_0(two):
    done = run("rrctl", "--socket", two.reflector.socket, "show", "nonsense")
    assert done.returncode != 0 and "nonsense" in done.stderr + done.stdout


def test_a_command_of_another_daemon_is_told_to_be_its(two):
    done = run("rrctl", "--socket", two.reflector.socket, "show", "servers")
    assert done.returncode == 2 and "lb-ipvs-agent (rrctl -i)" in done.stderr
    done = run("rrctl", "--socket", two.reflector.socket, "show", "agent")
    assert done.returncode == 2 and "lb-announcer (rrctl -a)" in done.stderr
    done = run("rrctl", "-a", "-i", "show", "status")
    assert done.returncode == 2 and "one daemon at a time" in done.stderr


@pytest.mark.parametrize("option, name", [([], "rrd"), (["-a"], "lb-announcer"), (["--ipvs-agent"], "lb-ipvs-agent")])
def test_the_usual_socket_is_that_of_the_daemon_that_is_asked(lab, option, name):
    done = run("rrctl", *option, "show", "status")
    assert done.returncode == 3 and f"cannot reach {name} at " in done.stderr and f"/rrd/{name}.sock" in done.stderr


def test_no_daemon_is_told_in_words(lab):
    done = run("rrctl", "--socket", "/run/nobody.sock", "show", "neighbors")
    assert done.returncode != 0 and "/run/nobody.sock" in done.stderr


def run(program, *arguments):
    return subprocess.run([daemons.binary(program), *arguments], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("program", ["rrd", "lb-announcer", "rrctl"])
def test_programs_tell_their_version_and_how_they_are_used(program):
    done = run(program, "--version")
    assert done.returncode == 0 and "0.1.0" in done.stdout
    done = run(program, "--help")
    assert done.returncode == 0 and "-" in done.stdout


SAMPLES = sorted(glob.glob(os.path.join(daemons.TOP, "etc", "*.conf")))


def test_there_are_samples():
    assert len(SAMPLES) >= 3


@pytest.mark.parametrize("path", SAMPLES, ids=[os.path.basename(p) for p in SAMPLES])
def test_each_sample_is_a_good_file(path):
    programs = {"announcer.conf": ["lb-announcer"], "node.conf": ["lb-announcer", "--node"],
                "ipvs-agent.conf": ["lb-ipvs-agent"], "ipvs-agent-nat.conf": ["lb-ipvs-agent"]}
    done = run(*programs.get(os.path.basename(path), ["rrd"]), "-t", "-c", path)
    assert done.returncode == 0, done.stderr


def test_a_bad_file_is_refused_with_every_error_and_its_place(lab):
    config = daemons.reflector_config()
    config["router"]["router-idd"] = "1.2.3.4"
    config["listen"][0]["port"] = "many"
    path = lab.file("bad.yaml", daemons.dump(config))
    done = run("rrd", "-t", "-c", path)
    assert done.returncode != 0
    assert "router-idd" in done.stderr and "router-id" in done.stderr
    assert "many" in done.stderr
    assert f"{path}:" in done.stderr


def test_json_rows_are_one_object_per_line(two):
    for line in two.router.ctl("--json", "show", "routes").splitlines():
        assert isinstance(json.loads(line), dict)


def test_counters_of_the_session_move(two):
    def messages():
        return json.dumps(two.router.show("neighbor", REFLECTOR))
    before = messages()
    wait_until(lambda: messages() != before, 10, "a counter to move")


def on_terminal(*words, columns=80, **env):
    """What rrctl writes to a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    with subprocess.Popen([daemons.binary("rrctl"), *words], stdout=slave, stderr=slave,
                          env={**clean, "TERM": "xterm", **env}) as process:
        os.close(slave)
        text = b""
        try:
            while more := os.read(master, 65536):
                text += more
        except OSError:
            pass  # the other side is closed
        assert process.wait(20) == 0, text
    os.close(master)
    return text.decode().replace("\r\n", "\n")


def shape(text):
    """The words of a table, without numbers that move."""
    return [[w for w in line.split() if not w.lstrip("(")[0].isdigit() and w not in ("s", "ms")] for line in text.splitlines()]


def test_a_terminal_has_color_and_tables_that_fit_and_nothing_else_has(two):
    words = ["-s", two.reflector.socket, "show", "neighbors"]
    text = on_terminal(*words)
    assert "\033[32mEstablished\033[0m" in text and text.startswith("\033[1mADDRESS\033[0m")
    plain = re.sub(r"\033\[[0-9]*m", "", text)
    # In 80 columns a duration that becomes longer may cost a column.
    wide = re.sub(r"\033\[[0-9]*m", "", on_terminal(*words, columns=200))
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert shape(wide) == shape(on_terminal(*words, columns=200, **more))
    assert "\033" not in two.reflector.ctl("show", "neighbors") + on_terminal("-j", *words)
    assert max(len(line) for line in plain.splitlines()) <= 80
    assert "ROUTER-ID" in on_terminal(*words, columns=200)
    assert "ROUTER-ID" not in on_terminal(*words, columns=60)
    assert "ROUTER-ID" in on_terminal(*words, columns=60, COLUMNS="200")
    assert "ROUTER-ID" in two.reflector.ctl("show", "neighbors")
