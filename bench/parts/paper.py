"""The paper's own software on the whole of Fig. 4: ExaBGP and keepalived in the load-balancer pods, GoBGP as reflector, GoBGP with
FRR's zebra as router. IPVS forwards by NAT and masquerades, in turns (rr), as the paper's does.

The controller of the paper's Fig. 6, which writes keepalived's file and sends SIGHUP, is played by this file. The hold time is ours, not
the paper's 1800 s: otherwise a load balancer that is cut off would be missed after half an hour.
"""
import os
import signal

from lab import fig4, pair, whole
from lab.load import LOOK_S
from lab.wait import wait_until

from . import systems
from .programs import program

KEEPALIVED = """
virtual_server {address} 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind NAT
    protocol TCP
{servers}}}
"""
SERVER = """    real_server {address} 80 {{
        weight 1
        HTTP_GET {{
            url {{
                path /
                status_code 200
            }}
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }}
    }}
"""


class Bgp(systems.Paper):
    hold_time = whole.HOLD_TIME_S


class Reflector(pair.Reflector):
    """The only one."""

    def __init__(self, fig, process):
        self.fig, self.ns, self.process = fig, fig.reflector, process

    def kill(self):
        self.process.kill()

    def start(self):
        self.process = self.ns.start(self.process.argv, self.process.name)

    def stop(self):
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.process.signal(signal.SIGCONT)


class PaperWhole(whole.Whole):
    def __init__(self, lab):
        self.bgp = None
        super().__init__(lab, preserve=False)
        self.bound = False

    @classmethod
    def missing(cls):
        try:
            program("keepalived")
        except FileNotFoundError as e:
            return str(e)
        return Bgp.missing()

    def start_control(self):
        self.bgp = Bgp(self.fig)
        self.bgp.start()
        self.reflectors = [Reflector(self.fig, self.bgp.reflector)]

    def wait_control(self):
        """Whoever is up again has told."""
        self.wait_for_router(60)

    def wait_missed(self, _):
        wait_until(lambda: not self.fig.hops(), 30, "the router to have nothing", LOOK_S)

    def start_rules(self, pod):
        pod.ns.ip("route add local", fig4.SERVICE, "dev lo")
        pod.ipvs.masquerade()
        pod.keepalived_conf = f"keepalived-{pod.name}.conf"
        path = self.write_rules(pod)
        pod.agent = pod.ns.start([program("keepalived"), "--dont-fork", "--log-console", "--check", f"--use-file={path}",
                                  f"--pid=/run/keepalived-{pod.name}.pid", f"--checkers_pid=/run/checkers-{pod.name}.pid"],
                                 f"keepalived-{pod.name}")

    def write_rules(self, pod):
        servers = "".join(SERVER.format(address=w.address) for w in self.webs)
        return self.lab.file(pod.keepalived_conf, KEEPALIVED.format(address=fig4.ADDRESS, servers=servers))

    def wait_rules(self, *pods):
        wanted = {w.address: 1 for w in self.webs}

        def fact():
            found = [p.ipvs.weights(fig4.ADDRESS) for p in pods or self.balancers]
            assert all(f == wanted for f in found), f"the kernels have {found}"
            return True
        wait_until(fact, 60, f"{len(wanted)} web pods in the load balancers")

    def tell_webs(self):
        for pod in self.balancers:
            self.write_rules(pod)
            pod.agent.signal(signal.SIGHUP)

    @staticmethod
    def downs(_):
        """keepalived's word for it is the same as for what was taken from its file."""
        return 0

    def forget_web(self, pod):
        pass

    def start_announcer(self, pod):
        argv, environment = self.bgp.announcer(pod)
        pod.announcer = pod.ns.start(argv, f"exabgp-{pod.name}", env=environment)

    def terminate(self, pod):
        self.balancers.remove(pod)
        pod.announcer.terminate(30)
        pod.agent.terminate(30)
        self.remove(pod)

    def kill(self, pod):
        self.balancers.remove(pod)
        pod.announcer.kill()
        # Its child too, or that one would still tidy up.
        os.killpg(pod.agent.pid, signal.SIGKILL)
        pod.agent.wait()
        self.remove(pod)

    def hurry(self, pod):
        pass
