"""lb-ipvs-agent and keepalived on one load balancer of a farm, with settings that mean the same.

ours        endpoint file, replaced by renaming
kubernetes  the same program; EndpointSlices, which an API server of the lab's tells to a watch over HTTPS
keepalived  its health checker alone (no VRRP, no BFD); configuration written, then SIGHUP, as the paper's controller does
Both: TUN, a server that fails stays with weight 0, one that is no longer listed is deleted at once, one pass makes it good again.
"""
import os
import signal
from dataclasses import dataclass

from lab import daemons, kubeapi, lbfarm

from .programs import first_line, program


@dataclass(frozen=True)
class Settings:
    """Of the service and its one check."""
    check: str          # tcp or http
    interval_ms: int
    timeout_ms: int
    retry_ms: int       # from a failed run to the next
    fall: int = 2
    initial_up: bool = True  # a new server is used before it has been asked
    port: int = 80      # the service's; checks ask port 80
    scheduler: str = "rr"


class Ours:
    name, title = "ours", "lb-ipvs-agent"
    events = None  # all; or those that make a difference

    def __init__(self, balancer, settings, addresses):
        more = self.list_servers(balancer)
        self.change(self.prepared(addresses))
        check = {"type": settings.check, "port": 80, "interval": f"{settings.interval_ms}ms", "timeout": f"{settings.timeout_ms}ms",
                 "retry-interval": f"{settings.retry_ms}ms", "rise": 1, "fall": settings.fall,
                 "initial": "up" if settings.initial_up else "down"}
        service = daemons.virtual(self.source, port=settings.port, scheduler=settings.scheduler, checks=[check],
                                  drain={"time": 0, "on-failure": "keep"})
        config = daemons.agent_config(service, log={"to": "stderr", "level": "info"}, **more)
        del config["ipvs"]["compare-interval"]  # its default
        self.process = daemons.Agent(balancer, config).process

    def list_servers(self, balancer):
        """Makes what the list stands in; what the configuration has of it."""
        self.file = daemons.Endpoints(balancer.ns.lab)
        self.source = self.file.source
        return {}

    @staticmethod
    def prepared(addresses):
        """What change() writes for a list of servers."""
        return "servers:\n" + "".join(f"  - address: {a}\n" for a in addresses)

    def change(self, text):
        self.file.write_text(text)

    @classmethod
    def missing(cls):
        try:
            daemons.binary("lb-ipvs-agent")
        except FileNotFoundError as e:
            return str(e)
        return None

    @classmethod
    def version(cls):
        return first_line(daemons.binary("lb-ipvs-agent"), "--version")


class Kubernetes(Ours):
    name, title = "kubernetes", "lb-ipvs-agent, Kubernetes"
    events = ("added", "admitted", "removed")

    def list_servers(self, balancer):
        self.api = kubeapi.KubeApi(balancer.ns.lab, balancer.ns)
        self.source = {"kubernetes": {"service": "web", "namespace": kubeapi.SPACE}}
        return {"kubernetes": self.api.config()}

    @staticmethod
    def prepared(addresses):
        """In slices of 100, as the controller makes them."""
        return [kubeapi.slice_of(f"web-{n}", addresses[n:n + 100]) for n in range(0, len(addresses), 100)]

    def change(self, slices):
        """Of the slices those that are not as they were."""
        now = {s["metadata"]["name"]: s for s in slices}
        self.api.put(*[s for n, s in now.items() if self.api.endpoints(n) != s["endpoints"]])
        self.api.delete(*[n for n in list(self.api.stored) if n not in now])


class Keepalived:
    name, title = "keepalived", "keepalived"
    events = None
    CHECKS = {"tcp": "TCP_CHECK {\n      connect_port 80\n    }",
              "http": "HTTP_GET {\n      connect_port 80\n      url {\n        path /\n        status_code 200-299\n      }\n    }"}

    def __init__(self, balancer, settings, addresses):
        self.lab, self.settings = balancer.ns.lab, settings
        self.path = os.path.join(self.lab.directory, "keepalived.conf")
        self.write(self.prepared(addresses))
        run = os.path.join(self.lab.directory, "keepalived")
        self.process = balancer.ns.start(
            [program("keepalived"), "--dont-fork", "--log-console", "--check", "--no_bfd", "--use-file", self.path,
             "--pid", f"{run}.pid", "--checkers_pid", f"{run}-checkers.pid"], "keepalived")

    def prepared(self, addresses):
        s = self.settings
        alpha = "" if s.initial_up else "  alpha\n"
        flags = "  mh-port\n  mh-fallback\n" if s.scheduler == "mh" else ""
        servers = "".join(f"  real_server {a} {s.port} {{\n    weight 1\n    {self.CHECKS[s.check]}\n  }}\n" for a in addresses)
        return (f"virtual_server {lbfarm.ADDRESS} {s.port} {{\n  lvs_sched {s.scheduler}\n{flags}  lvs_method TUN\n  protocol TCP\n"
                f"  delay_loop {s.interval_ms / 1000:g}\n  connect_timeout {s.timeout_ms / 1000:g}\n  retry {s.fall - 1}\n"
                f"  delay_before_retry {s.retry_ms / 1000:g}\n  inhibit_on_failure\n{alpha}{servers}}}\n")

    def write(self, text):
        os.rename(self.lab.file("keepalived.new", text), self.path)

    def change(self, text):
        self.write(text)
        self.process.signal(signal.SIGHUP)

    @classmethod
    def missing(cls):
        try:
            program("keepalived")
        except FileNotFoundError as e:
            return str(e)
        return None

    @classmethod
    def version(cls):
        return first_line(program("keepalived"), "--version")


SYSTEMS = {s.name: s for s in (Ours, Kubernetes, Keepalived)}
