"""What an operator does to sessions: refresh, shutdown, enable, drain.

    router speaker (test) -- reflector (rrd) -- pod speakers (test) on n1
"""
import pytest

from lab import bgp, daemons, fig4
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import holds, wait_until

HOP = "10.0.0.105"
SHUTDOWN, RESET = (6, 2), (6, 4)
GRACEFUL_SHUTDOWN = (0xffff, 0)


@pytest.fixture
def ear(fig, reflector):
    speaker = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER,
                          add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}).establish()
    reflector.wait_established(ROUTER)
    return speaker


def last_words(speaker):
    """The text of RFC 9003 that the NOTIFICATION had."""
    body = next(m.body for m in speaker.messages if m.kind == bgp.NOTIFICATION)
    return body[3:3 + body[2]].decode() if len(body) > 2 else ""


def refused_by(speaker):
    """The NOTIFICATION that a new connection gets at once."""
    got = speaker.open().receive()
    return got.error if got else None


# Refresh.

def test_refresh_in_asks_and_refresh_out_sends_again(fig, reflector, ear):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(SERVICE, HOP)
    ear.wait_for_routes(SERVICE, [HOP])
    reflector.ctl("refresh", pod.address, "in")
    wait_until(lambda: speaker.count(bgp.ROUTE_REFRESH) == 1, 5, "a ROUTE-REFRESH")
    ear.routes.clear()
    row = reflector.ctl("--json", "refresh", ROUTER, "out")
    assert "sent again" in row and '"in"' not in row
    ear.wait_for_routes(SERVICE, [HOP])
    assert ear.count(bgp.ROUTE_REFRESH) == 0
    text = reflector.ctl("refresh", "all")
    assert pod.address in text and ROUTER in text and "asked" in text
    wait_until(lambda: speaker.count(bgp.ROUTE_REFRESH) == 2 and ear.count(bgp.ROUTE_REFRESH) == 1, 5, "both asked")


def test_who_cannot_be_asked_is_named_with_what_helps(fig, reflector):
    pod = fig.add_pod(1)
    capabilities = [bgp.capability(bgp.CAP_MP, b"\0\1\0\1"), bgp.capability(bgp.CAP_AS4, fig4.AS.to_bytes(4, "big"))]
    pod.speaker(capabilities=capabilities).establish()
    reflector.wait_established(pod.address)
    with pytest.raises(Exception, match="no route refresh capability .*clear neighbor"):
        reflector.ctl("refresh", pod.address)
    assert "no route refresh" in reflector.ctl("refresh", "all", "in")
    with pytest.raises(Exception, match=f"neighbor {ROUTER} is not up"):
        reflector.ctl("refresh", ROUTER)
    reflector.ctl("refresh", pod.address, "out")


# Shutdown.

def test_a_neighbor_is_shut_down_with_a_text_and_stays_so_over_a_reload(fig, reflector, ear):
    reflector.ctl("shutdown", ROUTER, "new", "kernel,", "back", "at", "9")
    assert ear.wait_for_end() == SHUTDOWN and last_words(ear) == "new kernel, back at 9"
    row = reflector.neighbors()[ROUTER]
    assert row["shutdown"] and row["admin"] == "shutdown" and row["shutdown-text"] == "new kernel, back at 9"
    assert row["state"] == "Idle" and "new kernel" in row["last-error"]
    config = daemons.reflector_config()
    config["peer-groups"]["routers"]["hold-time"] = 30
    reflector.reload(config)
    assert reflector.neighbors()[ROUTER]["state"] == "Idle"
    again = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER)
    assert refused_by(again) == SHUTDOWN
    assert reflector.neighbors()[ROUTER]["shutdown"]
    assert "shutdown" in reflector.ctl("show", "neighbors")
    reflector.ctl("enable", ROUTER)
    assert not reflector.neighbors()[ROUTER]["shutdown"]
    bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    with pytest.raises(Exception, match=f"{ROUTER} is not shut down"):
        reflector.ctl("enable", ROUTER)


def test_a_shut_down_neighbor_makes_no_attempts(fig):
    """The router connects to the reflector's place, where the test listens."""
    router = daemons.router(fig).wait_until_ready()
    router.ctl("shutdown", REFLECTOR)
    wait_until(lambda: router.state(REFLECTOR) == "idle", 5, "the neighbor to be idle")
    listener = bgp.Listener(fig.reflector, REFLECTOR)
    with pytest.raises(OSError):
        listener.accept(timeout=1.5)
    router.ctl("enable", REFLECTOR)
    assert listener.accept(timeout=5).receive().kind == bgp.OPEN


def test_nobody_waits_for_the_routes_of_a_neighbor_that_is_shut_down(fig, reflector):
    absent = "10.0.0.111"
    router = daemons.router(fig, daemons.router_config(reflectors=(REFLECTOR, absent)))
    router.wait_established(REFLECTOR)
    told = "every configured neighbor has told all it has"
    assert told not in router.log()
    router.ctl("shutdown", absent)
    router.wait_for_log(told)


def test_a_dynamic_neighbor_is_refused_until_it_is_enabled(fig, reflector):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    reflector.ctl("shutdown", pod.address, "spam")
    assert speaker.wait_for_end() == SHUTDOWN
    wait_until(lambda: reflector.neighbors()[pod.address]["state"] == "Idle", 5, "the session to be gone")
    row = reflector.neighbors()[pod.address]
    assert row["shutdown"] and row["dynamic"] and row["shutdown-text"] == "spam"
    assert refused_by(pod.speaker()) == SHUTDOWN
    reflector.reload(daemons.reflector_config())
    assert refused_by(pod.speaker()) == SHUTDOWN
    reflector.ctl("enable", pod.address)
    pod.speaker().establish()
    assert not reflector.neighbors()[pod.address]["shutdown"]


def test_an_address_of_a_range_can_be_shut_down_before_it_comes(fig, reflector):
    pod, other = fig.add_pod(1), fig.add_pod(1)
    reflector.ctl("shutdown", pod.address)
    assert refused_by(pod.speaker()) == SHUTDOWN
    other.speaker().establish()
    with pytest.raises(Exception, match="10.9.9.9 is neither a neighbor nor in a range"):
        reflector.ctl("shutdown", "10.9.9.9")


def test_what_is_no_neighbor_any_more_is_not_shut_down_either(fig, reflector, ear):
    reflector.ctl("shutdown", ROUTER)
    ear.wait_for_end()
    reflector.reload(daemons.reflector_config(routers=()))
    assert ROUTER not in reflector.neighbors()
    reflector.reload(daemons.reflector_config())
    assert not reflector.neighbors()[ROUTER]["shutdown"]


def test_the_whole_text_of_a_neighbor_that_shuts_down_is_shown(fig, reflector):
    pod = fig.add_pod(1)
    speaker = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    text = "maintenance of rack 7: " + "x" * 220 + " the end \u00fc"
    octets = text.encode()
    assert len(octets) <= 255 and pod
    speaker.send(bgp.notification(*SHUTDOWN, bytes([len(octets)]) + octets))
    wait_until(lambda: reflector.state(ROUTER) != "established", 5, "the session to be down")
    error = reflector.neighbors()[ROUTER]["last-error"]
    assert text[:-1].strip() in error, error
    reflector.wait_for_log("down: peer sent Cease/Administrative Shutdown: \"maintenance of rack 7: .* the end")


def test_a_text_that_does_not_fit_is_refused(fig, reflector):
    with pytest.raises(Exception, match="too long: at most 255"):
        reflector.ctl("shutdown", ROUTER, "x" * 256)


def test_the_announcer_can_be_shut_down_and_enabled_too(fig, reflector):
    pod = fig.add_pod(1)
    pod.daemon = daemons.announcer(pod)
    reflector.wait_established(pod.address)
    pod.daemon.ctl("shutdown", REFLECTOR, "moving house")
    reflector.wait_for_log(f"{pod.address}.*Administrative Shutdown.*moving house")
    assert pod.daemon.neighbors()[REFLECTOR]["shutdown"]
    holds(lambda: pod.address not in reflector.neighbors(), 0.5, "it to stay away")
    pod.daemon.ctl("enable", REFLECTOR)
    reflector.wait_established(pod.address)


# Drain.

def test_a_draining_daemon_sends_all_as_to_be_avoided_and_takes_it_back(fig, reflector, ear):
    speaker = fig.add_pod(1).speaker().establish()
    speaker.announce(SERVICE, HOP, local_pref=150)
    ear.wait_for_routes(SERVICE, [HOP])

    def heard():
        path, = ear.paths(SERVICE)
        return path.local_pref, path.communities
    assert heard() == (150, [])
    reflector.ctl("drain")
    wait_until(lambda: heard() == (0, [GRACEFUL_SHUTDOWN]), 5, "the path to be avoided")
    assert reflector.status()["draining"]
    speaker.announce("10.1.2.0/24", HOP)
    ear.wait_for_routes("10.1.2.0/24", [HOP])
    assert ear.paths("10.1.2.0/24")[0].communities == [GRACEFUL_SHUTDOWN]
    row, = [r for r in reflector.show("advertised", ROUTER) if r["prefix"] == SERVICE]
    assert row["local-pref"] == 0 and row["communities"] == "graceful-shutdown"
    reflector.ctl("undrain")
    wait_until(lambda: heard() == (150, []), 5, "the path as it is")
    assert ear.closed is None and not reflector.status()["draining"]
