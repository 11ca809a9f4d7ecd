"""What a daemon costs: memory and CPU time of all its processes."""
import os
import threading
import time

EVERY_S = 0.05
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def status_kib(pid, key):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith(key):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu_s(pid):
    """User and system time of the process, all its threads, alive or ended."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Meter:
    """processes: a function that tells the pids. Samples the sum of their resident memory until closed."""

    def __init__(self, processes):
        self.processes = processes
        self.peak_kib = self.now_kib = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def sample(self):
        pids = self.processes()
        self.now_kib = sum(status_kib(p, "VmRSS:") for p in pids)
        # The kernel's own high mark misses nothing, but it is of one process, and peaks need not meet.
        high = status_kib(pids[0], "VmHWM:") if len(pids) == 1 else 0
        self.peak_kib = max(self.peak_kib, self.now_kib, high)

    def run(self):
        while not self.stopping.wait(EVERY_S):
            self.sample()

    def cpu_s(self):
        return sum(cpu_s(p) for p in self.processes())

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.sample()


class Asker:
    """Asks the daemon something again and again, and keeps how long the longest answer took, and the last answer."""

    EVERY_S = 0.02

    def __init__(self, question):
        self.question, self.worst_ms, self.answers, self.last = question, 0.0, 0, None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(self.EVERY_S):
            start = time.monotonic()
            try:
                self.last = self.question()
            except (NotImplementedError, OSError):
                return
            self.worst_ms = max(self.worst_ms, (time.monotonic() - start) * 1000)
            self.answers += 1

    def close(self):
        self.stopping.set()
        self.thread.join(30)
