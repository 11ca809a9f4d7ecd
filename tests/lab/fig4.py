"""The paper's Fig. 4 and 5 in network namespaces.

             client 192.0.2.10
                |  192.0.2.0/24                        IPv6 beside each: client network fd00:c::/64
             router .1 / 10.0.0.110                    (.110 -> fd00:10::110 and so on)
                |
    ------------+----------- node network 10.0.0.0/16 (fd00:10::/64), a bridge ------------
        |               |               |                    |
      n1 .105         n2 .106         n3 .107           reflector .109
        | docker0       | docker0       | docker0       (has routes to the overlay: it belongs to it)
      pods            pods            pods
      172.16.1.0/24   172.16.2.0/24   172.16.3.0/24     (overlay 172.16.0.0/16; fd00:172:N::/64)

Each node owns a /24 of the overlay and knows the other nodes' by their addresses, as the reflector does. The router and the client
know nothing of the overlay. A pod is a namespace at a random address behind its node's bridge. Services are 10.1.1.0/24 and
10.1.2.0/24 (fd00:1:1::/64, fd00:1:2::/64). The router spreads by layer 4 (fib_multipath_hash_policy 1).
"""
from .bgp import Speaker
from .traffic import Responders

AS = 65021
ROUTER, ROUTER6 = "10.0.0.110", "fd00:10::110"
REFLECTOR, REFLECTOR6 = "10.0.0.109", "fd00:10::109"
CLIENT, CLIENT6 = "192.0.2.10", "fd00:c::10"
SERVICE, SERVICE2 = "10.1.1.0/24", "10.1.2.0/24"
SERVICE_V6, SERVICE2_V6 = "fd00:1:1::/64", "fd00:1:2::/64"
ADDRESS, ADDRESS2 = "10.1.1.1", "10.1.2.1"
ADDRESS_V6 = "fd00:1:1::1"


class Node:
    def __init__(self, fig, number):
        self.fig, self.number = fig, number
        self.name = f"n{number}"
        self.address, self.address6 = f"10.0.0.{104 + number}", f"fd00:10::{104 + number}"
        self.overlay, self.overlay6 = f"172.16.{number}.0/24", f"fd00:172:{number}::/64"
        self.ns = fig.attach(self.name, self.address, self.address6)
        self.ns.batch("link add docker0 type bridge",
                      "link set docker0 up",
                      f"addr add 172.16.{number}.1/24 dev docker0",
                      f"addr add fd00:172:{number}::1/64 dev docker0 nodad",
                      f"route add default via {ROUTER}",
                      f"route add default via {ROUTER6}")
        self.free = fig.lab.random.sample(range(10, 250), 200)

    def route_service(self, prefix, pod):
        """The node hands packets for the service to that pod: Fig. 7(b)(2), by the pod's address."""
        self.ns.ip("route replace", prefix, "via", pod.address6 if ":" in prefix else pod.address)

    def unroute_service(self, prefix):
        self.ns.ip("route del", prefix)

    def masquerade(self, to=None):
        """Pods of this node appear behind the node's address; to: only towards that address (IPv4)."""
        where = f"ip daddr {to}" if to else "ip daddr != 172.16.0.0/16"
        self.ns.run(["nft", "-f", "-"], text=f"""
            table ip lab_nat {{
                chain postrouting {{
                    type nat hook postrouting priority 100;
                    oifname "eth0" ip saddr {self.overlay} {where} masquerade
                }}
            }}""")


class Pod:
    """A pod at a random address of its node's part of the overlay."""

    def __init__(self, node, name):
        self.node, self.name, self.fig = node, name, node.fig
        host = node.free.pop()
        self.address, self.address6 = f"172.16.{node.number}.{host}", f"fd00:172:{node.number}::{host}"
        self.ns = self.fig.lab.ns(name)
        self.port = self.fig.lab.port(node.ns, "docker0", self.ns, "eth0")
        self.ns.batch(f"addr add {self.address}/24 dev eth0",
                      f"addr add {self.address6}/64 dev eth0 nodad",
                      f"route add default via 172.16.{node.number}.1",
                      f"route add default via fd00:172:{node.number}::1")

    def __repr__(self):
        return f"{self.name}({self.address} on {self.node.name})"

    def at(self, service):
        """Its address of the service's family."""
        return self.address6 if ":" in service else self.address

    def accept_service(self, prefix):
        """The pod takes packets for the service: Fig. 7(b)(3). The announcer does this itself."""
        self.ns.ip("route replace local", prefix, "dev lo")

    def serve(self):
        """The pod answers requests and probes with its name, on every address that is local to it."""
        self.fig.responders.serve(self.ns, self.name)

    def speaker(self, remote=None, **more):
        """A BGP speaker of the test at the pod's address, not yet connected; see bgp.Speaker."""
        more.setdefault("local", self.address6 if ":" in (remote or REFLECTOR) else self.address)
        more.setdefault("router_id", self.address)
        return Speaker(self.ns, remote or REFLECTOR, asn=more.pop("asn", AS), **more)

    def cut(self):
        """Nothing goes in or out any more and nobody is told: a silent death."""
        self.node.ns.set_link(self.port, False)

    def mend(self):
        self.node.ns.set_link(self.port, True)


class Fig4:
    def __init__(self, lab, nodes=3):
        self.lab = lab
        self.lan = lab.ns("lan")
        self.ports = {}
        # A bridge that learns at once and forwards nothing but frames.
        self.lan.batch("link add br0 type bridge", "link set br0 up")
        self._responders = None
        self.router = self.attach("router", ROUTER, ROUTER6)
        self.router.sysctl("net/ipv4/fib_multipath_hash_policy", 1)
        self.router.sysctl("net/ipv6/fib_multipath_hash_policy", 1)
        self.client = lab.ns("client")
        # Packets bring the hash of the client's socket along, and the router believes it. A socket that gets no answer chooses another
        # hash and with it another path, which no network of cables would do.
        self.client.sysctl("net/core/txrehash", 0)
        lab.link(self.router, "eth1", self.client, "eth0")
        self.router.batch("addr add 192.0.2.1/24 dev eth1", "addr add fd00:c::1/64 dev eth1 nodad")
        self.client.batch(f"addr add {CLIENT}/24 dev eth0", f"addr add {CLIENT6}/64 dev eth0 nodad",
                          "route add default via 192.0.2.1", "route add default via fd00:c::1")
        self.nodes = [Node(self, i + 1) for i in range(nodes)]
        self.reflectors = []
        self.reflector = self.add_reflector("reflector", REFLECTOR, REFLECTOR6)
        for node in self.nodes:
            self._overlay_routes(node.ns, node)
        self.pods = []

    def attach(self, name, address, address6):
        """A namespace with a port of the node network."""
        ns = self.lab.ns(name)
        self.ports[ns] = self.lab.port(self.lan, "br0", ns, "eth0")
        ns.batch(f"addr add {address}/16 dev eth0", f"addr add {address6}/64 dev eth0 nodad")
        return ns

    def set_cable(self, ns, up):
        """Of what attach() has attached; nobody is told."""
        self.lan.set_link(self.ports[ns], up)

    def add_reflector(self, name, address, address6):
        """A namespace in the node network that belongs to the overlay as well."""
        ns = self.attach(name, address, address6)
        ns.batch(f"route add default via {ROUTER}", f"route add default via {ROUTER6}")
        self._overlay_routes(ns)
        self.reflectors.append(ns)
        return ns

    def _overlay_routes(self, ns, but=None):
        lines = []
        for node in self.nodes:
            if node is not but:
                lines += [f"route add {node.overlay} via {node.address}",
                          f"route add {node.overlay6} via {node.address6}"]
        if lines:
            ns.batch(*lines)

    def add_pod(self, node=None, name=None, kind=Pod):
        """node: its number from 1, or None: the one with the fewest pods."""
        if node is None:
            node = min(self.nodes, key=lambda n: sum(p.node is n for p in self.pods)).number
        pod = kind(self.nodes[node - 1], name or f"lb{len(self.pods) + 1}")
        self.pods.append(pod)
        return pod

    def remove_pod(self, pod):
        """Its network is gone, as when the last container of a pod has ended; nobody is told."""
        self.pods.remove(pod)
        self.lab.remove_ns(pod.ns)

    @property
    def responders(self):
        if self._responders is None:
            self._responders = Responders(self.lab)
        return self._responders

    def hops(self, prefix=SERVICE):
        """{node's name or address: weight} in the router's kernel."""
        names = {n.address: n.name for n in self.nodes} | {n.address6: n.name for n in self.nodes}
        return {names.get(gateway, gateway): weight for gateway, weight in self.router.nexthops(prefix).items()}
