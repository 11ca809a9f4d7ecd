"""What one neighbor told us, was told by us, and told us in vain: show received, advertised and rejected.

    router speaker (test) -- reflector (rrd) -- pod speakers (test) on n1, n2
"""
import struct

import pytest

from lab import bgp, daemons, fig4
from lab.fig4 import REFLECTOR, ROUTER, SERVICE
from lab.wait import wait_until

HOP = "10.0.0.105"


@pytest.fixture
def ear(fig, reflector):
    return bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER,
                       add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE}).establish()


def communities(*pairs):
    return bgp.attribute(bgp.COMMUNITIES, b"".join(struct.pack("!HH", *p) for p in pairs))


def test_advertised_is_what_the_neighbor_has_with_the_attributes_it_got(fig, reflector, ear):
    pods = [fig.add_pod(1), fig.add_pod(2)]
    for pod, pref in zip(pods, (100, 200)):
        pod.speaker().establish().announce(SERVICE, HOP, local_pref=pref, med=7, more=communities((65021, pref)))
    wait_until(lambda: len(ear.paths(SERVICE)) == 2, 10, "both paths")
    rows = reflector.show("advertised", ROUTER)
    told = {(p.path_id, p.next_hop, p.originator_id, p.local_pref, f"65021:{p.communities[0][1]}",
             tuple(p.cluster_list)) for p in ear.paths(SERVICE)}
    assert {(r["path-id"], r["next-hop"], r["originator-id"], r["local-pref"], r["communities"],
             tuple(r["cluster-list"])) for r in rows} == told
    assert {r["from"] for r in rows} == {p.address for p in pods}
    assert {r["med"] for r in rows} == {7} and not any(r["pending"] for r in rows)
    assert reflector.show("advertised", pods[0].address) == []
    text = reflector.ctl("show", "advertised", ROUTER)
    assert "PREFIX" in text and pods[0].address in text and "65021:200" in text


def test_advertised_to_the_outside_is_without_what_is_for_the_inside(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["routers"] = {"peer-as": 65099}
    reflector = daemons.reflector(fig, config).wait_until_ready()
    ear = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER, asn=65099).establish()
    fig.add_pod(1).speaker().establish().announce(SERVICE, HOP)
    ear.wait_for_routes(SERVICE, [REFLECTOR])
    row, = reflector.show("advertised", ROUTER)
    assert row["as-path"] == str(fig4.AS) and row["next-hop"] == REFLECTOR
    assert "local-pref" not in row and "originator-id" not in row and row["cluster-list"] == []


def test_received_is_what_was_taken_from_that_neighbor_alone(fig, reflector, ear):
    pods = [fig.add_pod(1), fig.add_pod(2)]
    for pod in pods:
        pod.speaker().establish().announce(SERVICE, HOP)
    wait_until(lambda: len(ear.paths(SERVICE)) == 2, 10, "both paths")
    row, = reflector.show("received", pods[0].address)
    assert row["prefix"] == SERVICE and row["next-hop"] == HOP and row["from"] == pods[0].address
    assert reflector.show("received", ROUTER) == []
    assert SERVICE in reflector.ctl("show", "received", pods[0].address)


def test_rejected_are_the_newest_with_their_reasons_and_how_many_more(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["keep-rejected"] = 3
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    speaker = pod.speaker().establish()
    assert wait_for_rejected(reflector, pod, 0) == []
    speaker.announce([f"10.2.{i}.0/24" for i in range(5)], HOP)
    speaker.announce(SERVICE, "192.0.2.1")
    rows = wait_for_rejected(reflector, pod, 6)
    assert [(r["prefix"], r["reason"]) for r in rows[:-1]] == [
        (SERVICE, "next hop not allowed"), ("10.2.4.0/24", "prefix not allowed"), ("10.2.3.0/24", "prefix not allowed")]
    assert rows[0]["next-hop"] == "192.0.2.1"
    assert rows[-1]["not-kept"] == 3
    assert reflector.ctl("show", "rejected", pod.address).splitlines()[-1] == \
        "and 3 more, not kept (keep-rejected is 3)"
    # Taken now, and withdrawn: they are no refused routes any more.
    speaker.announce(SERVICE, HOP)
    speaker.withdraw("10.2.4.0/24")
    wait_until(lambda: [r.get("prefix") for r in reflector.show("rejected", pod.address)] == ["10.2.3.0/24", None],
               10, "the list to follow")


def wait_for_rejected(reflector, pod, number):
    def fact():
        row = reflector.show("neighbor", pod.address)[0]
        return sum(row["rejected"].values()) == number
    wait_until(fact, 10, f"{number} refused routes")
    return reflector.show("rejected", pod.address)


def test_rejected_of_a_configured_neighbor_outlive_the_session_that_ended_for_them(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["routers"]["import"] = {"max-prefixes": 2}
    reflector = daemons.reflector(fig, config).wait_until_ready()
    speaker = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    speaker.announce([f"10.1.{i}.0/24" for i in range(3)], HOP)
    assert speaker.wait_for_end() == (6, 1)
    row, = reflector.show("rejected", ROUTER)
    assert row["prefix"] == "10.1.2.0/24" and row["reason"] == "over max-prefixes"


def test_of_a_neighbor_that_is_not_there_it_is_said_so(fig, reflector):
    for what in ("received", "advertised", "rejected"):
        with pytest.raises(Exception, match="there is no neighbor 10.9.9.9"):
            reflector.ctl("show", what, "10.9.9.9")
    with pytest.raises(Exception, match=f"neighbor {ROUTER} is not up"):
        reflector.ctl("show", "advertised", ROUTER)


def test_a_long_walk_that_finds_nothing_ends_all_the_same(fig):
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"]["import"] = {"next-hops": ["10.0.0.0/16"]}
    reflector = daemons.reflector(fig, config).wait_until_ready()
    ear = bgp.Speaker(fig.router, REFLECTOR, local=ROUTER, router_id=ROUTER).establish()
    speaker = fig.add_pod(1).speaker().establish()
    for i in range(40):
        speaker.announce([f"20.{i}.{k >> 2}.{(k & 3) * 64}/26" for k in range(500)], HOP)
    wait_until(lambda: reflector.status()["ipv4-unicast"]["paths"] == 20000, 20, "the table")
    assert reflector.show("received", ROUTER) == []
    assert reflector.show("routes 30.0.0.0/8 longer") == []
    speaker.announce(SERVICE, HOP)
    ear.wait_for_routes(SERVICE, [HOP], timeout=20)
    assert [r["prefix"] for r in reflector.show("routes 10.1.0.0/16 longer")] == [SERVICE]
    assert len(reflector.show("advertised", ROUTER)) == 20001
