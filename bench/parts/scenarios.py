"""The scenarios. Each makes a plan, and plays it on a started daemon with the generator; what it measured is a list of
figures. Sizes are those of --full (the default) or --quick, and may be set one by one."""
from dataclasses import dataclass

from . import plan as plans
from .plan import Peers, Plan


@dataclass
class Figure:
    """One thing measured: smaller is better."""
    name: str
    value: float
    unit: str = "s"


class Scenario:
    """sizes: a dictionary, see SIZES and QUICK. bound_s: how long one step may take."""

    name = title = None
    SIZES, QUICK = {}, {}
    needs_fib = False

    def __init__(self, sizes, bound_s):
        self.n, self.bound_s = sizes, bound_s

    def headline(self):
        """The title with the sizes in it."""
        return self.title.format(**{k: f"{v:,}" if isinstance(v, int) else v for k, v in self.n.items()})

    def plan(self):
        raise NotImplementedError

    def prepare(self, generator, run):
        """What is not measured."""

    def play(self, generator, run):
        """Yields figures. run: the Run, whose begin() starts the clock of CPU time."""
        raise NotImplementedError

    def wait(self, generator, group, paths):
        return generator.do("wait", group, paths=paths, timeout=self.bound_s)

    def establish(self, generator, *groups):
        for group in groups:
            generator.do("connect", group)
        for group in groups:
            generator.do("up", group, timeout=self.bound_s)


class FullTable(Scenario):
    name = "S1"
    title = "full table: {prefixes} prefixes from 1 feeder to {clients} clients"
    SIZES = {"prefixes": 1000000, "clients": 50, "per_set": 6}
    QUICK = {"prefixes": 50000, "clients": 10, "per_set": 6}

    def plan(self):
        return Plan([Peers("feeder", "10.1.0.1", 1), Peers("client", "10.2.0.1", self.n["clients"])])

    def prepare(self, generator, run):
        generator.do("numbers", first=plans.FIRST_PREFIX, count=self.n["prefixes"])
        for peers in run.plan.peers:
            generator.group(peers)
        generator.do("load", "feeder", count=self.n["prefixes"], per_set=self.n["per_set"])
        self.establish(generator, "feeder", "client")

    def paths(self):
        return self.n["prefixes"]

    def play(self, generator, run):
        run.begin()
        generator.do("send", "feeder")
        yield Figure("all at all", self.wait(generator, "client", self.paths())["at"])


class ManyClients(FullTable):
    name = "S1c"
    SIZES = {"prefixes": 100000, "clients": 500, "per_set": 6}
    QUICK = {"prefixes": 5000, "clients": 100, "per_set": 6}


class Mesh(Scenario):
    name = "S2"
    title = "mesh: {clients} clients feed {prefixes} each and receive the others'"
    SIZES = {"clients": 20, "prefixes": 50000, "per_set": 6}
    QUICK = {"clients": 5, "prefixes": 5000, "per_set": 6}

    def plan(self):
        return Plan([Peers("client", "10.2.0.1", self.n["clients"])])

    def prepare(self, generator, run):
        generator.do("numbers", first=plans.FIRST_PREFIX, count=self.n["prefixes"] * self.n["clients"])
        generator.group(run.plan.peers[0])
        generator.do("load", "client", count=self.n["prefixes"], stride=self.n["prefixes"], per_set=self.n["per_set"])
        self.establish(generator, "client")

    def play(self, generator, run):
        run.begin()
        generator.do("send", "client")
        paths = self.n["prefixes"] * (self.n["clients"] - 1)
        yield Figure("all at all", self.wait(generator, "client", paths)["at"])


SCENARIOS = {s.name: s for s in (FullTable, ManyClients, Mesh)}
