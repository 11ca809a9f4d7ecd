"""How a load balancer leaves, and what the router's kernel does about it: SIGTERM, SIGKILL, silence, and coming back.

    router (rrd) ==== node network ==== reflector (rrd, hold time 3 where silence is waited for)
                        |      |
                       n1     n2
                        |      |
                       pod    pod      each pod's link to its node can be cut without anybody noticing
"""
import pytest

from lab import bgp, daemons, fig4
from lab.fig4 import SERVICE
from lab.wait import holds, stopwatch, wait_until


@pytest.fixture
def two(system):
    """The system with a pod on n1 and a pod on n2, both in the router's route."""
    system.pods = [system.add_announcer(1), system.add_announcer(2)]
    system.wait_for_hops(["n1", "n2"])
    return system


def test_sigterm_withdraws_says_cease_and_ends_with_code_0(two):
    pod = two.pods[0]
    assert pod.daemon.process.terminate() == 0
    two.wait_for_hops(["n2"])
    two.reflector.wait_for_log(rf"{pod.address}.*[Cc]ease")


def test_sigkill_withdraws_at_once(two):
    elapsed = stopwatch()
    two.pods[0].daemon.process.kill()
    two.wait_for_hops(["n2"], timeout=3)
    # Far below the hold time of 9 s: the kernel's FIN did it, no timer.
    assert elapsed() < 3000


def short_hold_time(lab):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["hold-time"] = 3
    return daemons.System(lab, config)


def test_silent_death_costs_the_hold_time_and_no_more(lab):
    system = short_hold_time(lab)
    pods = [system.add_announcer(1), system.add_announcer(2)]
    system.wait_for_hops(["n1", "n2"])
    elapsed = stopwatch()
    pods[0].cut()
    system.wait_for_hops(["n2"], timeout=8)
    # The last keepalive was up to a third of the hold time ago, and timers fire on time on an idle daemon.
    assert 1500 < elapsed() < 4500
    system.reflector.wait_for_log("[Hh]old [Tt]ime")


def test_hold_time_of_a_half_message_still_fires(lab):
    system = short_hold_time(lab)
    pod = system.fig.add_pod(1)
    speaker = pod.speaker(hold_time=3)
    system.reflector.wait_until_ready()
    speaker.establish()
    speaker.announce(SERVICE, pod.node.address)
    system.wait_for_hops(["n1"])
    # Half an UPDATE, and nothing more: keepalives of the speaker would be read as the rest of it.
    speaker.hush()
    speaker.send(bgp.announcement(["10.1.2.0/24"], pod.node.address)[:20])
    elapsed = stopwatch()
    system.wait_for_hops([], timeout=8)
    assert elapsed() < 4500
    assert wait_until(lambda: speaker.notification, 5, "a NOTIFICATION") == (4, 0)


def test_a_pod_that_comes_back_is_in_the_route_again(two):
    pod = two.pods[0]
    pod.daemon.process.kill()
    two.wait_for_hops(["n2"])
    pod.daemon.start()
    two.wait_for_hops(["n1", "n2"])


def test_a_pod_restarted_faster_than_its_death_was_noticed_takes_over(two):
    pod = two.pods[0]
    # The kernel's FIN for the killed announcer does not get out, as when a node has lost it.
    pod.ns.run(["nft", "-f", "-"], text="""
        table ip lab_mute {
            chain out {
                type filter hook output priority 0
                tcp flags & (fin | rst) != 0 drop
            }
        }
        """)
    pod.daemon.process.kill()
    assert two.reflector.state(pod.address) == "established"
    elapsed = stopwatch()
    pod.daemon.start()
    two.reflector.wait_for_log(f"{pod.address}.*down.*came back on a new connection")
    two.reflector.wait_established(pod.address)
    two.wait_for_hops(["n1", "n2"])
    # The old session's hold time was not waited for.
    assert elapsed() < 5000
    pod.ns.run(["nft", "delete", "table", "ip", "lab_mute"])


def test_takeover_keeps_the_other_sessions_and_closes_the_old_connection(fig, reflector):
    pod, other = fig.add_pod(1), fig.add_pod(2)
    first = pod.speaker().establish()
    bystander = other.speaker().establish()
    second = pod.speaker().establish()
    wait_until(lambda: first.closed, 5, "the old connection to be closed")
    second.announce(SERVICE, pod.node.address)
    wait_until(lambda: any(r["prefix"] == SERVICE for r in reflector.show("routes")), 5, "the new session's route")
    assert bystander.closed is None
    assert second.closed is None


def test_a_silent_second_connection_does_not_block_the_next_one(fig, reflector):
    pod = fig.add_pod(1)
    first = pod.speaker().establish()
    silent = pod.speaker().open()
    holds(lambda: first.closed is None, 0.3, "the established session")
    third = pod.speaker().establish()
    wait_until(lambda: first.closed, 5, "the old session to be taken over")
    assert third.closed is None
    silent.close()


def test_a_silent_first_connection_does_not_block_the_next_one(fig, reflector):
    pod = fig.add_pod(1)
    silent = pod.speaker().open()
    pod.speaker().establish()
    silent.close()


def test_all_state_of_a_vanished_pod_is_freed(fig, reflector):
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    speaker.announce(SERVICE, pod.node.address)
    wait_until(lambda: pod.address in reflector.neighbors(), 5, "the neighbor's row")
    speaker.close()
    wait_until(lambda: pod.address not in reflector.neighbors(), 5, "the neighbor's row to go")
    assert reflector.show("routes") == []


def test_the_reflector_tells_the_router_when_it_ends(two):
    assert two.reflector.process.terminate() == 0
    two.wait_for_hops([])
    two.reflector.start()
    two.wait_for_hops(["n1", "n2"], timeout=25)


def test_everybody_is_told_cease_when_the_reflector_ends(fig, reflector):
    speakers = [fig.add_pod(n).speaker().establish() for n in (1, 2)]
    assert reflector.process.terminate() == 0
    for speaker in speakers:
        code, subcode = speaker.wait_for_end()
        assert code == 6 and subcode in (2, 3), "Cease: Administrative Shutdown or Peer De-configured"


def test_the_reflector_killed_and_restarted_has_everything_again(two):
    two.reflector.process.kill()
    two.reflector.start()
    two.reflector.wait_established(fig4.ROUTER, *[p.address for p in two.pods], timeout=25)
    two.wait_for_hops(["n1", "n2"])
