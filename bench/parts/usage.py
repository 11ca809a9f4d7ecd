"""What a process and its children use: memory, and CPU time; and what a whole guest uses of its host's.

A guest's own clocks go on while its host does something else, so what it tells of CPU time is too much on a busy host. The host
knows: it looks when it is asked to, by a file in the directory that both see.
"""
import contextlib
import os
import threading
import time

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat after the name, which may hold anything."""
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()


def tree(pid):
    """The process and all that descend from it."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(entry)] = int(_stat(entry)[1])
        except OSError:
            pass  # it has ended meanwhile
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def memory_kib(pid):
    """{"rss", "pss"}, each the sum of the whole tree; what processes share counts in pss but once."""
    total = {"rss": 0, "pss": 0}
    for one in tree(pid):
        with open(f"/proc/{one}/smaps_rollup") as f:
            for line in f:
                name = line.split(":")[0].lower()
                if name in total:
                    total[name] += int(line.split()[1])
    return total


def cpu_s(pid):
    """Seconds of the whole tree so far, in ticks of the kernel. User and system together: user-mode-linux cannot tell them apart."""
    return sum(int(ticks) for one in tree(pid) for ticks in _stat(one)[11:13]) * TICK_S


ASKED, TOLD = "cpu-asked", "cpu-told"
POLL_S = 0.01


def ask_host(directory):
    """CPU seconds of this guest so far, as its host counts them; None when nobody answers, as where there is no guest."""
    asked, told = (os.path.join(directory, name) for name in (ASKED, TOLD))
    with open(asked, "w"):
        pass
    for _ in range(int(1 / POLL_S)):
        with contextlib.suppress(OSError, ValueError), open(told) as f:
            value = float(f.read())
            os.unlink(told)
            return value
        time.sleep(POLL_S)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(asked)
    return None


class Host:
    """Answers ask_host() for the processes below pid."""

    def __init__(self, directory, pid):
        self.asked, self.told, self.pid = os.path.join(directory, ASKED), os.path.join(directory, TOLD), pid
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.over.wait(POLL_S):
            if os.path.exists(self.asked):
                os.unlink(self.asked)
                with open(self.told + ".new", "w") as f:
                    f.write(f"{cpu_s(self.pid)}\n")
                os.rename(self.told + ".new", self.told)

    def close(self):
        self.over.set()
        self.thread.join()
