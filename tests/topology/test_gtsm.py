"""GTSM (RFC 5082): packets that came from further than they may are nothing, from the first one on.

    reflector (rrd) ==== node network ==== n1 (a hop) -- a pod
                                     ==== router (rrd or the test's speaker), on the link
"""
import pytest

from lab import bgp, daemons, tcp
from lab.fig4 import AS, REFLECTOR, REFLECTOR6, ROUTER, ROUTER6
from lab.wait import NotYet, holds, wait_until

DROPPED = "TcpExtTCPMinTTLDrop"


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def remote(request):
    return REFLECTOR if request.param == 4 else REFLECTOR6


def near_config(all_of_them=False):
    """Pods are two hops away, as is the node between. all_of_them: nobody goes without, so the listeners judge."""
    config = daemons.reflector_config(address6=REFLECTOR6)
    config["peer-groups"]["k8s"]["ttl-security-hops"] = 2
    config["peer-groups"]["routers"]["passive"] = True
    config["neighbors"].append({"address": ROUTER6, "peer-group": "routers"})
    if all_of_them:
        config["peer-groups"]["routers"]["ttl-security-hops"] = 1
    return config


@pytest.fixture
def near(fig):
    return daemons.reflector(fig, near_config()).wait_until_ready()


def refused(daemon):
    line = next(x for x in daemon.ctl("metrics").splitlines() if x.startswith("rrd_connections_refused_total") and "TTL" in x)
    return int(line.split()[-1])


def test_the_first_packet_of_either_side_has_all_of_its_ttl(fig, near, remote):
    pod = fig.add_pod(1)
    # The speaker throws away a SYN-ACK that did not start with 255, and so whatever comes after it.
    pod.speaker(remote, ttl=255, min_ttl=254).establish()
    near.wait_established(pod.at(remote))


def test_a_syn_from_afar_is_reset_where_some_neighbors_are_far(fig, near, remote):
    speaker = fig.add_pod(1).speaker(remote)
    with pytest.raises((OSError, NotYet)):
        speaker.establish()
    # The reset may come while it still connects, and then it tries again.
    wait_until(lambda: refused(near) >= 1, 5, "the refusal to be counted")
    near.wait_for_log("TTL below 254")
    # Without having been told an OPEN.
    assert not speaker.messages
    # One that goes without GTSM has the kernel's TTL on the same listener.
    local = ROUTER if remote == REFLECTOR else ROUTER6
    bgp.Speaker(fig.router, remote, local=local, asn=AS, router_id=ROUTER).establish()


def test_what_was_sent_ahead_from_afar_is_not_taken(fig, near, remote):
    """OPEN, KEEPALIVE and a route, all before rrd looks at the connection."""
    pod = fig.add_pod(1)
    near.process.signal(19)
    speaker = pod.speaker(remote).open()
    speaker.send_open().send(bgp.message(bgp.KEEPALIVE)).announce("10.1.7.0/24", pod.node.address)
    near.process.signal(18)
    wait_until(lambda: refused(near) == 1, 5, "the refusal to be counted")
    assert near.show("routes") == []
    assert pod.at(remote) not in near.neighbors()


def test_a_syn_from_afar_gets_no_answer_where_all_are_near(fig, remote):
    daemons.reflector(fig, near_config(all_of_them=True)).wait_until_ready()
    pod = fig.add_pod(1)
    sock = tcp.knock(pod.ns, remote, pod.at(remote))
    wait_until(lambda: fig.reflector.counter(DROPPED) >= 2, 10, "two SYNs to be thrown away")
    assert tcp.state(sock) == tcp.SYN_SENT
    pod.speaker(remote, ttl=255, min_ttl=254).establish()
    # The listener asks for what the least of them asks; a pod is further away than a router may be.
    local = ROUTER if remote == REFLECTOR else ROUTER6
    with pytest.raises((OSError, NotYet)):
        bgp.Speaker(fig.router, remote, local=local, asn=AS, router_id=ROUTER, ttl=254).establish()
    bgp.Speaker(fig.router, remote, local=local, asn=AS, router_id=ROUTER, ttl=255).establish()


def test_a_reset_from_afar_does_nothing_and_the_same_from_near_ends_the_session(fig, near, remote):
    pod = fig.add_pod(1)
    speaker = pod.speaker(remote, ttl=255).establish()
    near.wait_established(pod.at(remote))
    tap = tcp.Tap(pod.node.ns, "docker0")
    forger = tcp.Forger(pod.node.ns, six=remote == REFLECTOR6)

    def forge(ttl):
        speaker.send(bgp.message(bgp.KEEPALIVE))
        port, seq, ack = tap.next_seq(pod.at(remote), remote, 179)
        forger.send(remote, pod.at(remote), port, 179, tcp.RST | tcp.ACK, seq, ack, ttl)

    before = fig.reflector.counter(DROPPED)
    forge(253)
    wait_until(lambda: fig.reflector.counter(DROPPED) > before, 5, "the forged reset to be thrown away")
    assert near.state(pod.at(remote)) == "established"
    # It was a good forgery.
    forge(255)
    wait_until(lambda: pod.at(remote) not in near.neighbors(), 5, "the session to end")


def test_forged_data_from_afar_is_not_heard(fig, near, remote):
    pod = fig.add_pod(1)
    speaker = pod.speaker(remote, ttl=255).establish()
    near.wait_established(pod.at(remote))
    tap = tcp.Tap(pod.node.ns, "docker0")
    speaker.send(bgp.message(bgp.KEEPALIVE))
    port, seq, ack = tap.next_seq(pod.at(remote), remote, 179)
    before = fig.reflector.counter(DROPPED)
    tcp.Forger(pod.node.ns, six=remote == REFLECTOR6).send(
        remote, pod.at(remote), port, 179, tcp.PSH | tcp.ACK, seq, ack, 64, data=bgp.notification(6, 2))
    wait_until(lambda: fig.reflector.counter(DROPPED) > before, 5, "the forged NOTIFICATION to be thrown away")
    holds(lambda: near.state(pod.at(remote)) == "established", 0.2, "the session")


def test_our_own_connections_start_with_all_of_their_ttl(fig):
    """The router begins it, and the reflector asks 255 of its SYN; and the other way round for the answers."""
    config = daemons.reflector_config()
    config["peer-groups"]["routers"].update({"passive": True, "ttl-security-hops": 1})
    config["peer-groups"]["k8s"]["ttl-security-hops"] = 2
    reflector = daemons.reflector(fig, config).wait_until_ready()
    config = daemons.router_config()
    config["peer-groups"]["reflectors"]["ttl-security-hops"] = 1
    daemons.router(fig, config)
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["neighbors"][0]["ttl-security-hops"] = 2
    daemons.announcer(pod, config=config)
    reflector.wait_established(ROUTER, pod.address)


def test_a_router_that_is_behind_a_hop_is_not_heard_by_one_that_asks_for_neighbors_on_the_link(fig):
    """The one that connects asks too much: it throws the answers away."""
    daemons.reflector(fig, near_config()).wait_until_ready()
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["neighbors"][0]["ttl-security-hops"] = 1
    announcer = daemons.announcer(pod, config=config).wait_until_ready()
    wait_until(lambda: pod.ns.counter(DROPPED) >= 2, 10, "answers to be thrown away")
    assert announcer.state(REFLECTOR) in ("connect", "active")
