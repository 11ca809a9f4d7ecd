"""The generator (parts/gen, parts/speaker): a process that is told what to do, a line at a time."""
import json
import select
import subprocess
import time

from lab import daemons

from . import plan as plans


class Failed(AssertionError):
    """The generator could not do what it was told."""


class NotDone(AssertionError):
    """What was waited for did not come in time; args[0] says how far it came."""


class Generator:
    """tell: called with how far something is, a dictionary of the generator's counts."""

    # Beyond what a command is given itself.
    GRACE_S = 120

    def __init__(self, lab, ns, tell=lambda progress: None):
        self.tell = tell
        self.log_path = lab.log_path("speaker")
        with open(self.log_path, "wb") as log, lab.world.spawning(), ns.entered():
            self.popen = subprocess.Popen([daemons.binary("bench/parts/speaker")], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=log, start_new_session=True, bufsize=0)
        self.buffer = b""
        lab.closing(self)
        self.do("server", address=plans.SERVER, port=plans.PORT)

    @property
    def pid(self):
        return self.popen.pid

    def close(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def line(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(end - time.monotonic(), 0))
            octets = self.popen.stdout.read(1 << 16) if ready else b""
            if not octets:
                with open(self.log_path, errors="replace") as f:
                    raise Failed(f"the generator {'has ended' if ready else 'says nothing'}: {f.read()[-500:]}")
            self.buffer += octets
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def do(self, command, name="", **keys):
        """Has it done and returns the answer; raises NotDone when it was waited for in vain."""
        # from_ and as_ are no words that Python leaves free.
        words = [command, name] + [f"{k.rstrip('_').replace('_', '-')}={int(v) if isinstance(v, bool) else v}"
                                   for k, v in keys.items()]
        self.popen.stdin.write((" ".join(w for w in words if w) + "\n").encode())
        while True:
            answer = self.line(keys.get("timeout", 0) + keys.get("seconds", 0) + self.GRACE_S)
            if "done" in answer:
                break
            self.tell(answer)
        if not answer["done"]:
            raise NotDone(answer)
        return answer

    def group(self, peers, **keys):
        return self.do("group", peers.name, first=peers.first, count=peers.count, as_=plans.AS, add_path=peers.add_path,
                       hold=peers.hold_s, **keys)
