"""contrib/kubernetes with everything in it, on a kernel with IPVS: both variants for the kernel's settings.

    client -- router (rrd) ==== node network ==== n1, n2: DaemonSet node; a load balancer of web and a web pod on each
                                     |
                                 reflector (rrd), and the API
"""
import signal

from lab import cluster, daemons, fig4, traffic, wait_until
from lab.ipvs import Ipvs
from lab.kubeapi import SPACE, KubeApi, slice_of


def start(lab, tmp_path, overlay, nodes):
    """A cluster whose service has a server on each node, known to the API, and a load balancer on each that is ready."""
    lab.need_modules("ipip")
    fig = fig4.Fig4(lab, nodes)
    top = cluster.change(cluster.changed(tmp_path, **cluster.SETTINGS), "services/web", namespace=SPACE)
    router = daemons.router(fig, cluster.outside(top, "router.conf"))
    daemons.reflector(fig, cluster.outside(top, "reflector.conf"))
    router.wait_established(fig4.REFLECTOR)
    this = cluster.Cluster(fig, top, overlay, KubeApi(lab, fig.reflector, fig4.REFLECTOR, f"IP:{fig4.REFLECTOR}"))
    this.start_nodes()
    this.servers = [this.add_server("web", node, f"app-{node.name}") for node in fig.nodes]
    this.api.put(slice_of("web-a", [s.net.address for s in this.servers]))
    this.add_balancers(["web"])
    this.wait_ecmp([n.name for n in fig.nodes], ["web"])
    # A load balancer announces with the first server that passes its check.
    for balancer in this.balancers:
        wait_until(lambda b=balancer: all(Ipvs(b.ns).weights(fig4.ADDRESS).get(s.net.address) for s in this.servers), 10, "all servers")
    assert set(traffic.spread(fig.client, fig4.ADDRESS, 40)) == {s.name for s in this.servers}
    return this


def test_settings_by_a_privileged_init_container(lab, tmp_path):
    start(lab, tmp_path, "init", nodes=1)


def test_settings_by_the_kubelet_and_the_end_of_a_pod(lab, tmp_path):
    this = start(lab, tmp_path, "kubelet", nodes=2)
    shown = this.do_page(this.balancers[0], "agent")
    assert "watching" in shown["rrctl -i show sources"] and "passed" in shown["rrctl -i show checks"], shown
    # The API's word, in all kernels.
    gone = this.servers[0].net.address
    this.api.put(slice_of("web-a", [s.net.address for s in this.servers[1:]]))
    for balancer in this.balancers:
        wait_until(lambda b=balancer: Ipvs(b.ns).weights(fig4.ADDRESS).get(gone, 0) == 0, 10, "a server to leave")
    assert set(traffic.spread(this.fig.client, fig4.ADDRESS, 20)) == {"app-n2"}
    # The end of a pod: the hooks, then SIGTERM to both containers at once.
    leaving = this.balancers[0]
    assert leaving.pre_stop() == {"announcer": (0, "")}
    for process in leaving.processes.values():
        process.signal(signal.SIGTERM)
    assert {name: process.wait(25) for name, process in leaving.processes.items()} == {"announcer": 0, "agent": 0}
    this.wait_ecmp(["n2"], ["web"])
    assert set(traffic.spread(this.fig.client, fig4.ADDRESS, 20)) == {"app-n2"}
