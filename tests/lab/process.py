"""A process inside a network namespace: started, watched and ended by its pid, with a log of its own.

RRD_TEST_WRAPPER: the words of a command under which every daemon of ours runs (valgrind and its options); it must become the
daemon, keep its exit code and end with 99 when it has found something. See also RRD_TEST_PATIENCE in wait.py."""
import os
import re
import shlex
import signal
import subprocess

from .wait import PATIENCE, wait_until

WRAPPER = shlex.split(os.environ.get("RRD_TEST_WRAPPER", ""))
DAEMONS = ("rrd", "lb-announcer", "lb-ipvs-agent")
# What a sanitizer or valgrind prints when it found something.
FINDING = re.compile(r"^.*(ERROR: (Address|Leak|UndefinedBehavior)Sanitizer|: runtime error: "
                     r"|^==\d+== (Invalid |Conditional jump |Use of uninit|Syscall param |Mismatched |Source and dest|Argument '"
                     r"|Process terminating with default action of signal (4|6|7|8|11)\b|.* are definitely lost in loss record )).*$", re.M)

ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
}


def wrapped(argv):
    """The same under RRD_TEST_WRAPPER, if it runs a daemon of ours; what stands in front of the daemon stays there."""
    at = next((i for i, word in enumerate(argv) if WRAPPER and os.path.isabs(word) and os.path.basename(word) in DAEMONS), None)
    return argv if at is None else [*argv[:at], *WRAPPER, *argv[at:]]


class Process:
    """Started at once. ours: built from this tree, so it must end with code 0 on TERM and its log be clean."""

    def __init__(self, lab, ns, name, argv, env=None, ours=False, cwd=None):
        self.name, self.ns, self.ours, self.argv = name, ns, ours, [str(a) for a in argv]
        self.log_path = lab.log_path(name)
        self.expected_codes = {0}
        self.handles_term = False
        environment = {**os.environ, **ENVIRONMENT, **(env or {})}
        with open(self.log_path, "ab") as log:
            with lab.world.spawning(), ns.entered():
                self.popen = subprocess.Popen(lab.world.command(wrapped(self.argv) if ours else self.argv, cwd or lab.directory),
                                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                              start_new_session=True)
        self.pid = self.popen.pid
        lab.processes.append(self)

    @property
    def running(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_for_log(self, text, timeout=10):
        """Waits for a line that matches the regular expression; returns the match."""
        def fact():
            match = re.search(text, self.log(), re.M)
            assert match or self.running, f"{self.name} has ended with {self.popen.returncode}"
            return match
        return wait_until(fact, timeout, f"/{text}/ in {self.log_path}")

    def signal(self, number):
        if self.running:
            os.kill(self.pid, number)

    def wait(self, timeout=10):
        """Waits for its end and returns the exit code (negative: the signal)."""
        try:
            return self.popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} (pid {self.pid}) still runs after {timeout} s") from None

    def terminate(self, timeout=10):
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait_until_it_hears(self):
        """Until SIGTERM is what the program makes of it: before, the one that is hit may still be the lab's own that starts it. valgrind
        blocks all signals itself."""
        which = r"^SigCgt:\s*(\w+)" if WRAPPER else r"^Sig(?:Blk|Cgt):\s*(\w+)"

        def fact():
            with open(f"/proc/{self.pid}/status") as f:
                masks = re.findall(which, f.read(), re.M)
            return not self.running or any(int(m, 16) & 1 << signal.SIGTERM - 1 for m in masks)
        if self.running:
            wait_until(fact, 5, f"{self.name} to handle SIGTERM")

    def kill(self):
        """SIGKILL, as a crash or the kernel's out-of-memory killer would."""
        self.expected_codes.add(-signal.SIGKILL)
        self.signal(signal.SIGKILL)
        return self.wait()

    def end(self):
        """Ends it for good: TERM, and KILL when that does not do. Returns what is wrong with it, in words."""
        problems = []
        if self.handles_term:
            self.wait_until_it_hears()
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(5 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.popen.wait(5)
                problems.append(f"did not end within {5 * PATIENCE:g} s of SIGTERM")
        code = self.popen.returncode
        if self.ours and code not in self.expected_codes and not problems:
            problems.append(f"ended with code {code}" if code >= 0 else f"ended by signal {-code}")
        if self.ours:
            found = FINDING.search(self.log())
            if found:
                problems.append(f"the sanitizer, or valgrind, found something: {found.group(0).strip()}")
        return [f"{self.name}: {p} (log: {self.log_path})" for p in problems] if self.ours else []
