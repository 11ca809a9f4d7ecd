"""The scenarios: each makes a plan, and plays it on a started daemon with the generator. Sizes are SIZES or QUICK and may be set
one by one. What was measured are figures, of which smaller is better."""
import resource
from dataclasses import dataclass

from . import plan as plans
from .plan import OBSERVER, Peers, Plan

FEEDERS, CLIENTS, STALLED, RANGE = "10.1.0.1", "10.2.0.1", "10.4.0.1", "10.16.0.1"


@dataclass
class Figure:
    name: str
    value: float
    unit: str = "s"


class Scenario:
    """bound_s: how long one step may take. QUICK None: not part of the quick form."""

    name = title = None
    SIZES, QUICK = {}, {}
    needs_fib = False     # of daemons that put routes into the kernel
    needs_data = False    # of the captured session
    only = None           # names of daemons, where not all have what it is about
    limits = ()           # names of what shows the limit of the machine

    def __init__(self, sizes, bound_s):
        self.n, self.bound_s = sizes, bound_s

    @classmethod
    def is_for(cls, daemon):
        """Whether that daemon, or that limit, can play it."""
        if daemon.is_limit:
            return daemon.name in cls.limits
        return (daemon.has_fib or not cls.needs_fib) and (cls.only is None or daemon.name in cls.only)

    def headline(self):
        """The title with the sizes in it."""
        return self.title.format(**{k: f"{v:,}" for k, v in self.n.items()})

    def plan(self):
        raise NotImplementedError

    def prepare(self, generator, run):
        """What is not measured."""
        raise NotImplementedError

    def play(self, generator, run):
        """Yields figures; run.begin() starts the clocks."""
        raise NotImplementedError

    # What scenarios share.

    def numbers(self, generator, count):
        generator.do("numbers", first=plans.FIRST_PREFIX, count=count)

    def groups(self, generator, run, **keys):
        for peers in run.plan.peers:
            if peers is not OBSERVER:
                generator.group(peers, **keys)

    def establish(self, generator, *groups):
        for group in groups:
            generator.do("connect", group)
        for group in groups:
            generator.do("up", group, timeout=self.bound_s)

    def wait(self, generator, group, paths):
        return generator.do("wait", group, paths=paths, timeout=self.bound_s)


class FullTable(Scenario):
    name = "S1"
    title = "full table: {prefixes} prefixes from one feeder to {clients} clients"
    SIZES = {"prefixes": 1000000, "clients": 50, "per_set": 6}
    QUICK = {"prefixes": 50000, "clients": 10, "per_set": 6}
    limits = ("relay",)

    def plan(self):
        return Plan([Peers("feeder", FEEDERS, 1), Peers("client", CLIENTS, self.n["clients"])])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=self.n["per_set"])
        self.establish(generator, "feeder", "client")

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("all at all", self.wait(generator, "client", self.n["prefixes"])["at"])


class Speed(FullTable):
    """What the generator itself can do."""
    name = "S0"
    title = "the generator: {prefixes} prefixes from one feeder to a sink"
    SIZES = {"prefixes": 1000000, "clients": 1, "per_set": 6}
    QUICK = None
    only, limits = (), ("sink",)

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("sent", generator.do("sent", "feeder", timeout=self.bound_s)["at"])


class ManyClients(FullTable):
    name = "S1c"
    SIZES = {"prefixes": 100000, "clients": 500, "per_set": 6}
    QUICK = None


class CapturedTable(FullTable):
    """data: the directory with the captured session; without one there is no such scenario."""
    name = "S1r"
    title = "captured full table (577,698 prefixes, 89,642 attribute sets) to {clients} clients"
    SIZES = {"clients": 50}
    QUICK = None
    needs_data = True

    def prepare(self, generator, run):
        self.groups(generator, run)
        generator.do("file", "feeder", path=run.captured.path)
        self.establish(generator, "feeder", "client")

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("all at all", self.wait(generator, "client", run.captured.paths)["at"])


class Mesh(Scenario):
    name = "S2"
    title = "mesh: {clients} clients feed {prefixes} prefixes each and receive the others'"
    SIZES = {"clients": 20, "prefixes": 50000, "per_set": 6}
    QUICK = {"clients": 5, "prefixes": 5000, "per_set": 6}
    limits = ("relay",)

    def plan(self):
        return Plan([Peers("client", CLIENTS, self.n["clients"])])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"] * self.n["clients"])
        self.groups(generator, run)
        generator.do("load", "client", count=self.n["prefixes"], stride=self.n["prefixes"], per_set=self.n["per_set"])
        self.establish(generator, "client")

    def play(self, generator, run):
        run.begin()
        generator.do("send", "client")
        paths = self.n["prefixes"] * (self.n["clients"] - 1)
        yield Figure("all at all", self.wait(generator, "client", paths)["at"])


class Aggregation(Scenario):
    name = "S3"
    title = "add-path: {feeders} feeders with the same {prefixes} prefixes, all paths to {receivers} receivers"
    SIZES = {"feeders": 64, "prefixes": 10000, "receivers": 2, "per_set": 6}
    QUICK = {"feeders": 16, "prefixes": 1000, "receivers": 2, "per_set": 6}
    limits = ("relay",)

    def plan(self):
        return Plan([Peers("feeder", FEEDERS, self.n["feeders"], export=False),
                     Peers("receiver", CLIENTS, self.n["receivers"], all_paths=True)])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=self.n["per_set"], path_ids=run.plan.peers[0].path_ids)
        self.establish(generator, "feeder", "receiver")

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("all paths", self.wait(generator, "receiver", self.n["feeders"] * self.n["prefixes"])["at"])


class Dynamic(Scenario):
    name = "S4"
    title = "{sessions} dynamic neighbors from one range, each with one of {prefixes} prefixes; one receiver of all paths"
    SIZES = {"sessions": 5000, "prefixes": 20, "dying": 500}
    QUICK = {"sessions": 40, "prefixes": 20, "dying": 4}

    def plan(self):
        return Plan([Peers("balancer", RANGE, self.n["sessions"], range="10.16.0.0/16", export=False),
                     Peers("receiver", CLIENTS, 1, all_paths=True)])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run, send=True)
        generator.do("load", "balancer", count=1, stride=1, modulo=self.n["prefixes"])
        self.establish(generator, "receiver")

    def all_up(self, generator, up, seen):
        generator.do("connect", "balancer")
        yield Figure(up, generator.do("up", "balancer", timeout=self.bound_s)["at"])
        yield Figure(seen, self.wait(generator, "receiver", self.n["sessions"])["at"])

    def play(self, generator, run):
        run.begin()
        yield from self.all_up(generator, "all up", "all seen")
        run.mark()
        generator.do("close", "balancer", count=self.n["dying"])
        yield Figure("10 % gone", self.wait(generator, "receiver", self.n["sessions"] - self.n["dying"])["at"])
        generator.do("close", "balancer")
        self.wait(generator, "receiver", 0)
        run.mark()
        yield from self.all_up(generator, "up again", "seen again")


class ManyDynamic(Dynamic):
    """As many as the limit of open files admits: one for each session in the daemon, and as many in the generator."""
    name = "S4m"
    QUICK = None
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000, 19000)
    SIZES = {"sessions": most, "prefixes": 20, "dying": most // 10}


class Churn(Scenario):
    name = "S5"
    title = "churn: changes of {feeders} x {prefixes} paths at {slow} and at {fast} a second, from send to receipt"
    SIZES = {"feeders": 64, "prefixes": 1000, "receivers": 2, "slow": 200, "fast": 20000, "seconds": 10}
    QUICK = {"feeders": 16, "prefixes": 100, "receivers": 2, "slow": 200, "fast": 2000, "seconds": 1}
    limits = ("relay",)

    def plan(self):
        return Plan([Peers("feeder", FEEDERS, self.n["feeders"], export=False),
                     Peers("receiver", CLIENTS, self.n["receivers"], all_paths=True)])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=6, path_ids=run.plan.peers[0].path_ids)
        self.establish(generator, "feeder", "receiver")
        generator.do("send", "feeder")
        self.wait(generator, "receiver", self.n["feeders"] * self.n["prefixes"])

    def play(self, generator, run):
        run.begin()
        for rate in (self.n["slow"], self.n["fast"]):
            answer = generator.do("churn", "feeder", to="receiver", rate=rate, seconds=self.n["seconds"], timeout=self.bound_s)
            run.keep_histogram(f"{rate}/s", answer)
            for what in ("p50", "p99", "max"):
                yield Figure(f"{what} {rate}/s", answer[f"{what}_ms"], "ms")


class Fib(Scenario):
    """Routes from one feeder into the kernel, and out again."""
    name = "S6"
    title = "FIB: {prefixes} routes into the kernel and out again, {hops} next hop(s) each"
    SIZES = {"prefixes": 500000, "hops": 1}
    QUICK = {"prefixes": 5000, "hops": 1}
    needs_fib = True
    limits = ("loader", "loader-fed")
    PER_SET = 6
    NEXT_HOPS = "172.31.0.2"
    LEAVE = "withdraw"

    def plan(self):
        return Plan([Peers("feeder", FEEDERS, self.n["hops"], export=False)], fib=True)

    def prepare(self, generator, run):
        self.base = run.routes("count")["prefixes"]
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=self.PER_SET, next_hop=self.NEXT_HOPS)
        self.establish(generator, "feeder")

    def in_kernel(self, generator, run, hops):
        """Seconds from the last mark until all routes are in the kernel with that many next hops."""
        return run.wait_for_routes(first=plans.FIRST_PREFIX, count=self.n["prefixes"], hops=hops, base=self.base,
                                   timeout=self.bound_s)

    def load(self, run):
        """The limit: what the kernel does at most."""
        keys = {"first": plans.FIRST_PREFIX, "count": self.n["prefixes"], "hops": self.n["hops"], "via": self.NEXT_HOPS,
                "dev": run.plan.via}
        if run.daemon_class.as_fed:
            keys["per_set"] = self.PER_SET
        yield Figure("in", run.routes("load", **keys)["seconds"])
        yield Figure("out", run.routes("unload", **keys)["seconds"])

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("in", self.in_kernel(generator, run, self.n["hops"]))
        run.mark()
        generator.do(self.LEAVE, "feeder")
        yield Figure("out", self.in_kernel(generator, run, 0))


class FibEnd(Fib):
    """Out by the end of the session, which nobody has to withdraw one by one."""
    name = "S6e"
    title = "FIB: {prefixes} routes leave the kernel with the session that brought them"
    QUICK = None
    limits = ("loader",)
    LEAVE = "close"


class FibMultipath(Fib):
    name = "S6m"
    title = "FIB: {prefixes} routes over {hops} next hops into the kernel and out again"
    SIZES = {"prefixes": 100000, "hops": 4}
    QUICK = None


class FibGroup(Fib):
    """One of many next hops dies under many routes."""
    name = "S6g"
    title = "FIB: {prefixes} routes share {hops} next hops, one dies"
    SIZES = {"prefixes": 10000, "hops": 64}
    QUICK = {"prefixes": 500, "hops": 16}
    limits = ()

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("in", self.in_kernel(generator, run, self.n["hops"]))
        run.mark()
        generator.do("close", "feeder", from_=self.n["hops"] - 1)
        yield Figure("one dies", self.in_kernel(generator, run, self.n["hops"] - 1))


class FibResilient(FibGroup):
    name = "S6r"
    title = "FIB: {prefixes} resilient groups of {hops} next hops, one dies"
    SIZES = {"prefixes": 256, "hops": 64}
    QUICK = {"prefixes": 16, "hops": 16}
    only = ("rrd",)

    def plan(self):
        plan = super().plan()
        plan.resilient = [plans.FIRST_PREFIX.split(".")[0] + ".0.0.0/8 le 24"]
        return plan


class Stalled(Scenario):
    name = "S7"
    title = "one of {clients} clients stops reading while {changes} of {prefixes} routes change"
    SIZES = {"prefixes": 1000000, "changes": 1000000, "clients": 10, "rate": 50000}
    QUICK = {"prefixes": 10000, "changes": 10000, "clients": 4, "rate": 5000}

    def plan(self):
        return Plan([Peers("feeder", FEEDERS, 1), Peers("client", CLIENTS, self.n["clients"] - 1),
                     Peers("stalled", STALLED, 1)])

    def prepare(self, generator, run):
        self.numbers(generator, self.n["prefixes"])
        self.groups(generator, run)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=6)
        self.establish(generator, "feeder", "client", "stalled")
        generator.do("send", "feeder")
        self.wait(generator, "client", self.n["prefixes"])
        self.wait(generator, "stalled", self.n["prefixes"])

    def churn(self, generator, seconds):
        return generator.do("churn", "feeder", to="client", rate=self.n["rate"], seconds=seconds, order="sequence",
                            timeout=self.bound_s)

    def play(self, generator, run):
        run.begin()
        # Every change makes attributes that are nobody else's: the same before, so that what grows meanwhile is the slow peer's.
        before = self.churn(generator, self.n["changes"] // self.n["rate"])
        yield Figure("p99 before", before["p99_ms"], "ms")
        memory_mib = run.memory_mib()
        generator.do("pause", "stalled", on=1)
        answer = self.churn(generator, self.n["changes"] // self.n["rate"])
        run.keep_histogram("stalled", answer)
        for what in ("p50", "p99", "max"):
            yield Figure(what, answer[f"{what}_ms"], "ms")
        yield Figure("growth", max(run.memory_mib() - memory_mib, 0), "MiB")
        run.mark()
        generator.do("pause", "stalled", on=0)
        generator.do("withdraw", "feeder")
        yield Figure("caught up", self.wait(generator, "stalled", 0)["at"])


class Reload(FullTable):
    """Rules that let a part of the routes pass come and go while sessions are up."""
    name = "S8"
    title = "reload: {clients} clients of {prefixes} prefixes; a rule leaves them with about half, by export and by import, and goes again"
    limits = ()

    def plan(self):
        plan = super().plan()
        # As many prefixes as a power of two are a prefix.
        bits = (self.n["prefixes"] - 1).bit_length() - 1
        self.part = 1 << bits
        plan.part = f"{plans.FIRST_PREFIX}/{24 - bits}"
        return plan

    def prepare(self, generator, run):
        super().prepare(generator, run)
        generator.do("send", "feeder")
        self.wait(generator, "client", self.n["prefixes"])

    def play(self, generator, run):
        feeder, client = run.plan.peers[:2]
        run.begin()
        for way, peers, rule in (("export", client, "told_part"), ("import", feeder, "taken_part")):
            for limited, paths in ((True, self.part), (False, self.n["prefixes"])):
                setattr(peers, rule, limited)
                run.mark()
                run.daemon.reload()
                yield Figure(f"{way} {'fewer' if limited else 'all'}", self.wait(generator, "client", paths)["at"])


SCENARIOS = {s.name: s for s in (Speed, FullTable, CapturedTable, ManyClients, Mesh, Aggregation, Dynamic, ManyDynamic, Churn, Fib,
                                 FibEnd, FibMultipath, FibGroup, FibResilient, Stalled, Reload)}
