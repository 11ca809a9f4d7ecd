"""systemd as the service manager of a namespace: process 1 of namespaces of its own, over the files that are there.

Only for a guest of tests/ipvs/guest, where what is written stays in memory and the control groups are nobody else's."""
import os
import signal
import subprocess

from .wait import wait_until

# What a machine has and this one does not: devices, modules, clocks.
MASKED = ("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-hwdb-update.service", "kmod-static-nodes.service",
          "systemd-binfmt.service", "systemd-sysctl.service", "systemd-random-seed.service", "systemd-update-utmp.service",
          "systemd-journal-flush.service", "systemd-remount-fs.service", "systemd-modules-load.service", "dev-mqueue.mount",
          "dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
          "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "systemd-timesyncd.service",
          *(f"modprobe@{m}.service" for m in ("configfs", "dm_mod", "drm", "efi_pstore", "fuse", "loop")),
          "systemd-tmpfiles-setup-dev.service", "systemd-machine-id-commit.service", "timers.target", "paths.target")
TARGET = """[Unit]
Requires=basic.target
After=basic.target
"""
BOOT = """set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /run/systemd/system
for unit in $MASKED; do ln -s /dev/null /run/systemd/system/$unit; done
printf '%s' "$TARGET" >/run/systemd/system/rrd-test.target
# Generators look for what a machine has, too, and take seconds of a guest each time.
exec env -i container=other SYSTEMD_GENERATOR_PATH=/nonexistent SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nonexistent \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=rrd-test.target --log-target=console --show-status=no
"""


def in_guest():
    with open("/proc/cpuinfo") as f:
        return "User Mode Linux" in f.read()


class Manager:
    def __init__(self, ns):
        assert in_guest(), "only inside tests/ipvs/guest"
        self.ns = ns
        argv = ["unshare", "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child=KILL", "sh", "-c", BOOT]
        self.process = ns.start(argv, "systemd", env={"MASKED": " ".join(MASKED), "TARGET": TARGET})
        self.pid = wait_until(self._first, 10, "the first process")
        wait_until(lambda: self.systemctl("is-system-running")[1].strip() in ("running", "degraded"), 60, "systemd to be up", 0.3)

    def end(self):
        """At once, with all that it has started."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def _first(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return int(f.read().split()[0])

    def run(self, *argv):
        """(exit code, output) of a command inside."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-a", "--", *argv], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.returncode, done.stdout

    def call(self, *argv):
        code, output = self.run(*argv)
        assert code == 0, f"{' '.join(argv)}: exit code {code}\n{output}"
        return output

    def systemctl(self, *words):
        return self.run("systemctl", "--no-pager", "--no-ask-password", *words)

    def do(self, *words):
        code, output = self.systemctl(*words)
        assert code == 0, f"systemctl {' '.join(words)}: exit code {code}\n{output}{self.journal(words[-1])}"
        return output

    def show(self, unit, *names):
        """{property: value}"""
        out = self.do("show", "-p", ",".join(names), unit)
        return dict(line.split("=", 1) for line in out.splitlines())

    def journal(self, unit):
        return self.systemctl("status", "--lines=0", unit)[1] + \
            self.run("journalctl", "--no-pager", "-n", "30", "-o", "cat", "_TRANSPORT=stdout", "_TRANSPORT=journal")[1]

    def wait_for(self, unit, timeout=30, **wanted):
        """Waits until the unit's properties are these; a function judges."""
        def fact():
            found = self.show(unit, *wanted)
            wrong = {k: v for k, v in found.items() if not (wanted[k](v) if callable(wanted[k]) else v == wanted[k])}
            assert not wrong, f"{unit} has {wrong}"
            return True
        return wait_until(fact, timeout, f"{unit} to have {wanted}", 0.3)

    def main_process(self, unit):
        """What /proc says of the unit's process, as a dictionary of texts."""
        pid = self.show(unit, "MainPID")["MainPID"]
        rows = dict(line.split(":", 1) for line in self.call("cat", f"/proc/{pid}/status").splitlines() if ":" in line)
        return {key: value.strip() for key, value in rows.items()}
