"""What a service depends on beside lb-ipvs-agent: checks of lb-announcer's own, and the drain file.

    reflector .109 (rrd, or a listening socket of the test) ==== node network ==== n1 -- pod (lb-announcer, what it checks)
"""
import http.server
import os
import signal
import threading

from lab import bgp, daemons
from lab.exposition import parse
from lab.fig4 import REFLECTOR, SERVICE, SERVICE2
from lab.tool import starts_commands
from lab.wait import holds, wait_until

GIGABIT = 125000000.0
# A check may take as long as its interval: on a busy machine one may fail for that, and the next one passes.
QUICK = {"interval": "200ms", "rise": 1, "fall": 1}
PORT = 8080


def announcer(fig, conditions, prefixes=(SERVICE,), **more):
    """A pod's announcer; the conditions are the first service's."""
    pod = fig.add_pod(1)
    config = {**daemons.announcer_config(pod, prefixes), **more}
    config["services"][0]["conditions"] = [{**QUICK, **c} for c in conditions]
    return daemons.announcer(pod, config=config)


def known(reflector):
    """The prefixes that the reflector has."""
    return {row["prefix"] for row in reflector.show("routes")}


def wait_for(reflector, *prefixes):
    wait_until(lambda: known(reflector) == set(prefixes), 10, f"the reflector to know {prefixes}")


def services(daemon):
    return {row["service"]: row for row in daemon.show("services")}


def wait_for_reason(daemon, reason):
    wait_until(lambda: services(daemon)[SERVICE]["reason"] == reason, 10, f"the reason: {reason}")


class Web:
    """An HTTP server at a pod's loopback address."""

    def __init__(self, ns):
        web, self.status = self, 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.agent = self.headers["User-Agent"]
                self.send_response(web.status if self.path == "/ready" else 404)
                self.end_headers()

            def log_message(self, *_):
                pass

        with ns.entered():
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_service_is_announced_only_while_its_check_passes(fig, reflector):
    daemon = announcer(fig, [{"type": "tcp", "address": "127.0.0.1", "port": PORT}], (SERVICE, SERVICE2))
    wait_for(reflector, SERVICE2)
    wait_for_reason(daemon, f"tcp 127.0.0.1:{PORT}: connection refused")
    holds(lambda: known(reflector) == {SERVICE2}, 0.3, "nothing announced before the check passes")
    web = Web(daemon.ns)
    wait_for(reflector, SERVICE, SERVICE2)
    daemon.wait_for_log(f"service {SERVICE}: withdrawn -> announced")
    web.close()
    wait_for(reflector, SERVICE2)
    daemon.wait_for_log(f"service {SERVICE}: announced -> withdrawn: tcp 127.0.0.1:{PORT}: ")
    wait_for_reason(daemon, f"tcp 127.0.0.1:{PORT}: connection refused")
    web = Web(daemon.ns)
    wait_for(reflector, SERVICE, SERVICE2)
    web.close()


@starts_commands
def test_all_of_several_must_hold(fig, reflector, lab):
    ready = lab.file("ready", "")
    daemon = announcer(fig, [
        {"type": "http", "name": "web", "address": "127.0.0.1", "port": PORT, "path": "/ready", "status": [200]},
        {"type": "command", "command": ["/usr/bin/test", "-e", ready]},
    ])
    web = Web(daemon.ns)
    wait_for(reflector, SERVICE)
    assert web.agent == "lb-announcer"
    wait_until(lambda: services(daemon)[SERVICE]["holding"] == services(daemon)[SERVICE]["conditions"] == 2)
    web.status = 503
    wait_for(reflector)
    wait_for_reason(daemon, f"web 127.0.0.1:{PORT}: status 503, wanted 200")
    os.unlink(ready)
    web.status = 200
    wait_for_reason(daemon, "command /usr/bin/test: exit status 1")
    assert known(reflector) == set()

    def metrics_tell():
        metrics = parse(daemon.ctl("metrics"))
        up = metrics["lb_announcer_condition_up"]
        assert up.value(service=SERVICE, condition="web") == 1
        assert up.value(service=SERVICE, condition="command") == 0
        assert metrics["lb_announcer_condition_runs_total"].value(
            service=SERVICE, condition="command", result="failed") > 0
        return True
    wait_until(metrics_tell)
    lab.file("ready", "")
    wait_for(reflector, SERVICE)
    web.close()


@starts_commands
def test_a_command_is_told_which_service_and_may_not_hang(fig, reflector, lab):
    script = lab.file("check", "#!/bin/sh\ntest \"$LB_SERVICE\" = 10.1.1.0/24 || exit 9\ntest -e hang && exec sleep 60\nexit 0\n")
    os.chmod(script, 0o755)
    daemon = announcer(fig, [{"type": "command", "command": ["/bin/sh", "-c", f"cd {os.path.dirname(script)} && exec ./check"],
                              "timeout": "150ms", "fall": 2}])
    wait_for(reflector, SERVICE)
    lab.file("hang", "")
    wait_for(reflector)
    wait_for_reason(daemon, "command /bin/sh: no end after 0.15 s, killed")


# --- the drain file ---

class Drained:
    """A pod whose announcer has a drain file, connected to the test's speaker."""

    def __init__(self, fig, lab, there=False, time=3600):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "later")
        self.file = os.path.join(self.directory, "drain")
        if there:
            self.touch()
        self.listener = bgp.Listener(fig.reflector, REFLECTOR)
        self.daemon = announcer(fig, [], drain={"time": time, "linger": 0, "file": self.file})
        self.speaker = self.listener.accept(10).establish()
        wait_until(lambda: bgp.IPV4 in self.speaker.ended, 5, "End-of-RIB")

    def touch(self):
        os.makedirs(self.directory, exist_ok=True)
        with open(self.file, "w"):
            pass

    def bandwidth(self):
        paths = self.speaker.paths(SERVICE)
        return paths[0].link_bandwidth[1] if paths else None

    def wait_for(self, bandwidth):
        wait_until(lambda: self.bandwidth() == bandwidth, 10, f"bandwidth {bandwidth}")

    def reason(self):
        return services(self.daemon)[SERVICE]["reason"]


def test_a_drain_file_drains_and_its_end_undoes_it(fig, lab):
    it = Drained(fig, lab)
    it.wait_for(GIGABIT)
    it.touch()
    it.wait_for(0)
    assert it.reason() == "the drain file is there"
    assert it.daemon.show("status")[0]["state"] == "draining"
    os.unlink(it.file)
    it.wait_for(GIGABIT)
    it.daemon.wait_for_log(f"{it.file} is gone: announcing 1 services")


def test_the_drain_has_an_end(fig, lab):
    it = Drained(fig, lab, time=0)
    it.wait_for(GIGABIT)
    it.touch()
    it.wait_for(None)
    os.unlink(it.file)
    it.wait_for(GIGABIT)


def test_with_the_file_there_at_the_start_nothing_is_announced(fig, lab):
    it = Drained(fig, lab, there=True)
    # Not even for a moment.
    assert not any(bgp.decode_update(m.body)[1] for m in it.speaker.messages if m.kind == bgp.UPDATE)
    os.unlink(it.file)
    it.wait_for(GIGABIT)


def test_the_operators_word_goes_before_the_files(fig, lab):
    it = Drained(fig, lab)
    it.wait_for(GIGABIT)
    # What an operator began is not the file's to end.
    it.daemon.ctl("drain")
    it.wait_for(0)
    it.touch()
    it.daemon.wait_for_log(f"{it.file} is there: draining already")
    os.unlink(it.file)
    it.daemon.wait_for_log(f"{it.file} is gone: ")
    holds(lambda: it.bandwidth() == 0, 0.3, "drained by the operator")
    it.daemon.ctl("undrain")
    it.wait_for(GIGABIT)
    # Nor does a file that is still there bring back what an operator has ended.
    it.touch()
    it.wait_for(0)
    it.daemon.ctl("undrain")
    it.wait_for(GIGABIT)
    os.unlink(it.file)
    it.touch()
    it.wait_for(0)


def test_it_ends_while_it_is_drained_by_the_file(fig, lab):
    it = Drained(fig, lab, time=0)
    it.touch()
    it.wait_for(None)
    it.daemon.process.signal(signal.SIGTERM)
    assert it.speaker.wait_for_end() == (6, 2)
    os.unlink(it.file)
    assert it.daemon.process.wait() == 0
