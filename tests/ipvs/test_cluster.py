"""contrib/kubernetes with everything in it, on a kernel with IPVS: both variants for the kernel's settings.

    client -- router (rrd) ==== node network ==== n1, n2, n3: DaemonSet node; a load balancer of web and a web pod on each
                                     |
                                 reflector (rrd), and the API
"""
import signal

import pytest

from lab import cluster, daemons, fig4, traffic, wait_until
from lab.ipvs import Ipvs
from lab.kubeapi import SPACE, KubeApi, slice_of


@pytest.mark.parametrize("overlay", ["kubelet", "init"])
def test_a_client_is_served_by_the_pods_of_the_service(lab, tmp_path, overlay):
    lab.need_modules("ipip")
    fig = fig4.Fig4(lab)
    top = cluster.change(cluster.changed(tmp_path, **cluster.SETTINGS), "services/web", namespace=SPACE)
    router = daemons.router(fig, cluster.outside(top, "router.conf"))
    daemons.reflector(fig, cluster.outside(top, "reflector.conf"))
    router.wait_established(fig4.REFLECTOR)
    api = KubeApi(lab, fig.reflector, fig4.REFLECTOR, f"IP:{fig4.REFLECTOR}")
    this = cluster.Cluster(fig, top, overlay, api)
    this.start_nodes()
    servers = [this.add_server("web", node, f"app-{node.name}") for node in fig.nodes]
    api.put(slice_of("web-a", [s.net.address for s in servers]))
    this.add_balancers(["web"])
    this.wait_ecmp(services=["web"])
    assert set(traffic.spread(fig.client, fig4.ADDRESS, 40)) == {"app-n1", "app-n2", "app-n3"}
    # The API's word, in all kernels.
    api.put(slice_of("web-a", [s.net.address for s in servers[1:]]))
    for balancer in this.balancers:
        wait_until(lambda b=balancer: Ipvs(b.ns).weights(fig4.ADDRESS).get(servers[0].net.address, 0) == 0, 10, "a server to leave")
    assert set(traffic.spread(fig.client, fig4.ADDRESS, 20)) == {"app-n2", "app-n3"}
    # The end of a pod: the hooks, then SIGTERM to both containers at once.
    leaving = this.balancers[0]
    assert leaving.pre_stop() == {"announcer": (0, "")}
    for process in leaving.processes.values():
        process.signal(signal.SIGTERM)
    assert {name: process.wait(25) for name, process in leaving.processes.items()} == {"announcer": 0, "agent": 0}
    this.wait_ecmp(["n2", "n3"], ["web"])
    assert set(traffic.spread(fig.client, fig4.ADDRESS, 20)) == {"app-n2", "app-n3"}
