"""One run: a daemon started in a lab of its own, one scenario played on it, and what it took."""
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field

from lab import Lab, daemons
from lab.wait import NotYet, wait_until

from .generator import Failed, Generator, NotDone
from .meter import Asker, Meter, cpu_s
from .plan import OBSERVER, SERVER
from .reflectors import Loader, Relay


# Octets of a problem's text.
PROBLEM_MOST = 300


@dataclass
class Result:
    figures: list = field(default_factory=list)
    peak_mib: float = 0.0
    cpu_s: float = 0.0
    generator_cpu_s: float = 0.0
    answer_ms: float = 0.0     # the longest that an answer on the command socket took
    answers: int = 0
    longest_turn: dict = None  # what the daemon says of the longest turn of its loop
    late_ms: float = None      # the latest keepalive, after it was due
    histograms: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)  # by group of peers: the generator's, at the end
    problem: str = ""          # what was not done, and how far it came


class Run:
    """captured: a captured session (mrt.Captured), or None. profile: a directory for perf's recordings, or None."""

    def __init__(self, scenario, daemon_class, progress, head, captured=None, profile=None):
        self.scenario, self.daemon_class, self.progress, self.captured = scenario, daemon_class, progress, captured
        self.head = f"{head} {scenario.name} {daemon_class.title}"
        self.is_relay = issubclass(daemon_class, Relay)
        self.plan = scenario.plan()
        if not self.is_relay:
            self.plan.peers.append(OBSERVER)
        elif any(p.all_paths for p in self.plan.peers):
            # It passes on what it gets: so those who send number their paths themselves.
            for peers in self.plan.peers:
                peers.path_ids = not peers.all_paths
        self.profile = profile
        self.ns = self.daemon = self.meter = self.generator = self.observer = None
        self.cpu_at_begin = self.generator_at_begin = 0.0
        self.mark_ns = 0
        self.outcome = Result()

    def result(self):
        self.progress.tell(f"{self.head}: starting")
        outcome = self.outcome
        with Lab(f"bench-{self.daemon_class.name}") as lab:
            try:
                self.play(lab)
            except NotDone as e:
                outcome.problem = self.how_far(e.args[0])
            except (Failed, NotYet, OSError) as e:
                outcome.problem = re.sub(r"\s*\n\s*", "; ", str(e).strip())[:PROBLEM_MOST]
            if outcome.problem:
                lab.keep()
                outcome.problem += f" (logs: {lab.directory})"
        told = ", ".join(f"{f.name} {f.value:.3g} {f.unit}" for f in outcome.figures)
        self.progress.tell(f"{self.head}: {told or 'nothing'}, {outcome.peak_mib:.0f} MiB, {outcome.cpu_s:.1f} CPU s"
                           + (f"; NOT DONE: {outcome.problem}" if outcome.problem else ""), now=True)
        return outcome

    def play(self, lab):
        self.ns = self.network(lab)
        if issubclass(self.daemon_class, Loader):
            self.outcome.figures += self.scenario.load(self)
            return
        self.daemon = self.daemon_class(lab, self.ns, self.plan)
        self.daemon.start()
        self.meter = Meter(self.daemon.processes)
        asker = profiler = None
        try:
            self.generator = Generator(lab, self.ns, self.tell)
            self.scenario.prepare(self.generator, self)
            self.observe(lab)
            profiler = self.start_profiler()
            asker = Asker(self.daemon.question)
            for figure in self.scenario.play(self.generator, self):
                self.outcome.figures.append(figure)
            self.check()
            if not self.daemon.process.running:
                raise Failed(f"{self.daemon.title} has ended by itself")
        finally:
            if self.generator:
                self.outcome.generator_cpu_s = cpu_s(self.generator.pid) - self.generator_at_begin
            self.outcome.cpu_s = self.meter.cpu_s() - self.cpu_at_begin
            self.meter.close()
            self.outcome.peak_mib = self.meter.peak_kib / 1024
            if profiler:
                profiler.send_signal(signal.SIGINT)
                profiler.wait(60)
            if asker:
                asker.close()
                self.outcome.answer_ms, self.outcome.answers = asker.worst_ms, asker.answers
                self.outcome.longest_turn = asker.last

    def observe(self, lab):
        """From now on it is noted how late keepalives are, by a generator that does nothing else: what keeps the other from reading is not
        the daemon's."""
        if not self.is_relay:
            self.observer = Generator(lab, self.ns)
            self.observer.group(OBSERVER)
            self.scenario.establish(self.observer, OBSERVER.name)
            self.observer.do("observe", OBSERVER.name)

    def check(self):
        """What nobody should have been told, and what no daemon should send."""
        for peers in self.plan.peers:
            counts = (self.observer if peers is OBSERVER else self.generator).do("show", peers.name)
            if peers is OBSERVER:
                self.outcome.late_ms = max(counts["keepalive_gap_s"] - OBSERVER.hold_s / 3, 0) * 1000
            self.outcome.counts[peers.name] = {k: v for k, v in counts.items() if k not in ("done", "at")}
            if counts["broken"] or counts["unknown"]:
                raise Failed(f"{peers.name}: {counts['broken']} malformed messages, {counts['unknown']} prefixes that nobody sent")
            if not peers.export and counts["announced"] and not self.is_relay:
                raise Failed(f"{peers.name} should be told nothing and was told {counts['announced']} prefixes")

    def network(self, lab):
        """One namespace; every address of 10/8 is local there, and a pair of devices leads to next hops that are nobody's."""
        ns = lab.ns("bench")
        via = self.plan.via
        ns.batch(f"link add {via} type veth peer name out1", f"link set {via} up", "link set out1 up",
                 f"addr add 172.31.0.1/16 dev {via}", "route add local 10.0.0.0/8 dev lo", f"addr add {SERVER}/32 dev lo")
        return ns

    def tell(self, progress):
        memory = self.meter.now_kib / 1024 if self.meter else 0
        since = f"{progress['progress']:.0f} s, " if self.mark_ns else "preparing, "
        self.progress.tell(f"{self.head}: {since}{progress['established']:,} sessions, "
                           f"{progress['least']:,} paths at the last, {memory:.0f} MiB")

    def how_far(self, answer):
        words = f"not within {self.scenario.bound_s} s"
        if "least" in answer:
            words += f": {answer['least']:,} to {answer['most']:,} paths held, {answer['established']:,} sessions up"
        if "sent" in answer:
            words += f", {answer['received']:,} of {answer['sent']:,} changes received"
        if answer.get("lost") or answer.get("failed"):
            words += f", {answer['lost']} lost, {answer['failed']} attempts failed"
        if answer.get("notification", [0, 0]) != [0, 0]:
            words += ", last NOTIFICATION {}/{}".format(*answer["notification"])
        if "prefixes" in answer:
            words += f": {answer['prefixes']:,} routes in the kernel"
        return words

    def start_profiler(self):
        """perf, on the daemon's first process, into the directory that profile names."""
        if not self.profile:
            return None
        os.makedirs(self.profile, exist_ok=True)
        path = os.path.join(self.profile, f"{self.scenario.name}-{self.daemon_class.name}.perf")
        # Not in the lab's namespace of processes: perf knows the pid that we know.
        perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-g", "-o", path,
                                 "-p", str(self.daemon.process.pid)], start_new_session=True)
        wait_until(lambda: os.path.exists(path), 20, "perf to record")
        return perf

    # For scenarios.

    def begin(self):
        """From here on CPU time counts, and the clock runs."""
        self.cpu_at_begin, self.generator_at_begin = self.meter.cpu_s(), cpu_s(self.generator.pid)
        self.mark()

    def mark(self):
        """The clock of what follows."""
        self.mark_ns = self.generator.do("mark")["ns"]

    def memory_mib(self):
        self.meter.sample()
        return self.meter.now_kib / 1024

    def keep_histogram(self, name, answer):
        self.outcome.histograms[name] = answer["histogram"]

    def routes(self, command, **keys):
        words = [f"{k}={v}" for k, v in keys.items()]
        out = self.ns.run([daemons.binary("bench/parts/routes"), command, *words], timeout=keys.get("timeout", 0) + 60)
        return json.loads(out)

    def wait_for_routes(self, **keys):
        """Seconds since the mark. The generator lives on meanwhile: it is not waited for."""
        answer = self.routes("wait", **keys)
        if not answer["done"]:
            raise NotDone(answer)
        return (answer["ns"] - self.mark_ns) / 1e9
