"""Load balancers with IPVS, and web pods, as in the paper's Fig. 6: an overlay with a client network beside it.

      client 192.0.2.10                                       IPv6 beside each: fd00:c::/64
         |  192.0.2.0/24
      router .1 / 172.16.0.1        ECMP by layer 4 to the load balancers
         |
    -----+------------+-------- overlay 172.16.0.0/16 (fd00:172::/64): a bridge in the router, its MTU is an option
         |            |                |             |
       lb1 .0.11    lb2 .0.12 ...    web1 .1.1     web2 .1.2 ...      (fd00:172::11, fd00:172::1:1 and so on)

The service prefixes are 10.1.1.0/24 and fd00:1:1::/64: local in each load balancer, and where TUN or DR wants it also in the
pods. Pods answer by the router, and with NAT by the load balancer. Each is a network namespace; `crowd` is one namespace
with many pods' addresses. Servers and clients are threads of the test process: where the kernel is slow, so are processes.
"""
from . import traffic
from .ipvs import Ipvs

CLIENT, CLIENT6 = "192.0.2.10", "fd00:c::10"
CLIENT_NET, CLIENT_NET6 = "192.0.2.0/24", "fd00:c::/64"
ROUTER, ROUTER6 = "172.16.0.1", "fd00:172::1"
SERVICE, SERVICE6 = "10.1.1.0/24", "fd00:1:1::/64"
ADDRESS, ADDRESS6 = "10.1.1.1", "fd00:1:1::1"
# What service addresses look like inside a pod, by family.
FAMILIES = {"ipv4": ADDRESS, "ipv6": ADDRESS6}
FORWARD_FLAG = {"nat": "-m", "dr": "-g", "tun": "-i"}


class Member:
    """A load balancer or a pod: a namespace with an address in the overlay."""

    def __init__(self, farm, name, ns, address, address6):
        self.farm, self.name, self.ns, self.address, self.address6 = farm, name, ns, address, address6

    def __repr__(self):
        return f"{self.name}({self.address})"

    def at(self, service):
        """Its address of the service's family."""
        return self.address6 if ":" in service else self.address


class Balancer(Member):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ipvs = Ipvs(self.ns)
        self.daemon = None

    def by_hand(self, service, members, forward="tun", protocols=("tcp", "udp"), ports=(traffic.PORT,), scheduler="rr",
                options=""):
        """A service for each protocol and port with these servers, made by ipvsadm."""
        lines = []
        target = f"[{service}]" if ":" in service else service
        for protocol in protocols:
            for port in ports:
                key = f"-{protocol[0]} {target}:{port}"
                lines.append(f"-A {key} -s {scheduler} {options}")
                for m in members:
                    server = f"[{m.at(service)}]" if ":" in service else m.at(service)
                    lines.append(f"-a {key} -r {server}:{port} {FORWARD_FLAG[forward]} -w 1")
        self.ipvs.restore(*lines)

    def masquerade(self):
        """Servers see our address as the client's: answers come back to us whatever their routes."""
        self.ipvs.masquerade()

    def cut(self):
        """Nothing goes in or out any more and nobody is told."""
        self.farm.router.ip(f"link set {self.name} down")

    def mend(self):
        self.farm.router.ip(f"link set {self.name} up")


class Pod(Member):
    """prepare() makes it a real server; the services' addresses are its own from then on, except with NAT."""

    def prepare(self, forward, balancer=None):
        if forward == "tun":
            self.ns.lab.need_modules("ipip", "ip6_tunnel")
            self.ns.batch(f"addr add {ADDRESS}/32 dev tunl0", "link set tunl0 up",
                          f"addr add {ADDRESS6}/128 dev ip6tnl0 nodad", "link set ip6tnl0 up")
            self.ns.sysctl("net/ipv4/conf/tunl0/rp_filter", 0)
        elif forward == "dr":
            # Neither says so on the bridge: only the load balancer answers for the address there.
            self.ns.sysctl("net/ipv4/conf/all/arp_ignore", 1)
            self.ns.sysctl("net/ipv4/conf/all/arp_announce", 2)
            self.ns.batch(f"addr add {ADDRESS}/32 dev lo", f"addr add {ADDRESS6}/128 dev lo nodad")
        elif balancer:
            self.ns.batch(f"route replace {CLIENT_NET} via {balancer.address}",
                          f"route replace {CLIENT_NET6} via {balancer.address6}")

    def serve(self):
        """Answers requests, probes and talks with its name."""
        self.farm.responders.serve(self.ns, self.name)
        self.farm.talks.serve(self.ns, self.name)

    def cut(self):
        self.farm.router.ip(f"link set {self.name} down")

    def mend(self):
        self.farm.router.ip(f"link set {self.name} up")


class LbFarm:
    def __init__(self, lab, balancers=1, pods=3, mtu=1500):
        self.lab, self.mtu = lab, mtu
        self.router, self.client = lab.ns("router"), lab.ns("client")
        self.router.sysctl("net/ipv4/fib_multipath_hash_policy", 1)
        self.router.sysctl("net/ipv6/fib_multipath_hash_policy", 1)
        self.balancers, self.pods = [], []
        self._responders = self._talks = None
        lab.link(self.router, "eth1", self.client, "eth0")
        self.router.batch("link add br0 type bridge", f"link set br0 mtu {mtu} up",
                          f"addr add {ROUTER}/16 dev br0", f"addr add {ROUTER6}/64 dev br0 nodad",
                          "addr add 192.0.2.1/24 dev eth1", "addr add fd00:c::1/64 dev eth1 nodad")
        self.client.batch(f"addr add {CLIENT}/24 dev eth0", f"addr add {CLIENT6}/64 dev eth0 nodad",
                          "route add default via 192.0.2.1", "route add default via fd00:c::1")
        self.add(balancers, pods)

    def add(self, balancers=0, pods=0):
        """Adds that many, with few processes; returns the new ones."""
        new = []
        for _ in range(balancers):
            n = sum(isinstance(m, Balancer) for m in self.balancers + new) + 1
            new.append(Balancer(self, f"lb{n}", self.lab.ns(f"lb{n}"), f"172.16.0.{10 + n}", f"fd00:172::{10 + n}"))
        for _ in range(pods):
            n = sum(isinstance(m, Pod) for m in self.pods + new) + 1
            new.append(Pod(self, f"web{n}", self.lab.ns(f"web{n}"), f"172.16.1.{n}", f"fd00:172::1:{n:x}"))
        self.plug(new)
        for member in new:
            lines = [f"link set eth0 mtu {self.mtu} up",
                     f"addr add {member.address}/16 dev eth0", f"addr add {member.address6}/64 dev eth0 nodad",
                     f"route add default via {ROUTER}", f"route add default via {ROUTER6}"]
            if isinstance(member, Balancer):
                lines += [f"route add local {p} dev lo" for p in (SERVICE, SERVICE6)]
                self.balancers.append(member)
            else:
                self.pods.append(member)
            member.ns.batch(*lines)
        return new

    def plug(self, members):
        """A cable from each to the bridge: the router's end has the member's name."""
        self.lab.run(["ip", "-batch", "-"], text="".join(
            f"link add eth0 netns {m.ns.name} type veth peer name {m.name} netns router\n" for m in members))
        self.router.batch(*[f"link set {m.name} mtu {self.mtu} master br0 up" for m in members])

    def twins(self, pod, count):
        """Further addresses of a pod, each a server of its own for the load balancers. IPv4."""
        n = int(pod.name[len("web"):])
        twins = [Pod(self, f"{pod.name}-{i}", pod.ns, f"172.16.{100 + i}.{n}", None) for i in range(count)]
        pod.ns.batch(*[f"addr add {t.address}/16 dev eth0" for t in twins])
        return twins

    def crowd(self, count):
        """That many pods in one namespace, which takes what comes out of the tunnel and answers nothing. IPv4."""
        self.lab.need_modules("ipip")
        ns = self.lab.ns("crowd")
        pods = [Pod(self, f"crowd{n + 1}", ns, f"172.16.{2 + n // 250}.{1 + n % 250}", None) for n in range(count)]
        self.plug([Member(self, "crowd", ns, None, None)])
        ns.sysctl("net/ipv4/ip_forward", 0)
        ns.batch(f"link set eth0 mtu {self.mtu} up", "link set tunl0 up",
                 *[f"addr add {p.address}/16 dev eth0" for p in pods])
        return pods

    def route_service(self, *balancers):
        """The router's next hops for the services: these load balancers, equal; without any there is no route."""
        lines = []
        for prefix in (SERVICE, SERVICE6):
            hops = " ".join(f"nexthop via {b.at(prefix)}" for b in balancers)
            lines.append(f"route replace {prefix} {hops}" if hops else f"route flush {prefix}")
        self.router.batch(*lines)

    def prepare(self, forward, balancer=None):
        """All pods become real servers, and serve."""
        for pod in self.pods:
            pod.prepare(forward, balancer)
            pod.serve()

    @property
    def responders(self):
        if self._responders is None:
            self._responders = traffic.Responders(self.lab)
        return self._responders

    @property
    def talks(self):
        if self._talks is None:
            self._talks = traffic.Talks(self.lab, interval_s=0.2)
        return self._talks
