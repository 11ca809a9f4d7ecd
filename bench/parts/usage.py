"""What a process and its children use: memory, and CPU time."""
import os

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
