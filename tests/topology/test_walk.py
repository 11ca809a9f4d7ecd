"""doc/walk.md, done as it is written."""
import os

from lab import fig4, walk

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "doc", "walk.md")
SECOND_REFLECTOR, SECOND_REFLECTOR6 = "10.0.0.108", "fd00:10::108"


def test_the_walk_from_an_empty_network_to_two_reflectors(fig):
    second = fig.add_reflector("r2", SECOND_REFLECTOR, SECOND_REFLECTOR6)
    hosts = {"router": (fig.router, {}), "r1": (fig.reflector, {}), "r2": (second, {}), "client": (fig.client, {})}
    for node in fig.nodes:
        node.free = [10]
        pod = fig.add_pod(node.number)
        pod.serve()
        hosts[node.name] = (node.ns, {})
        hosts[pod.name] = (pod.ns, {"POD_IP": pod.address, "HOST_IP": node.address})
    assert [pod.address for pod in fig.pods] == [f"172.16.{n}.10" for n in (1, 2, 3)], fig4
    walk.Walk(fig.lab, hosts).go(PAGE)
