"""The first stage of a container file, run line by line in a chroot instead of by a container engine: as much of the language as ours
uses, and no more. It needs Debian's packages, so it is made before the test process enters the lab's private world."""
import os
import re
import shlex
import shutil
import subprocess

from .debs import Failed, call, release, sources

ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c "$1"'


class Stage:
    """directory: the file system in which it runs, a small Debian at first; context: what COPY sees."""

    def __init__(self, directory, context):
        self.directory, self.context, self.cwd = directory, context, "/"
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        shutil.rmtree(directory, ignore_errors=True)
        call(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io", release(), directory, "-"], text=sources())

    def run(self, path):
        """Every line up to the second FROM."""
        with open(path) as f:
            lines = re.sub(r"\\\n\s*", " ", f.read()).splitlines()
        stages = [i for i, line in enumerate(lines) if line.startswith("FROM ")]
        for line in lines[:stages[1]]:
            if line and not line.startswith("#"):
                word, _, rest = line.partition(" ")
                self.LINES[word](self, rest)

    def env(self, rest):
        self.environment.update(word.split("=", 1) for word in shlex.split(rest))

    def begin(self, rest):
        """It is there already."""

    def workdir(self, rest):
        self.cwd = rest
        os.makedirs(self.directory + rest, exist_ok=True)

    def copy(self, rest):
        source, target = rest.split()
        source, target = os.path.join(self.context, source), os.path.join(self.directory + self.cwd, target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)

    def execute(self, command):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", ENTER, self.directory, f"cd {self.cwd} && {command}"], env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode:
            raise Failed(f"RUN {command}: exit code {done.returncode}\n{done.stdout[-6000:]}")

    LINES = {"ARG": env, "ENV": env, "FROM": begin, "WORKDIR": workdir, "COPY": copy, "RUN": execute}

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
