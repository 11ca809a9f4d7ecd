"""A document as a test: the fenced blocks of a page are done, in order, on the hosts they name, as a reader would.

    ```sh HOST            commands for HOST's shell, which is one bash from the first block to the last: `rrd ... &` and `kill %rrd`
    ```yaml HOST FILE     the file's text from now on
    ```text               what the block before prints: each line must be found in the output, in this order

In an expected line `...` stands for anything, and blanks for any number of them. Commands that only look are repeated until
they print what is expected; others are done once. Without expectation a block must succeed.

Each host has an /etc and a /run of its own, so the paths in the page are the reader's.
"""
import os
import re
import subprocess
import threading
from dataclasses import dataclass, field

from .daemons import binary
from .process import ENVIRONMENT, FINDING
from .wait import wait_until

PROGRAMS = ("rrd", "rrctl", "lb-announcer", "lb-ipvs-agent")
LOOKS = re.compile(r"^(rrctl (-\w+ )*show |ip (-\w+ )*(route|nexthop) show|tail |grep |ping )")


@dataclass
class Step:
    line: int
    kind: str
    words: list
    text: str
    expected: list = field(default_factory=list)


def read(path):
    """The page's steps. A block of another language, or without a host, is for the reader alone."""
    steps, block = [], None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.startswith("```"):
                if block:
                    block.text += line
            elif block:
                if block.kind == "text" and steps and steps[-1].kind == "sh":
                    steps[-1].expected = [entry for entry in block.text.splitlines() if entry.strip()]
                elif block.words:
                    steps.append(block)
                block = None
            else:
                kind, *words = line[3:].split() or [""]
                block = Step(number, kind, words, "")
    return steps


def missing(expected, output):
    """The first expected line that the output has not (in order), or None."""
    lines = iter(output.splitlines())
    for wanted in expected:
        pattern = r"\s+".join(".*".join(re.escape(part) for part in word.split("..."))
                              for word in wanted.split())
        if not any(re.search(pattern, line) for line in lines):
            return wanted
    return None


class Shell:
    """A bash on one host, with the host's own /etc and /run."""

    def __init__(self, lab, ns, name, env):
        self.name = name
        argv = ["unshare", "--mount", "sh", "-c", f"{self._mounts(lab)}exec bash --norc"]
        environment = {**os.environ, **ENVIRONMENT, "LC_ALL": "C", "COLUMNS": "200", **env,
                       "PATH": f"{lab.directory}/bin:{os.environ['PATH']}:/usr/sbin:/sbin"}
        with lab.world.spawning(), ns.entered():
            self.bash = subprocess.Popen(lab.world.command(argv, "/"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, env=environment, text=True, start_new_session=True)
        self.do("set -m")

    @staticmethod
    def _mounts(lab):
        """What the programs and the page write is this host's alone."""
        own = os.path.dirname(re.search(r"(/\S*)/rrd\.sock", lab.run([binary("rrctl"), "-h"])).group(1))
        script = "set -e\nmount -t tmpfs tmpfs /run\nmkdir /run/.host\n"
        for path in ("/etc", "/var", own):
            while not os.path.isdir(path):
                path = os.path.dirname(path)
            if path in ("/", "/run"):
                continue
            part = f"/run/.host/{path.replace('/', '-')}"
            script += (f"mkdir -p {part}/upper {part}/work\nmount -t overlay overlay "
                       f"-o lowerdir={path},upperdir={part}/upper,workdir={part}/work {path}\n")
        # The page makes /run/rrd itself; programs of a build with another prefix look elsewhere.
        elsewhere = f"mkdir -p {own}/rrd\n" if own != "/run" else ""
        return f"{script}mkdir -p /etc/rrd\n{elsewhere}"

    def do(self, commands, timeout=40):
        """Runs the commands; (exit code, what they printed)."""
        self.bash.stdin.write(f"{{ {commands}\n}} </dev/null\necho \"=== done $?\"\n")
        self.bash.stdin.flush()
        output = []
        timer = threading.Timer(timeout, self.bash.kill)
        timer.start()
        for line in self.bash.stdout:
            match = re.fullmatch(r"(.*)=== done (\d+)\n", line)
            if match:
                timer.cancel()
                return int(match.group(2)), "".join(output) + match.group(1)
            output.append(line)
        raise AssertionError(f"the shell of {self.name} has ended, or hung for {timeout} s, at: {commands}\n{''.join(output)}")

    def write(self, path, text):
        self.do(f"cat >{path} <<'END-OF-FILE'\n{text}END-OF-FILE")

    def close(self):
        if self.bash.poll() is None:
            self.do("kill $(jobs -p) 2>/dev/null; wait")
            self.bash.stdin.close()
            self.bash.wait(10)


class Walk:
    def __init__(self, lab, hosts):
        """hosts: {the name that the page uses: (namespace, environment)}"""
        os.makedirs(f"{lab.directory}/bin")
        for program in PROGRAMS:
            os.symlink(os.path.abspath(binary(program)), f"{lab.directory}/bin/{program}")
        self.shells = {name: lab.closing(Shell(lab, ns, name, env)) for name, (ns, env) in hosts.items()}

    def go(self, path):
        for step in read(path):
            where = f"{os.path.basename(path)}:{step.line}"
            assert step.words[0] in self.shells, f"{where}: no host {step.words[0]}"
            shell = self.shells[step.words[0]]
            if step.kind == "yaml":
                shell.write(step.words[1], step.text)
            else:
                self._commands(shell, step, f"{where}: on {shell.name}")

    @staticmethod
    def _commands(shell, step, where):
        def look():
            code, output = shell.do(step.text)
            assert not FINDING.search(output), f"{where}\n{output}"
            if not step.expected:
                assert code == 0, f"{where}: exit code {code}\n{step.text}{output}"
            wanted = missing(step.expected, output)
            assert wanted is None, f"{where}: not printed: {wanted}\n{step.text}{output}"
            return True
        if step.expected and all(LOOKS.match(line) for line in step.text.splitlines()):
            wait_until(look, 20, where, poll_s=0.1)
        else:
            look()
