"""The control socket against those who speak it badly, slowly or in crowds: each costs itself one error, others are answered.

    a speaker of the test -- reflector (rrd) == its control sockets == clients of the test
"""
import copy
import os
import re

import pytest

from lab import bgp, daemons
from lab.control import Caller, wait_for_socket
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.process import ENVIRONMENT
from lab.tool import not_under_a_tool
from lab.wait import wait_until

END = {"end": True}
LINE_MAX, WAITING_MAX, DEPTH_MAX = 65536, 16, 32


@pytest.fixture
def reflector(fig):
    """What it frees is free at once, in a build with AddressSanitizer too: its memory is looked at."""
    options = f"{ENVIRONMENT['ASAN_OPTIONS']}:quarantine_size_mb=1"
    return daemons.Daemon(fig.reflector, "rrd", daemons.reflector_config(), env={"ASAN_OPTIONS": options}).wait_until_ready()


@pytest.fixture
def call(lab, reflector):
    """Makes a connection to the reflector's socket."""
    return lambda path=None: Caller(lab, path or reflector.socket)


def answers(caller):
    return caller.ask("show status")[1] == END


BAD = {
    "no JSON": (b"show status\n", "not JSON"),
    "half JSON": (b'{"command": "show status"\n', "not JSON"),
    "not UTF-8": (b'{"command": "show route", "prefix": "\xff\xfe"}\n', "not JSON"),
    "a list": (b'["show status"]\n', "not a JSON object"),
    "deep": (b'{"command":' + b"[" * 10000 + b"\n", "nested deeper than 32 levels"),
    "deep and closed": (b'{"command":"show status","x":' + b'{"a":' * 40 + b"1" + b"}" * 41 + b"\n", "nested deeper"),
    "a key twice": (b'{"command":"show status","command":"reload"}\n', "duplicate object key"),
    "no command": (b"{}\n", 'no "command"'),
    "a number for a command": (b'{"command": 7}\n', '"command" is not text'),
    "an unknown command": (b'{"command": "show neighbours"}\n', 'did you mean "show neighbors"?'),
    "another daemon's command": (b'{"command": "show servers"}\n', "unknown command"),
    "a number for a prefix": (b'{"command": "show routes", "prefix": 10}\n', '"prefix" must be a prefix as text'),
    "a bad prefix": (b'{"command": "show routes", "prefix": "10.0.0.1/8"}\n', '"prefix" must be a prefix as text'),
    "text for a flag": (b'{"command": "reload", "dry-run": "yes"}\n', '"dry-run" must be true or false'),
    "null": (b'{"command": "show route", "prefix": null}\n', '"prefix" must be a prefix as text'),
    "a list for text": (b'{"command": "clear neighbor", "address": "all", "text": ["a"]}\n', '"text" must be text'),
    "an unknown argument": (b'{"command": "show routes", "prefx": "10.0.0.0/8"}\n', 'did you mean "prefix"?'),
    "an argument of none": (b'{"command": "show status", "verbose": true}\n', "it takes no arguments"),
    "a missing argument": (b'{"command": "show route"}\n', '"show route" needs "prefix"'),
    "one that needs another": (b'{"command": "show routes", "longer": true}\n', 'only with "prefix"'),
    "a later protocol": (b'{"command": "show status", "protocol": 99}\n', "speaks version 99 of the control protocol"),
}


def test_a_bad_request_gets_one_error_and_the_connection_stays(call):
    bad, other = call(), call()
    for what, (octets, says) in BAD.items():
        error = bad.send(octets).error()
        assert says in error, f"{what}: {error}"
        assert answers(bad) and answers(other), what


@pytest.mark.parametrize("octets, says", [
    (b" " * (LINE_MAX + 1), "the line is too long: at most 65536 octets"),
    (b'{"command":"show status","x":"' + b"y" * (3 * LINE_MAX), "the line is too long"),
    (b'{"command":"show\0status"}\n', "NUL"),
], ids=["long and no end", "very long", "NUL"])
def test_what_cannot_be_a_line_costs_the_connection_after_one_error(call, octets, says):
    bad, other = call(), call()
    try:
        bad.send(octets)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has closed in the middle of it
    assert says in bad.error()
    assert bad.line() is None
    assert answers(other)


def test_half_a_line_and_an_end_is_no_request(call):
    half, other = call(), call()
    half.send(b'{"command": "clear neighbor", "address": "all"}').shut()
    assert half.line() is None
    assert answers(other)
    # What was whole before is answered.
    assert call().send(b'{"command": "show ranges"}\n{"comm').shut().line()["row"]["prefix"] == "172.16.0.0/16"


def test_a_flood_of_requests_ends_its_connection_and_no_other(call):
    flood, other = call(), call()
    try:
        for _ in range(200):
            flood.send(b'{"command": "metrics"}\n' * 100)
            assert answers(other)
    except (BrokenPipeError, ConnectionResetError):
        pass
    last = None
    try:
        while (line := flood.line()) is not None:
            last = line
    except AssertionError:
        pass  # cut in the middle of a row
    assert last is None or "error" not in last or "too many requests at once" in last["error"]
    assert answers(other) and answers(call())


def test_clients_in_crowds_leave_room_on_the_other_socket(lab, reflector, call):
    config = copy.deepcopy(reflector.config)
    config["control"]["read-only-socket"] = read_only = reflector.socket + "-ro"
    reflector.rewrite(config)
    reflector.config["control"] = config["control"]
    lab.file(f"{reflector.name}.yaml", daemons.dump(reflector.config))
    reflector.ctl("reload")
    crowd = [call(read_only) for _ in range(300)]
    assert answers(call()) and answers(crowd[0])


# A table that is longer than any buffer.

PREFIXES = [f"10.{1 + n // 65536}.{n // 256 % 256}.{n % 256}/32" for n in range(40000)]


@pytest.fixture
def full(fig, reflector):
    speaker = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    for at in range(0, len(PREFIXES), 700):
        speaker.announce(PREFIXES[at:at + 700], "10.0.0.105")
    wait_until(lambda: reflector.show("status")[0]["ipv4-unicast"]["prefixes"] == len(PREFIXES), 60, "the table")
    return reflector


def resident_kib(daemon):
    with open(f"/proc/{daemon.process.popen.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


@not_under_a_tool("memory is the tool's there")
def test_who_stops_reading_a_dump_costs_neither_memory_nor_others(full, call):
    other = call()
    assert answers(other)
    before = resident_kib(full)
    stuck = [call().send({"command": "show routes"}) for _ in range(20)]
    first = [s.line()["row"]["prefix"] for s in stuck]
    for _ in range(50):
        assert answers(other)
    # Whole answers would be 20 times 8 MB and more.
    assert resident_kib(full) - before < 16 * 1024
    # And who reads on gets it all, each prefix once.
    rest = []
    while "row" in (line := stuck[0].line()):
        rest.append(line["row"]["prefix"])
    assert line == END and sorted([first[0]] + rest) == sorted(PREFIXES)
    for s in stuck[1:]:
        s.close()
    assert answers(other)


# Two sockets.

def test_the_read_only_socket_comes_moves_and_goes_with_a_reload(lab, reflector, call):
    full, ro = reflector.socket, reflector.socket + "-ro"

    def control(**keys):
        config = copy.deepcopy(reflector.config)
        config["control"] = {"socket": full, **{k.replace("_", "-"): v for k, v in keys.items()}}
        reflector.config["control"] = config["control"]
        return reflector.reload(config)

    control(read_only_socket=ro, read_only_group="root")
    wait_for_socket(ro)
    reader = call(ro)
    assert answers(reader) and reader.ask("version")[0][0]["read-only"] is True
    for command, more in (("reload", {}), ("reload", {"dry-run": True}), ("clear neighbor", {"address": "all"})):
        error = reader.ask(command, **more)[1]["error"]
        assert "for reading only" in error and error.endswith(full)
    changing = {r["command"] for r in call().ask("help")[0] if r["changes"]}
    assert {"reload", "clear neighbor"} <= changing
    for command in changing:
        assert "for reading only" in reader.ask(command)[1]["error"]
    # rrctl tells it too.
    code, told = reflector.ns.result([daemons.binary("rrctl"), "-s", ro, "reload"])
    assert code == 1 and f"ask at {full}" in told
    # Elsewhere, and its clients stay.
    control(read_only_socket=ro + "2")
    wait_for_socket(ro, there=False)
    assert answers(reader) and answers(call(ro + "2"))
    # What cannot be made is refused whole.
    status = control(read_only_socket="/nonexistent/dir/sock")
    assert "directory is missing" in status["reload-error"]
    assert answers(call(ro + "2"))
    # Gone, with its clients.
    control()
    wait_for_socket(ro + "2", there=False)
    assert reader.line() is None
    assert answers(call())


def test_rrctl_tells_who_may_when_the_permission_is_missing(reflector):
    code, told = reflector.ns.result(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                                      daemons.binary("rrctl"), "-s", reflector.socket, "show", "status"])
    assert code == 3
    assert "Permission denied" in told and "; only root and the group root may" in told, told


# The page.

def told():
    """{(heading, command): the keys} of rrd-control(7)."""
    found, heading, command = {}, None, None
    with open(os.path.join(daemons.TOP, "man", "rrd-control.7")) as f:
        for line in f:
            if line.startswith(".Ss "):
                heading, command = line[4:].strip(), None
            elif line.startswith(".It Cm "):
                command = line[7:].strip()
                found[heading, command] = set()
            elif line.startswith(".Li ") and command:
                found[heading, command] |= set(line.split()[1:])
    return found


def test_the_page_tells_every_key_of_every_row(lab, system):
    pod = system.add_announcer(1)
    system.add_announcer(2)
    system.wait_for_hops(["n1", "n2"])
    page, looked_at, missing = told(), 0, []
    for daemon, titles in ((system.router, ("rrd",)), (system.reflector, ("rrd",)), (pod.daemon, ("lb-announcer",))):
        values = {"address": ROUTER if daemon is system.reflector else REFLECTOR, "prefix": SERVICE, "why": True}
        caller = Caller(lab, daemon.socket)
        for command in caller.ask("help")[0]:
            name = command["command"]
            if command["changes"] or name.startswith("watch"):
                continue
            keys = set().union(*(k for (heading, item), k in page.items() if re.match(rf"{name}( \S+ :| Oo |$)", item)
                                 and re.search(r"every daemon|of rrd and|lb-announcer and|of %s$" % titles[0], heading)))
            assert keys, f"{daemon.name}: {name} is not on the page"
            arguments = {a["name"]: values[a["name"]] for a in command["takes"] if a["required"] or a["name"] == "why"}
            for row in caller.ask(name, **arguments)[0]:
                if not set(row) <= keys:
                    missing.append(f"{daemon.name}: {name}: {sorted(set(row) - keys)}")
                looked_at += 1
    assert not missing, "not told:\n" + "\n".join(sorted(set(missing)))
    assert looked_at > 50
