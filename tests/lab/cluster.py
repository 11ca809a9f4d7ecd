"""contrib/kubernetes on the nodes of Fig. 4: the pods of an overlay, each started by kubelet.py as its manifest says."""
import copy
import os
import re
import shutil
import signal
import tempfile

import yaml

from . import daemons, fig4, kubelet, kustomize
from .agent import AgentStandIn, Service
from .wait import wait_until

TOP = os.path.join(daemons.TOP, "contrib", "kubernetes")
# As an operator would change settings.yaml for these networks.
SECOND, SECOND6 = "10.0.0.108", "fd00:10::108"
SETTINGS = {"as": "64999", "reflector": fig4.REFLECTOR, "second-reflector": SECOND, "range": "10.1.0.0/16 le 32", "router": fig4.ROUTER}
ADDRESSES = {"web": fig4.ADDRESS, "shop": fig4.ADDRESS2}


def changed(directory, **values):
    """A copy of contrib/kubernetes in which somebody has changed settings.yaml."""
    top = os.path.join(directory, "kubernetes")
    shutil.copytree(TOP, top)
    return change(top, "settings", **values)


def change(top, part, **values):
    """Changes the settings.yaml of that part."""
    path = os.path.join(top, part, "settings.yaml")
    settings, = kustomize.read(path)
    assert set(values) <= set(settings["data"])
    settings["data"].update(values)
    with open(path, "w") as f:
        f.write(daemons.dump(settings))
    return top


def workloads(objects):
    """{name: the Deployment or DaemonSet}"""
    return {o["metadata"]["name"]: o for o in objects if o["kind"] in kustomize.PODS}


def find(objects, kind, name):
    """The object of that name, with or without a hash behind it."""
    one, = [o for o in objects if o["kind"] == kind and re.fullmatch(rf"{name}(-[0-9a-z]{{10}})?", o["metadata"]["name"])]
    return one


def page_commands(container):
    """The commands of doc/kubernetes.md for a container of that name, as words."""
    with open(os.path.join(daemons.TOP, "doc", "kubernetes.md"), encoding="utf-8") as f:
        blocks = re.findall(rf"^```console {container}\n(.*?)^```", f.read(), re.S | re.M)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines and all(line.startswith("kubectl -n rrd exec ") for line in lines), lines
    return [line.partition(" -- ")[2].split() for line in lines]


def outside(top, name):
    """The configuration of a host outside of the cluster."""
    one, = kustomize.build(os.path.join(top, "outside"))
    return {**yaml.safe_load(one["data"][name]), "log": {"to": "stderr", "level": "debug"}}


class Cluster:
    """api: a KubeApi, for lb-ipvs-agent; None: that one is stood in for, where the kernel has no IPVS."""

    def __init__(self, fig, top, overlay="init", api=None):
        self.fig, self.lab, self.api = fig, fig.lab, api
        self.objects = kustomize.build(os.path.join(top, "overlays", overlay))
        self.hosts = {n: tempfile.mkdtemp(prefix="node-", dir="/run") for n in fig.nodes}
        self.balancers = []
        self.lab.closing(self)

    def close(self):
        """When the lab ends the load balancers are told to end at once: what a drain looks like was seen."""
        for _ in range(2):
            for pod in self.balancers:
                for process in pod.processes.values():
                    process.signal(signal.SIGTERM)
            wait_until(lambda: all(not p.running or "told to end" in p.log() for b in self.balancers for p in b.processes.values()), 10,
                       "all to have heard")

    def pod(self, ns, name, kind, node, address):
        facts = {"status.podIP": address, "status.hostIP": node.address, "spec.nodeName": node.name}
        more = {}
        if self.api:
            with open(self.api.ca_file) as f:
                more["token"] = {"token": "token-1\n", "ca.crt": f.read(), "namespace": "rrd"}
            more["env"] = {"KUBERNETES_SERVICE_HOST": self.api.address, "KUBERNETES_SERVICE_PORT": str(self.api.port)}
        template = copy.deepcopy(workloads(self.objects)[kind]["spec"]["template"])
        return kubelet.Pod(ns, name, template, self.objects, facts, self.hosts[node], **more)

    def start_nodes(self):
        """The DaemonSet; what its init containers printed."""
        self.nodes = [self.pod(n.ns, f"node-{n.name}", "node", n, n.address) for n in self.fig.nodes]
        outputs = [n.start() for n in self.nodes]
        for pod in self.nodes:
            pod.wait_ready()
        return outputs

    def add_balancer(self, service, node):
        net = self.fig.add_pod(node.number, f"{service}-{node.name}")
        pod = self.pod(net.ns, net.name, f"load-balancer-{service}", node, net.address)
        pod.net, but = net, ()
        if not self.api:
            # It answers itself, in the place of the servers behind it.
            net.serve()
            where = os.path.relpath(pod.path("sockets", "lb-ipvs-agent"), "/run")
            pod.agent = AgentStandIn(self.lab, Service(service, ADDRESSES[service]), name=where)
            os.chown(pod.agent.path, *(pod.spec["securityContext"][k] for k in ("runAsUser", "runAsGroup")))
            but = ("agent", "sysctls")
        self.balancers.append(pod)
        pod.start(but)
        return pod

    def add_reflector(self, which, node):
        """One of the two in the cluster: first or second."""
        net = self.fig.add_pod(node.number, f"reflector-{which}")
        pod = self.pod(net.ns, net.name, net.name, node, net.address)
        pod.start()
        pod.net = net
        return pod.wait_ready()

    def add_balancers(self, services=("web", "shop")):
        for service in services:
            for node in self.fig.nodes:
                self.add_balancer(service, node)
        for pod in self.balancers:
            pod.wait_ready(30)

    def add_server(self, service, node, name):
        """A pod of the application: prepared by its init container; what it serves with is the lab's."""
        net = self.fig.add_pod(node.number, name)
        pod = self.pod(net.ns, name, service, node, net.address)
        pod.net = net
        pod.start(but=(service,))
        net.serve()
        return pod

    @staticmethod
    def do_page(pod, name):
        """Carries out what doc/kubernetes.md asks of a container; {command: output}. Our builds look for sockets elsewhere than the
        image, so they are named."""
        container, found = pod.container(name), {}
        socket = container["readinessProbe"]["exec"]["command"]
        socket = socket[socket.index("-s"):][:2]
        for words in page_commands(name):
            code, output = pod.execute(container, [f"/usr/bin/{words[0]}", *socket, *words[1:]])
            assert code == 0, f"{' '.join(words)}: {output}"
            found[" ".join(words)] = output
        return found

    def wait_ecmp(self, nodes=("n1", "n2", "n3"), services=("web", "shop")):
        """Waits until the router's kernel has each service by way of these nodes."""
        def fact():
            found = {s: self.fig.hops(f"{ADDRESSES[s]}/32") for s in services}
            assert all(set(hops) == set(nodes) for hops in found.values()), found
            return True
        wait_until(fact, 20, f"{services} by way of {nodes} in the router's kernel")
