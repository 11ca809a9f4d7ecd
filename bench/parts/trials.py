"""One thing happens to the whole of Fig. 4 while connections live and requests come: what became of them.

Each trial has connections of its own. Where a load balancer comes or goes, a web pod is added before: some connections were opened
before that last change of the servers (epoch 0), most after it (epoch 1), and mh promises something to the latter only. Where a web
pod is what comes or goes, epoch 0 is before and epoch 1 after that.

A trial is a method of Trials named after the event with its docstring as the heading. It brings the system into the state it needs, calls
`with self.watch(...)` around the event, and puts everything back.
"""
import contextlib
import threading
import time
from collections import Counter

from lab import fig4
from lab.load import LOOK_S, SILENCE_S
from lab.wait import wait_until
from lab.whole import HOLD_TIME_S

from .fib import Fib

REQUEST_EVERY_S = 0.005
KERNEL_S = 30


class Sizes:
    """How much of everything."""

    def __init__(self, before=60, after=140, later=40, opening_s=4, answers=6, drain_s=3):
        self.before, self.after, self.later = before, after, later
        self.opening_s, self.answers, self.drain_s = opening_s, answers, drain_s


FULL = Sizes()
QUICK = Sizes(before=30, after=70, later=20, opening_s=1.2, answers=3, drain_s=2)


class Watch(threading.Thread):
    """Waits for the router's kernel beside what the trial does: a time is taken when the notification comes."""

    def __init__(self, fib, wanted, limit_s):
        super().__init__(daemon=True)
        fib.drain()
        self.fib, self.wanted, self.limit_s = fib, wanted, limit_s
        self.start_ns, self.end_ns = time.monotonic_ns(), None
        self.start()

    def run(self):
        self.end_ns = self.fib.wait(self.wanted, self.limit_s)

    def milliseconds(self):
        self.join()
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / 1e6


class Trials:
    def __init__(self, whole, sizes):
        self.whole, self.sizes, self.load = whole, sizes, whole.load
        whole.drain_s = sizes.drain_s
        # Before the router's daemons, as it hears of changes only.
        self.fib = Fib(whole.router, fig4.SERVICE)
        whole.start()
        self.kernel_ms = self.fated = self.result = None
        self.downs = 0

    def run(self, event):
        """Plays it; returns what was counted."""
        self.kernel_ms = self.fated = self.result = None
        getattr(self, event.replace("-", "_"))()
        self.load.forget()
        return self.result

    # Parts of trials.

    def gateways(self, pods):
        return frozenset(p.node.address for p in pods)

    def connect(self, change=True, epoch=0):
        """Connections and requests come, and all is well. change: the servers change between the connections; else all are of that
        epoch. Returns the new server."""
        s, web = self.sizes, None
        if change:
            self.load.open(s.before, s.opening_s / 2, 0)
            web = self.whole.add_webs()[0]
            self.load.open(s.after, s.opening_s / 2, 1)
        else:
            self.load.open(s.before + s.after, s.opening_s, epoch)
        self.load.requests(REQUEST_EVERY_S)
        self.load.mark()
        self.load.wait_answered(2)
        self.load.mark()
        self.downs = self.whole.downs(self.whole.balancers[:3])
        return web

    @contextlib.contextmanager
    def watch(self, pods):
        """The event is in this block: after it the router's kernel has the nodes of these pods."""
        watch = Watch(self.fib, self.gateways(pods), KERNEL_S)
        yield
        self.kernel_ms = watch.milliseconds()
        assert self.kernel_ms is not None, f"the router's kernel still has {sorted(self.fib.gateways())}"

    def conclude(self, web=None):
        """Waits until it is certain what has become of each connection and each request, counts, and takes that web pod away."""
        had = self.load.status()["least"]
        self.load.wait_answered(had + self.sizes.answers)
        self.load.requests(0)
        wait_until(lambda: self.load.status()["requests"]["pending"] == 0, SILENCE_S, "the last requests to be judged",
                   LOOK_S)
        self.result = self.judge()
        # Of those that stay. Where nothing of the kind was to happen, one that loses a server for a moment has changed its table.
        self.result["downs"] = 0 if self.fated else max(0, self.whole.downs(self.whole.balancers[:3]) - self.downs)
        if web:
            self.load.forget()
            self.whole.remove_web(web)

    def judge(self):
        report = self.load.report()
        opened, broken, why = Counter(), Counter(), Counter()
        own = longest = ended = early = 0
        for c in report["connections"]:
            # Only what lives when it happens, or is opened then, can be broken by it.
            if c.get("after_us", 0) < 0:
                early += 1
                continue
            opened[c["epoch"]] += 1
            ended += c["state"] == "ended"
            if c["state"] != "broken":
                longest = max(longest, c["longest_us"])
            elif self.fated and c["server"] == self.fated.name:
                own += 1
            else:
                broken[c["epoch"]] += 1
                why[c["why"]] += 1
        requests = report["requests"]
        return {"opened": [opened[0], opened[1]], "broken": [broken[0], broken[1]], "own": own, "ended": ended,
                "early": early, "why": dict(why),
                "requests": {k: requests[k] for k in ("sent", "failed", "late", "skipped", "reasons")},
                "longest_ms": longest / 1000, "kernel_ms": self.kernel_ms, "stalled_ms": report["stalled_us"] / 1000}

    def fourth(self):
        """The load balancer that the trial is about, beside the three that stay."""
        if len(self.whole.balancers) < 4:
            self.whole.add_balancers()
        return self.whole.balancers[3]

    def without_fourth(self):
        if len(self.whole.balancers) > 3:
            self.whole.kill(self.whole.balancers[3])

    # Load balancers.

    def add(self):
        """a load balancer is added"""
        self.without_fourth()
        pod = self.whole.new_balancer()
        web = self.connect()
        self.whole.prepare_balancers(pod)
        self.load.mark()
        with self.watch(self.whole.balancers):
            self.whole.start_announcer(pod)
        self.conclude(web)

    def drain(self):
        """a load balancer is drained, then ended"""
        pod = self.fourth()
        web = self.connect()
        with self.watch(self.whole.balancers[:3]):
            self.whole.drain(pod, self.sizes.drain_s)
            self.whole.wait_withdrawn(pod)
            self.whole.terminate(pod)
        self.conclude(web)

    def drain_ending(self):
        """the same, and its connections end by themselves within the drain"""
        pod = self.fourth()
        web = self.connect()
        limit_s = self.sizes.drain_s + 5
        with self.watch(self.whole.balancers[:3]):
            self.whole.drain(pod, limit_s)
            self.load.finish(limit_s - 2)
            self.whole.wait_withdrawn(pod)
            self.whole.terminate(pod)
        self.conclude(web)

    def sigterm(self):
        """a load balancer is told to end: SIGTERM"""
        pod = self.fourth()
        web = self.connect()
        with self.watch(self.whole.balancers[:3]):
            self.whole.terminate(pod)
        self.conclude(web)

    def sigkill(self):
        """a load balancer's pod is killed"""
        pod = self.fourth()
        web = self.connect()
        with self.watch(self.whole.balancers[:3]):
            self.whole.kill(pod)
        self.conclude(web)

    def cut(self):
        """a load balancer is cut off and nobody is told; hold time 3 s"""
        pod = self.fourth()
        web = self.connect()
        with self.watch(self.whole.balancers[:3]):
            pod.cut()
        self.conclude(web)
        self.whole.kill(pod)

    def cut_bfd(self):
        """the same with BFD, 50 ms x 3"""
        pod = self.fourth()
        web = self.connect()
        self.whole.guard({"enabled": True, "desired-minimum-tx-interval": "50ms", "required-minimum-receive": "50ms"})
        self.load.mark()
        self.load.wait_answered(1)
        with self.watch(self.whole.balancers[:3]):
            pod.cut()
        self.conclude(web)
        self.whole.guard(None)
        self.whole.kill(pod)

    # Web pods.

    def later(self):
        """Connections that are opened after the change."""
        self.load.open(self.sizes.later, self.sizes.opening_s / 2, 1)

    def web_comes(self):
        """a web pod is added"""
        self.connect(change=False)
        web = self.whole.add_webs()[0]
        self.later()
        self.conclude(web)

    def web_drains(self):
        """a web pod is drained: it leaves the list and goes on with what it has"""
        web = self.whole.add_webs()[0]
        self.connect(change=False)
        self.whole.take_web(web)
        self.whole.wait_rules_without(web)
        self.later()
        self.conclude(web)

    def web_dies(self):
        """a web pod's server dies: RST"""
        self.fated = web = self.whole.add_webs()[0]
        self.connect(change=False)
        web.server.kill()
        self.whole.wait_rules_without(web)
        self.later()
        self.conclude(web)

    def web_hangs(self):
        """a web pod's server hangs: silence"""
        self.fated = web = self.whole.add_webs()[0]
        self.connect(change=False)
        web.server.hang()
        self.whole.wait_rules_without(web)
        self.later()
        self.conclude(web)

    def no_server(self):
        """no web pod is well, then one again"""
        self.downs = 1 << 30
        with self.watch([]):
            for web in self.whole.webs:
                web.server.kill()
        gone_ms = self.kernel_ms
        with self.watch(self.whole.balancers):
            self.whole.webs[0].server.start()
        for web in self.whole.webs[1:]:
            web.server.start()
        self.kernel_ms = gone_ms
        self.whole.wait_rules()
        self.load.mark()
        self.load.requests(REQUEST_EVERY_S)
        self.later()
        self.conclude()

    # The programs.

    def agent(self):
        """lb-ipvs-agent is killed and started again"""
        self.restart(lambda pod: pod.agent)

    def announcer(self):
        """lb-announcer is killed and started again"""
        self.restart(lambda pod: pod.announcer)

    # The reflectors.

    def reflector_killed(self):
        """one of two reflectors is killed and started again (the paper's software has one)"""
        self.without_reflector(lambda r: r.kill(), lambda r: r.start())

    def reflector_stopped(self):
        """one of two reflectors stands still beyond the hold time of 3 s"""
        self.without_reflector(lambda r: r.stop(), lambda r: r.go_on())

    def reflector_cut(self):
        """one of two reflectors is cut off and nobody is told; hold time 3 s"""
        self.without_reflector(lambda r: r.cut(), lambda r: r.mend())

    def without_reflector(self, goes, comes):
        """It is away until it was missed, and back before the end. The time is that of the first change in the router's kernel."""
        self.without_fourth()
        base = self.gateways(self.whole.balancers)
        self.connect(change=False, epoch=1)
        reflector = self.whole.reflectors[0]
        watch = Watch(self.fib, lambda found: found != base, 2 * HOLD_TIME_S)
        goes(reflector)
        self.whole.wait_missed(reflector)
        comes(reflector)
        self.kernel_ms = watch.milliseconds()
        self.whole.wait_for_router(60)
        self.whole.wait_control()
        self.conclude()

    def restart(self, daemon_of):
        """Of a load balancer that stays. The time is that of the first change in the router's kernel, None when there was none."""
        self.without_fourth()
        pod = self.whole.balancers[0]
        base = self.gateways(self.whole.balancers)
        self.connect(change=False, epoch=1)
        watch = Watch(self.fib, lambda found: found != base, self.sizes.answers + 2)
        daemon_of(pod).process.kill()
        daemon_of(pod).start()
        self.kernel_ms = watch.milliseconds()
        self.whole.wait_for_router()
        pod.agent.wait_settled()
        self.conclude()


EVENTS = ("add", "drain", "drain-ending", "sigterm", "sigkill", "cut", "cut-bfd", "web-comes", "web-drains", "web-dies", "web-hangs",
          "no-server", "agent", "announcer", "reflector-killed", "reflector-stopped", "reflector-cut")


def heading(event):
    return getattr(Trials, event.replace("-", "_")).__doc__
