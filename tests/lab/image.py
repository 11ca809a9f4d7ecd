"""The file system of the image, made by contrib/container/make-root, and programs that run in it as in a container: read-only, as a
user that is not root, with the capabilities of their role and no more. Containers of one pod share a network and /run/rrd."""
import json
import os
import shutil
import subprocess

from .daemons import TOP, dump
from .debs import NAMES, RUNTIME
from .wait import wait_until

MAKE_ROOT = os.path.join(TOP, "contrib", "container", "make-root")
UID = 65532


class Image:
    def __init__(self, packages, directory, programs=NAMES, extra=()):
        self.directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        words = [word for package in extra for word in ("--with", package)]
        subprocess.run([MAKE_ROOT, *words, directory, *(packages.path(n) for n in programs)], check=True)

    def size(self):
        """What its files hold, in octets."""
        return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(self.directory) for name in names)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class Pod:
    """A network namespace, and the volumes that its containers see: a writable /run/rrd, and /etc/rrd."""

    def __init__(self, lab, image, ns, user=UID):
        self.image, self.ns, self.user = image, ns, user
        self.run, self.etc = (os.path.join(lab.directory, f"{ns.name}-{what}") for what in ("run", "etc"))
        os.mkdir(self.run)
        os.chmod(self.run, 0o777)  # as Kubernetes makes an emptyDir
        os.mkdir(self.etc)
        self.started = 0

    def configure(self, program, config):
        with open(os.path.join(self.etc, f"{program}.conf"), "w") as f:
            f.write(config if isinstance(config, str) else dump(config))

    def command(self, argv, capabilities=()):
        return [RUNTIME, "--read-only", "--volume", f"{self.run}:/run/rrd", "--volume", f"{self.etc}:/etc/rrd", "--user", f"{self.user}:{self.user}",
                "--capabilities", ",".join(capabilities), self.image.directory, *argv]

    def start(self, program, capabilities=(), env=None):
        self.started += 1
        process = self.ns.start(self.command([f"/usr/sbin/{program}"], capabilities), f"{program}-{self.ns.name}-{self.started}",
                                env=env, ours=True)
        process.handles_term = True
        return process

    def result(self, *argv, capabilities=()):
        """(exit code, output) of a program that ends by itself."""
        return self.ns.result(self.command(argv, capabilities))

    def show(self, *words):
        """What rrctl, as one would run it by `kubectl exec`, has to tell."""
        code, out = self.result("/usr/bin/rrctl", *words[:-1], "--json", "show", *words[-1].split())
        assert code == 0, out
        return [json.loads(line) for line in out.splitlines()]

    def wait_for(self, *words, fact):
        """The rows of show(), as soon as the fact is true of them."""
        def look():
            rows = self.show(*words)
            assert fact(rows), rows
            return True, rows
        return wait_until(look, 20, f"{' '.join(words)} in {self.ns.name}")[1]
