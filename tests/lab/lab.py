"""Lab: what a test holds. Owns namespaces, processes, servers and the directory of logs, and takes them down."""
import itertools
import os
import random
import shutil
import subprocess
import tempfile

from . import world
from .net import Failed, Namespace
from .process import Process

_pairs = itertools.count(1)


class Lab:
    """A context manager. keep(): the logs stay and their place is told (conftest calls it when a test failed)."""

    def __init__(self, name="lab", seed=None):
        self.name = name
        self.world = world.enter()
        top = os.environ.get("RRD_TEST_LOGS")
        if top:
            os.makedirs(top, exist_ok=True)
        self.directory = tempfile.mkdtemp(prefix=f"rrd-{name}-"[:40], dir=top and os.path.abspath(top))
        self.seed = seed if seed is not None else int(os.environ.get("RRD_TEST_SEED", random.randrange(1 << 32)))
        self.random = random.Random(self.seed)
        self.namespaces, self.processes, self.closers = {}, [], []
        self.problems = []
        self.modules = set()
        self.kept = False

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and issubclass(kind, Exception):
            self.keep()
        self.close()
        if kind is None:
            self.check()

    # Making things.

    def ns(self, name):
        self.namespaces[name] = Namespace(self, name)
        return self.namespaces[name]

    def remove_ns(self, ns):
        """The kernel takes it down when its last process has ended."""
        del self.namespaces[ns.name]
        ns.close()

    def link(self, a, a_device, b, b_device):
        """A veth pair between two namespaces, both ends up."""
        a.ip(f"link add {a_device} up type veth peer name {b_device} netns {b.name}")
        b.ip(f"link set {b_device} up")

    def port(self, bridge_ns, bridge, ns, device):
        """A veth pair from ns to a port of a bridge; returns the port's name."""
        port = f"port{next(_pairs)}"
        bridge_ns.ip(f"link add {port} up master {bridge} type veth peer name {device} netns {ns.name}")
        ns.ip(f"link set {device} up")
        return port

    def start(self, ns, argv, name, **options):
        return Process(self, ns, name, argv, **options)

    def run(self, argv, check=True, timeout=30, text=None):
        """Runs a short command in the calling thread's network namespace; returns its output."""
        code, output = self.result(argv, timeout, text)
        if check and code != 0:
            raise Failed(f"{' '.join(map(str, argv))}: exit code {code}\n{text or ''}{output}")
        return output

    @staticmethod
    def result(argv, timeout=30, text=None):
        """The same where the exit code is of interest: (exit code, output)."""
        done = subprocess.run([str(a) for a in argv], input=text, text=True, errors="replace", timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def need_modules(self, *names):
        """Kernel modules that nothing loads by itself. Missing ones show soon, by what does not work."""
        if not self.modules.issuperset(names):
            subprocess.run(["modprobe", "-q", "-a", *names], check=False, stdin=subprocess.DEVNULL)
            self.modules.update(names)

    def file(self, name, text):
        """A file in the lab's directory, such as a configuration."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def log_path(self, name):
        for number in itertools.count(1):
            path = os.path.join(self.directory, f"{name}.log" if number == 1 else f"{name}-{number}.log")
            if not os.path.exists(path):
                return path
        return None

    def closing(self, thing):
        """thing.close() is called when the lab ends; for servers, speakers, streams."""
        self.closers.append(thing)
        return thing

    # Ending.

    def keep(self):
        self.kept = True

    def describe(self):
        """The logs' last lines and the routes of each namespace, for a failed test's report."""
        parts = [f"logs: {self.directory}   seed: {self.seed} (set RRD_TEST_SEED to repeat)"]
        for name in sorted(os.listdir(self.directory)):
            path = os.path.join(self.directory, name)
            if os.path.isfile(path):
                with open(path, errors="replace") as f:
                    parts.append(f"==== {name}\n" + "".join(f.readlines()[-40:]))
        for ns in self.namespaces.values():
            parts.append(f"==== namespace {ns.name}\n{ns.describe()}")
        return "\n".join(parts)

    def close(self):
        """Ends everything; what was wrong with our own processes is then in problems."""
        for thing in reversed(self.closers):
            thing.close()
        for process in reversed(self.processes):
            self.problems += process.end()
        if self.kept or self.problems:
            self.file("state.txt", self.describe())
        for ns in list(self.namespaces.values()):
            ns.close()
        self.namespaces.clear()
        if not self.kept and not self.problems:
            shutil.rmtree(self.directory, ignore_errors=True)

    def check(self):
        assert not self.problems, "\n".join(self.problems)
