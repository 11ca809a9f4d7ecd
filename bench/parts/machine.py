"""What a figure depends on besides the programs: the machine, its kernel, and how busy it was."""
import os
import platform
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def field(path, key, separator=":"):
    try:
        with open(path) as f:
            for line in f:
                name, _, value = line.partition(separator)
                if name.strip() == key:
                    return value.strip().strip('"')
    except OSError:
        pass
    return None


def load():
    return f"{os.getloadavg()[0]:.2f}"


def tree():
    out = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return out.stdout.strip() or "no git tree"


def kernel():
    """This one's name; a guest's says that it is one."""
    guest = field("/proc/cpuinfo", "vendor_id") == "User Mode Linux"
    return f"{platform.system()} {platform.release()}" + (" (user-mode-linux)" if guest else "")


def describe():
    """{what: value}, in the order to be printed."""
    memory_kib = int((field("/proc/meminfo", "MemTotal") or "0 kB").split()[0])
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{field('/proc/cpuinfo', 'model name') or platform.machine()}, {os.cpu_count()} CPUs, "
                   f"{memory_kib / (1 << 20):.1f} GiB",
        "kernel": kernel(),
        "distribution": field("/etc/os-release", "PRETTY_NAME", "=") or "unknown",
        "tree": tree(),
        "load before": load(),
    }
