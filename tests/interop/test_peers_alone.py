"""The lab with the peers alone: what holds here is the lab's and the peers' doing, not rrd's.

    router (BIRD) ==== node network ==== reflector (BIRD) -- pods: ExaBGP on n1, a speaker of the test on n2
"""
from lab import bgp, peers, traffic, wait_until
from lab.fig4 import ADDRESS, REFLECTOR, SERVICE


def test_bird_reflects_and_routes_what_exabgp_and_a_speaker_announce(fig):
    peers.bird_reflector(fig)
    peers.bird_router(fig)
    pods = [fig.add_pod(1), fig.add_pod(2)]
    for pod in pods:
        pod.serve()
        pod.accept_service(SERVICE)
        pod.node.route_service(SERVICE, pod)
    exabgp = peers.Exabgp(pods[0], [(SERVICE, pods[0].node.address)])
    speaker = pods[1].speaker().establish()
    assert speaker.peer.router_id == REFLECTOR
    speaker.announce(SERVICE, pods[1].node.address)
    wait_until(lambda: fig.hops() == {"n1": 1, "n2": 1}, 20, "both next hops in the kernel")
    assert set(traffic.spread(fig.client, ADDRESS)) == {"lb1", "lb2"}
    speaker.close()
    wait_until(lambda: fig.hops() == {"n1": 1}, 5, "the speaker's next hop to go")
    exabgp.process.kill()
    wait_until(lambda: fig.hops() == {}, 5, "the route to go")


def test_the_speaker_decodes_what_bird_sends_with_and_without_add_path(fig):
    peers.bird_reflector(fig)
    ear = bgp.Speaker(fig.router, REFLECTOR, local="10.0.0.110", router_id="10.0.0.110",
                      add_path={bgp.IPV4: bgp.ADD_PATH_RECEIVE})
    wait_until(lambda: ear.open() or True, 5, "BIRD to listen")
    ear.establish()
    speakers = [fig.add_pod(n).speaker().establish() for n in (1, 2)]
    for number, speaker in enumerate(speakers):
        speaker.announce(SERVICE, f"10.0.0.{105 + number}")
    ear.wait_for_routes(SERVICE, ["10.0.0.105", "10.0.0.106"])
    assert {p.originator_id for p in ear.paths(SERVICE)} == {s.local for s in speakers}
    assert [p.cluster_list for p in ear.paths(SERVICE)] == [[REFLECTOR]] * 2
    speakers[0].withdraw(SERVICE)
    ear.wait_for_routes(SERVICE, ["10.0.0.106"])
    assert bgp.IPV4 in ear.ended
