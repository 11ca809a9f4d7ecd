"""Connections by the thousand, from where nobody is expected and from where anybody is: they are bounded, counted and delay nobody.

    reflector (rrd) ==== node network ==== n1 -- a pod with thousands of addresses (172.16.64.0/20, all its own)
                                     ==== n2, n3 -- pods that are well behaved
                                     ==== router (the test's speaker), and a client behind it, of no range
"""
import ipaddress
import itertools
import re
import statistics
import threading
import time

import pytest

from lab import bgp, daemons, tcp
from lab.fig4 import AS, REFLECTOR, ROUTER
from lab.wait import holds, wait_until

CROWD = "172.16.64.0/20"
MANY = 2000
LIMIT_OF_STORM = 1000
LIMIT = 5
MEDS = itertools.count(1)


def range_row(daemon):
    return next(r for r in daemon.show("ranges") if r["prefix"] == "172.16.0.0/16")


def metric(daemon, line):
    """The sample whose name and labels match."""
    return next(int(x.split()[-1]) for x in daemon.ctl("metrics").splitlines() if re.match(line, x))


def crowd(fig, count):
    """Addresses of the pods' range that one namespace speaks from."""
    pod = fig.add_pod(1)
    pod.ns.ip(f"route add local {CROWD} dev lo")
    pod.node.ns.ip(f"route add {CROWD} via {pod.address}")
    fig.reflector.ip(f"route add {CROWD} via {pod.node.address}")
    hosts = ipaddress.ip_network(CROWD).hosts()
    return pod, [str(next(hosts)) for _ in range(count)]


def start(fig, **more):
    config = daemons.reflector_config()
    config["peer-groups"]["routers"]["passive"] = True
    config["dynamic-neighbors"][0].update({k.replace("_", "-"): v for k, v in more.items()})
    config["log"]["level"] = "warning"
    return daemons.reflector(fig, config).wait_until_ready()


@pytest.fixture
def reflector(fig):
    return start(fig)


def listening_router(fig):
    return bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, asn=AS, router_id=ROUTER,
                       add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}).establish()


def delays(pod, speaker, router, count):
    """Of changes of one route, from the pod to the router, in seconds."""
    found = []
    for med in itertools.islice(MEDS, count):
        begun = time.monotonic()
        seen = len(router.messages)
        speaker.announce("10.1.7.0/24", pod.node.address, med=med)
        wait_until(lambda: any(m.kind == bgp.UPDATE for m in router.messages[seen:]), 10, "a change to arrive", poll_s=0.001)
        arrived = next(m.when for m in router.messages[seen:] if m.kind == bgp.UPDATE)
        found.append(arrived - begun)
    return found


def tell(what, found):
    print(f"{what}: median {statistics.median(found) * 1000:.1f} ms, most {max(found) * 1000:.1f} ms")


def test_storms_from_outside_and_inside_delay_nobody_and_keep_nobody_out(fig):
    reflector = start(fig, limit=LIMIT_OF_STORM)
    router = listening_router(fig)
    healthy = fig.add_pod(2)
    speaker = healthy.speaker().establish()
    tell("quiet", delays(healthy, speaker, router, 20))
    pod, addresses = crowd(fig, MANY)
    outside = tcp.Storm(fig.client, REFLECTOR, ["192.0.2.10"])
    inside = tcp.Storm(pod.ns, REFLECTOR, addresses)
    threads = [threading.Thread(target=storm.begin, args=(MANY,), daemon=True) for storm in (outside, inside)]
    for thread in threads:
        thread.start()
    found = delays(healthy, speaker, router, 10)
    while any(thread.is_alive() for thread in threads):
        found += delays(healthy, speaker, router, 10)
        assert range_row(reflector)["neighbors"] <= LIMIT_OF_STORM
    tell(f"storm, {len(found)} changes", found)
    # One who is let in like anybody else, while the storm is still there.
    newcomer = daemons.announcer(fig.add_pod(3))
    newcomer.wait_established(REFLECTOR)
    wait_until(lambda: metric(reflector, 'rrd_connections_refused_total.*unknown source') >= MANY, 10, "all strangers to be counted")

    def all_told_apart():
        row = range_row(reflector)
        assert row["refused"] == 0
        return row["gave-way"] + row["timed-out"] + row["waiting"] == MANY

    wait_until(all_told_apart, 10, "all silent ones to wait, or to have waited")
    assert range_row(reflector)["neighbors"] <= LIMIT_OF_STORM
    assert router.closed is None and speaker.closed is None
    # Tens of milliseconds are what it should be; this is for machines that do much else meanwhile.
    assert statistics.median(found) < 1


def test_the_silent_give_way_in_a_full_range_and_those_that_are_up_do_not(fig):
    daemon = start(fig, limit=LIMIT)
    pod, addresses = crowd(fig, LIMIT + 4)
    up = [bgp.Speaker(pod.ns, REFLECTOR, local=a, router_id=a).establish() for a in addresses[:LIMIT - 2]]
    storm = tcp.Storm(pod.ns, REFLECTOR, addresses[LIMIT - 2:LIMIT]).begin(2)
    wait_until(lambda: range_row(daemon)["waiting"] == 2, 5, "a range that is full with silent ones")
    # Two more are let in, one after the other, and each time the one that has been silent longest goes.
    more = []
    for number, address in enumerate(addresses[LIMIT:LIMIT + 2], 1):
        more.append(bgp.Speaker(pod.ns, REFLECTOR, local=address, router_id=address).establish())
        row = range_row(daemon)
        assert (row["gave-way"], row["neighbors"], row["waiting"]) == (number, LIMIT, 2 - number)
        storm.sockets[number - 1].setblocking(True)
        storm.sockets[number - 1].settimeout(5)
        assert closing_word(storm.sockets[number - 1]) == (6, 5)
    # Now all are up, and the next is told that there is no place.
    with pytest.raises(ConnectionError, match=r"NOTIFICATION \(6, 5\)"):
        bgp.Speaker(pod.ns, REFLECTOR, local=addresses[LIMIT + 2], router_id=addresses[LIMIT + 2]).establish()
    assert range_row(daemon)["refused"] == 1
    assert all(s.closed is None for s in up + more)


def closing_word(sock):
    """(code, subcode) of the NOTIFICATION with which the peer closes."""
    octets = b""
    while chunk := sock.recv(4096):
        octets += chunk
    assert octets[-3] == bgp.NOTIFICATION
    return octets[-2], octets[-1]


def test_one_that_has_spoken_is_heard_before_it_would_have_to_go(fig):
    """rrd stands still; meanwhile one opens and speaks, and another comes after it. There is a place for one that is not up."""
    daemon = start(fig, limit=2)
    pod, addresses = crowd(fig, 3)
    bgp.Speaker(pod.ns, REFLECTOR, local=addresses[0], router_id=addresses[0]).establish()
    daemon.process.signal(19)
    spoken = bgp.Speaker(pod.ns, REFLECTOR, local=addresses[1], router_id=addresses[1]).open()
    spoken.send_open().send(bgp.message(bgp.KEEPALIVE))
    late = bgp.Speaker(pod.ns, REFLECTOR, local=addresses[2], router_id=addresses[2]).open()
    daemon.process.signal(18)
    daemon.wait_established(addresses[0], addresses[1])
    assert late.receive().error == (6, 5)
    assert range_row(daemon)["gave-way"] == 0


def test_a_range_takes_no_more_in_a_second_than_its_rate(fig):
    daemon = start(fig, limit_rate=4)
    pod, addresses = crowd(fig, 60)
    begun = time.monotonic()
    storm = tcp.Storm(pod.ns, REFLECTOR, addresses).begin(60)
    wait_until(lambda: range_row(daemon)["too-fast"] + range_row(daemon)["neighbors"] == 60, 10, "all to be judged")
    row = range_row(daemon)
    assert 4 <= row["neighbors"] <= 4 + 4 * (time.monotonic() - begun) + 1
    assert row["limit-rate"] == 4
    assert metric(daemon, 'rrd_connections_refused_total.*rate of the range') == row["too-fast"]
    assert metric(daemon, "rrd_range_too_fast_total") == row["too-fast"]
    daemon.wait_for_log("more than 4 new neighbors in a second")
    # The others were reset without an OPEN.
    closed = [s for s in storm.sockets if tcp.state(s) == 7]
    assert len(closed) == row["too-fast"]
    # One who comes again and again is let in when a second has room for him; those who are here are not counted.
    newcomer = daemons.announcer(fig.add_pod(2))
    newcomer.wait_established(REFLECTOR)


def test_silent_and_slow_connections_end_in_their_time(fig, reflector):
    """One says nothing, one says its OPEN octet by octet: both have ten seconds."""
    pod, addresses = crowd(fig, 2)
    silent, slow = (tcp.knock(pod.ns, REFLECTOR, a) for a in addresses)
    octets = iter(bgp.open_message(AS, 90, addresses[1], [bgp.capability(2)] * 100))

    def over():
        try:
            slow.send(bytes([next(octets)]))
        except (OSError, StopIteration):
            pass
        return range_row(reflector)["timed-out"] == 2

    wait_until(over, 20, "both to have had their time", poll_s=0.1)
    assert metric(reflector, "rrd_open_timeouts_total ") == 2
    assert metric(reflector, "rrd_range_open_timeouts_total") == 2
    wait_until(lambda: range_row(reflector)["neighbors"] == 0, 5, "both to be gone")
    assert silent.recv(4096)


def test_half_open_connections_are_the_kernels_and_keep_nobody_out(fig, reflector):
    """20,000 SYNs of addresses that never answer."""
    fig.router.ip("route add blackhole 198.51.100.0/24")
    forger = tcp.Forger(fig.router)
    for i in range(20000):
        forger.send(REFLECTOR, f"198.51.100.{i % 250 + 1}", 1024 + i // 250, 179, tcp.SYN, seq=i)
    fig.add_pod(2).speaker().establish()
    assert metric(reflector, 'rrd_connections_refused_total.*unknown source') == 0
    holds(lambda: len(reflector.neighbors()) == 2, 0.2, "the router and the pod alone")


def test_one_address_that_connects_again_and_again_has_one_session(fig, reflector):
    router = listening_router(fig)
    healthy = fig.add_pod(2)
    speaker = healthy.speaker().establish()
    pod, addresses = crowd(fig, 1)
    steady = bgp.Speaker(pod.ns, REFLECTOR, local=addresses[0], router_id=addresses[0]).establish()
    storm = tcp.Storm(pod.ns, REFLECTOR, addresses)
    found = []
    for _ in range(10):
        storm.begin(50)
        found += delays(healthy, speaker, router, 1)
    tell("one address", found)
    row = range_row(reflector)
    assert row["neighbors"] == 2
    assert steady.closed is None
    reflector.wait_established(addresses[0], healthy.address)
