"""One run: a daemon started in a lab of its own, one scenario played on it, and what it took."""
from dataclasses import dataclass, field

from lab import Lab
from lab.wait import NotYet

from .generator import Failed, Generator, NotDone
from .meter import Asker, Meter, cpu_s
from .plan import SERVER


@dataclass
class Result:
    figures: list = field(default_factory=list)
    peak_mib: float = 0.0
    cpu_s: float = 0.0
    generator_cpu_s: float = 0.0
    answer_ms: float = 0.0     # the longest of the daemon's command socket
    keepalive_s: float = 0.0   # the longest time between two keepalives
    details: dict = field(default_factory=dict)
    problem: str = ""


class Run:
    def __init__(self, scenario, daemon_class, progress, head):
        self.scenario, self.daemon_class, self.progress = scenario, daemon_class, progress
        self.head = f"{head} {scenario.name} {daemon_class.title}"
        self.plan = scenario.plan()
        self.daemon = self.meter = None
        self.cpu_at_begin = self.generator_at_begin = 0.0
        self.generator = None

    def network(self, lab):
        """One namespace; every address of 10/8 is local there, and a pair of devices leads to next hops that are nobody's."""
        ns = lab.ns("bench")
        self.plan.via = "out0"
        ns.batch("link add out0 type veth peer name out1", "link set out0 up", "link set out1 up",
                 "addr add 172.31.0.1/16 dev out0", "route add local 10.0.0.0/8 dev lo", f"addr add {SERVER}/32 dev lo")
        return ns

    def begin(self):
        """From here on CPU time counts, and the generator's clock starts."""
        self.cpu_at_begin, self.generator_at_begin = self.meter.cpu_s(), cpu_s(self.generator.pid)
        self.generator.do("mark")

    def tell(self, progress):
        memory = self.meter.now_kib / 1024 if self.meter else 0
        self.progress.tell(f"{self.head}: {progress['progress']:.0f} s, {progress['established']:,} sessions, "
                           f"{progress['least']:,} paths at the last, {memory:.0f} MiB")

    def result(self):
        self.progress.tell(f"{self.head}: starting")
        result = Result()
        with Lab(f"bench-{self.daemon_class.name}") as lab:
            try:
                self.play(lab, result)
            except NotDone as e:
                result.problem = self.how_far(e.args[0])
            except (Failed, NotYet) as e:
                result.problem = str(e).strip().splitlines()[0]
                lab.keep()
            if result.problem and lab.kept:
                result.problem += f" (logs: {lab.directory})"
        told = ", ".join(f"{f.name} {f.value:.3g} {f.unit}" for f in result.figures)
        self.progress.tell(f"{self.head}: {told or 'nothing'}, {result.peak_mib:.0f} MiB, {result.cpu_s:.1f} CPU s"
                           + (f"; NOT DONE: {result.problem}" if result.problem else ""), now=True)
        return result

    def how_far(self, answer):
        words = f"not within {self.scenario.bound_s} s: {answer['least']:,} to {answer['most']:,} paths held, " \
                f"{answer['established']:,} sessions up"
        if answer["lost"] or answer["failed"]:
            words += f", {answer['lost']} lost, {answer['failed']} attempts failed"
        if answer["notification"] != [0, 0]:
            words += ", last NOTIFICATION {}/{}".format(*answer["notification"])
        return words

    def play(self, lab, result):
        ns = self.network(lab)
        self.daemon = self.daemon_class(lab, ns, self.plan)
        self.daemon.start()
        self.meter = Meter(self.daemon.processes)
        self.generator = Generator(lab, ns, self.tell)
        try:
            self.scenario.prepare(self.generator, self)
            asker = Asker(self.daemon.question)
            try:
                for figure in self.scenario.play(self.generator, self):
                    result.figures.append(figure)
            finally:
                asker.close()
                result.answer_ms = asker.worst_ms
        finally:
            result.cpu_s = self.meter.cpu_s() - self.cpu_at_begin
            result.generator_cpu_s = cpu_s(self.generator.pid) - self.generator_at_begin
            self.meter.close()
            result.peak_mib = self.meter.peak_kib / 1024
