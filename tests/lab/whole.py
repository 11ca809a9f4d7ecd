"""The whole of the paper's Fig. 4, with IPVS in the load balancers and web pods behind them.

             client 192.0.2.10
                |
             router 10.0.0.110  (rrd)
                |
    ------------+----- node network 10.0.0.0/16 -----+---------------+---------------
        |               |               |            |               |
      n1 .105         n2 .106         n3 .107      n4 .108       reflectors .109, .120  (rrd, in the overlay; one cluster id)
        |               |               |            |
      lb1 web1        lb2 web2        lb3 web3     lb4, web4 when they come        pods of the overlay 172.16.0.0/16

A request: client, router, one node by ECMP, the load-balancer pod there (lb-announcer and lb-ipvs-agent), IPVS, a web pod wherever it
is; and back from the web pod by its own node (preserving mode: TUN), or by the load balancer (NAT with masquerade).

A pod is made anew each time it comes, at another address, and its network goes with it, as in a cluster. What the daemons are told is made
by the functions *_config of Whole; a load balancer comes and goes by add_balancers, terminate and kill, and by nothing else.
"""
import itertools
import re
import signal

from . import daemons, fig4, pair
from .ipvs import Ipvs
from .load import LOOK_S, Load, Web
from .wait import wait_until

# Patient: in a guest a pause of everything must not be taken for the end of a server.
CHECK = {"type": "http", "interval": "1s", "timeout": "1s", "rise": 2, "fall": 3}
# The reflector's least. What is cut off silently is missed after it.
HOLD_TIME_S = 3
# Whether lb-announcer is told of lb-ipvs-agent: it then announces what works, and the two end in order by themselves.
BOUND = True
# In which an agent that was killed is back.
GRACE_S = 6
# A connection that speaks once a second keeps its bucket; nearly all others are idle and free to move.
RESILIENT = {"prefixes": [fig4.SERVICE], "type": "resilient", "buckets": 4096, "idle-timer": 3}
PLAIN = {"prefixes": [fig4.SERVICE], "type": "hash-threshold"}


class WebPod(fig4.Pod):
    server = None

    def serve(self):
        self.server = Web(self.ns, self.name)


class BalancerPod(fig4.Pod):
    agent = announcer = None

    def __init__(self, node, name):
        super().__init__(node, name)
        self.ipvs = Ipvs(self.ns)


class Whole:
    """preserve: TUN, mh and preserve-connections; else NAT with masquerade and round robin."""

    def __init__(self, lab, preserve=True, resilient=False, nodes=4):
        self.lab, self.preserve, self.resilient = lab, preserve, resilient
        self.drain_s, self.bound = 5, BOUND
        self.fig = fig4.Fig4(lab, nodes)
        self.router, self.client = self.fig.router, self.fig.client
        self.balancers, self.webs = [], []
        self.numbers = {"lb": itertools.count(1), "web": itertools.count(1)}
        self.endpoints = daemons.Endpoints(lab)
        self.prepare_overlay()
        self.load = Load(self.client, fig4.ADDRESS)

    def prepare_overlay(self):
        if self.preserve:
            self.lab.need_modules("ipip")

    def close(self):
        """When the lab ends it tells everybody to end at once."""
        for pod in self.balancers:
            self.hurry(pod)

    # What the daemons are told.

    def reflector_config(self, address):
        return quiet(pair.reflector_config(address, HOLD_TIME_S))

    def router_config(self):
        config = pair.router_config(HOLD_TIME_S)
        config["fib"]["groups"] = [RESILIENT if self.resilient else PLAIN]
        return quiet(config)

    def announcer_config(self, pod):
        config = pair.announcer_config(pod, HOLD_TIME_S)
        config["drain"] = {"time": self.drain_s, "linger": 1}
        if self.bound:
            config["agent"] = {"socket": pod.agent.socket, "grace": GRACE_S}
        return quiet(config)

    def agent_config(self, _):
        service = {"name": "web", "address": fig4.ADDRESS, "port": 80, "checks": [CHECK], "source": self.endpoints.source,
                   "drain": {"time": 600}}
        if self.preserve:
            config = {"preserve-connections": True, "services": [service]}
        else:
            config = {"masquerade": True, "services": [{**service, "scheduler": "rr", "forward": "nat"}]}
        return quiet({**config, "log": {"to": "stderr"}})

    # Reflector and router.

    def start(self, balancers=3, webs=3):
        self.start_control()
        self.add_webs(webs)
        self.add_balancers(balancers)
        self.lab.closing(self)
        return self

    def start_control(self):
        second = self.fig.add_reflector("reflector2", pair.SECOND, pair.SECOND6)
        self.reflectors = [pair.Reflector(self.fig, ns, address, self.reflector_config(address))
                           for ns, address in zip((self.fig.reflector, second), pair.BOTH)]
        self.rrd = daemons.router(self.fig, self.router_config())
        self.rrd.wait_established(*pair.BOTH)

    def wait_control(self):
        """Waits until every reflector has everybody."""
        for reflector in self.reflectors:
            reflector.daemon.wait_established(fig4.ROUTER, *[p.address for p in self.balancers], timeout=30)

    def guard(self, bfd):
        """From now on all sessions are guarded by BFD with these settings, or none with None; waits until they are Up."""
        for reflector in self.reflectors:
            config = self.reflector_config(reflector.address)
            for group in config["peer-groups"].values():
                group.update({"bfd": bfd} if bfd else {})
            reflector.daemon.reload(config)
        for daemon, config in [(self.rrd, self.router_config()), *((p.announcer, self.announcer_config(p)) for p in self.balancers)]:
            for session in [*config.get("peer-groups", {}).values()] or config["neighbors"]:
                session.update({"bfd": bfd} if bfd else {})
            daemon.reload(config)
        wanted = 1 + len(self.balancers) if bfd else 0
        for reflector in self.reflectors:
            wait_until(lambda d=reflector.daemon: sum(row["state"] == "Up" for row in d.show("bfd")) == wanted, 30,
                       f"{wanted} BFD sessions at {reflector.address}", LOOK_S)

    def wait_missed(self, reflector):
        """Waits until the router has given it up."""
        wait_until(lambda: self.rrd.state(reflector.address) != "established", 30, f"{reflector.address} to be missed", LOOK_S)

    # Load balancers.

    def new_pod(self, kind, name):
        """On the node that has fewest of this kind."""
        def load(node):
            return sum(p.node is node and isinstance(p, kind) for p in self.fig.pods)
        return self.fig.add_pod(min(self.fig.nodes, key=load).number, f"{name}{next(self.numbers[name])}", kind)

    def new_balancer(self):
        """A pod that is there and does nothing yet."""
        return self.new_pod(BalancerPod, "lb")

    def add_balancers(self, count=1):
        """New load balancers, announced and in the router's kernel."""
        pods = [self.new_balancer() for _ in range(count)]
        self.prepare_balancers(*pods)
        for pod in pods:
            self.start_announcer(pod)
        self.wait_for_router()
        return pods

    def prepare_balancers(self, *pods):
        """All but the announcement: rules and checks come first."""
        for pod in pods:
            pod.node.route_service(fig4.SERVICE, pod)
            self.balancers.append(pod)
            self.start_rules(pod)
        self.wait_rules(*pods)

    def start_rules(self, pod):
        pod.agent = daemons.Agent(pod, self.agent_config(pod))

    def wait_rules(self, *pods):
        """Waits until the kernels of these load balancers have the web pods, all that are well."""
        for pod in pods or self.balancers:
            pod.agent.wait_weights(self.webs, timeout=30)

    @staticmethod
    def downs(balancers):
        """How often one of them has taken a web pod for down, since the start."""
        return sum(len(re.findall("-> down", p.agent.log())) for p in balancers)

    def wait_rules_without(self, gone):
        """Waits until nothing new is sent to that web pod: it has weight 0 everywhere, or is not there."""
        for pod in self.balancers:
            wait_until(lambda b=pod: not b.ipvs.weights(fig4.ADDRESS).get(gone.address), 30, f"{gone} to be out in {pod}")

    def start_announcer(self, pod):
        pod.announcer = daemons.announcer(pod, config=self.announcer_config(pod))

    def drain(self, pod, seconds):
        """Back when the command was taken."""
        pod.announcer.ctl("drain", str(seconds))

    def wait_withdrawn(self, pod):
        pod.announcer.wait_for_log("withdrawing", 120)

    def terminate(self, pod):
        """What a cluster does with a pod that is to go: TERM, and when both have ended its network goes."""
        self.balancers.remove(pod)
        if self.bound:
            pod.agent.process.signal(signal.SIGTERM)
        assert pod.announcer.process.terminate(60) == 0
        assert pod.agent.process.terminate(30) == 0
        self.remove(pod)

    def kill(self, pod):
        """The pod is killed with all that is in it."""
        self.balancers.remove(pod)
        for daemon in (pod.announcer, pod.agent):
            daemon.process.kill()
        self.remove(pod)

    def remove(self, pod):
        """Its network is gone; the node's route follows when nobody sends there any more."""
        self.fig.remove_pod(pod)
        self.wait_for_router()
        pod.node.unroute_service(fig4.SERVICE)

    def hurry(self, pod):
        for daemon in (pod.announcer, pod.agent):
            if daemon:
                daemon.process.signal(signal.SIGTERM)

    def wait_for_router(self, timeout=30):
        """Waits until the router's kernel has the load balancers that there are, and no others."""
        wanted = {p.node.name for p in self.balancers}

        def fact():
            found = set(self.fig.hops())
            assert found == wanted, f"the router's kernel has {sorted(found)}"
            return True
        wait_until(fact, timeout, f"{fig4.SERVICE} via {', '.join(sorted(wanted)) or 'nothing'}", LOOK_S)

    # Web pods.

    def new_web(self):
        """A web pod that serves and that nobody has been told of yet."""
        pod = self.new_pod(WebPod, "web")
        if self.preserve:
            pod.ns.run([daemons.binary("lb-ipvs-agent"), "--real-server", "--state", f"/run/real-server-{pod.name}",
                        fig4.ADDRESS])
        pod.serve()
        return pod

    def add_webs(self, count=1):
        """New web pods; waits until every load balancer has them."""
        new = [self.new_web() for _ in range(count)]
        self.webs += new
        self.tell_webs()
        self.wait_rules()
        return new

    def tell_webs(self):
        self.endpoints.write(self.webs)

    def take_web(self, pod):
        """It is no longer in the list: no new connections. It serves those that it has."""
        self.webs.remove(pod)
        self.tell_webs()

    def remove_web(self, pod):
        """It is gone from all load balancers, since it has no connections any more."""
        self.forget_web(pod)
        if pod in self.webs:
            self.take_web(pod)
        for balancer in self.balancers:
            wait_until(lambda b=balancer: pod.address not in b.ipvs.weights(fig4.ADDRESS), 30, f"{pod} to leave {balancer}")
        if pod.server.process.running:
            pod.server.go_on()
            pod.server.kill()
        self.fig.remove_pod(pod)

    def forget_web(self, pod):
        """Load balancers that have handed a connection over to another know of it for a quarter of an hour: no drain waits for that.
        One that has deleted it already refuses."""
        for balancer in self.balancers:
            balancer.agent.ctl("drain", pod.address, "1", check=False)


def quiet(config):
    config["log"]["level"] = "info"
    return config
