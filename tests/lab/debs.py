"""Debian packages of this tree, built from its release tarball, and a Debian system of its own to install them in.

Both need Debian's packages by apt, so they are made before the test process enters its private world (world.py)."""
import glob
import hashlib
import os
import re
import shutil
import subprocess

RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime.py")
NAMES = ("rrctl", "rrd", "lb-announcer", "lb-ipvs-agent")
# Without debugging symbols, which would be taken out again.
OPTIONS = {"DEB_BUILD_OPTIONS": "nocheck noautodbgsym", "DEB_CFLAGS_STRIP": "-g", "DEBFULLNAME": "Test", "DEBEMAIL": "test@example.org"}
# A system without systemd as its process 1 needs these two of its programs only.
ALTERNATIVES = {"systemd": "systemd-standalone-sysusers"}
MORE = ("systemd-standalone-tmpfiles",)


class Failed(AssertionError):
    """A command of the build or of the system ended with an error."""


def call(argv, cwd=None, env=None, text=None):
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **(env or {})}, input=text, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


class Source:
    """The release tarball of a build directory, unpacked below a directory that is ours alone; packages appear beside it."""

    def __init__(self, build, directory):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        call(["make", "-s", "dist-gzip"], build)
        tarball, = glob.glob(os.path.join(build, "rrd-*.tar.gz"))
        call(["tar", "-xf", tarball, "-C", directory])
        self.directory = directory
        self.tree = os.path.join(directory, os.path.basename(tarball)[:-len(".tar.gz")])

    def version(self):
        with open(os.path.join(self.tree, "debian", "changelog")) as f:
            return re.match(r"rrd \(([^)]+)\)", f.readline()).group(1)

    def build(self):
        """What is compiled already is not compiled again."""
        self.log = call(["dpkg-buildpackage", "-us", "-uc", "-b", "-nc", f"-j{os.cpu_count() or 2}"], self.tree, OPTIONS)
        return Packages(self.directory, self.version())

    def next_version(self, change):
        """The packages of the next revision; change(path of the tree) is what it brings."""
        path = os.path.join(self.tree, "debian", "changelog")
        with open(path) as f:
            text = f.read()
        upstream, revision = self.version().rsplit("-", 1)
        entry = re.sub(r"\(.*?\)", f"({upstream}-{int(revision) + 1})", text.split("\n -- ")[0].splitlines()[0])
        stamp = re.search(r"^ -- .*$", text, re.M).group(0)
        with open(path, "w") as f:
            f.write(f"{entry}\n\n  * Another one.\n\n{stamp}\n\n{text}")
        change(self.tree)
        return self.build()


class Packages:
    def __init__(self, directory, version):
        self.directory, self.version = directory, version

    def path(self, name):
        path, = glob.glob(os.path.join(self.directory, f"{name}_{self.version}_*.deb"))
        return path

    def paths(self):
        return [self.path(name) for name in NAMES]

    def changes(self):
        path, = glob.glob(os.path.join(self.directory, f"rrd_{self.version}_*.changes"))
        return path

    def field(self, name, field):
        return call(["dpkg-deb", "-f", self.path(name), field]).strip()

    def control_file(self, name, file):
        return call(["dpkg-deb", "--ctrl-tarfile", self.path(name)]) and \
            subprocess.run(f"dpkg-deb --ctrl-tarfile '{self.path(name)}' | tar -xO ./{file}", shell=True, text=True,
                           capture_output=True, check=False).stdout

    def content(self, name):
        """{path: (mode as ls has it, owner)}"""
        rows = (line.split(None, 5) for line in call(["dpkg-deb", "-c", self.path(name)]).splitlines())
        return {row[5].split(" -> ")[0].lstrip(".").rstrip("/"): (row[0], row[1]) for row in rows}

    def needed(self):
        """The packages of Debian that ours depend on."""
        wanted = set(MORE)
        for name in NAMES:
            for dependency in self.field(name, "Depends").split(","):
                first = re.match(r"\s*([\w.+-]+)", dependency).group(1)
                wanted.add(ALTERNATIVES.get(first, first))
        return sorted(wanted - set(NAMES))


def versions(directory):
    """Of the packages that are there, the oldest first; they differ in their revision."""
    found = {os.path.basename(path).split("_")[1] for path in glob.glob(os.path.join(directory, "rrctl_*.deb"))}
    return sorted(found, key=lambda v: int(v.rsplit("-", 1)[1]))


def release():
    """The name of this machine's Debian."""
    with open("/etc/os-release") as f:
        return re.search(r"^VERSION_CODENAME=(\w+)$", f.read(), re.M).group(1)


def sources():
    """The lines of sources.list by which this machine has Debian itself."""
    lines = call(["apt-get", "indextargets", "--format", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages",
                  "Origin: Debian", "Component: main"])
    return "".join(f"{line}\n" for line in sorted(set(lines.splitlines())))


class System:
    """A small Debian of this machine's release below a directory, with what the packages depend on."""

    def __init__(self, directory, needed):
        self.directory = directory
        call(["mmdebstrap", "--quiet", "--mode=root", "--variant=essential", f"--include={','.join(needed)}", "--dpkgopt=force-unsafe-io",
              release(), directory, "-"], text=sources())

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, inside):
        return self.directory + inside

    def command(self, argv):
        """The words that run argv in there."""
        return [RUNTIME, self.directory, *argv]

    def call(self, *argv):
        return call(self.command(argv), env={"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})

    def install(self, packages):
        """By dpkg, with what it does about a file that both sides have changed when nobody can be asked."""
        for path in packages.paths():
            shutil.copy(path, self.path("/var/cache/"))
        names = [os.path.join("/var/cache", os.path.basename(p)) for p in packages.paths()]
        output = self.call("/usr/bin/dpkg", "--force-confdef", "--force-confold", "-i", *names)
        for name in names:
            os.unlink(self.path(name))
        return output

    def states(self):
        """{package of ours: its version, if it is installed; else what dpkg says of it}"""
        format_ = "${Package} ${db:Status-Status} ${Version}\\n"
        rows = [line.split() for line in self.call("/usr/bin/dpkg-query", "-W", "-f", format_).splitlines()]
        return {r[0]: r[2] if r[1] == "installed" else r[1] for r in rows if r[0] in NAMES}

    def read(self, path):
        with open(self.path(path)) as f:
            return f.read()

    def write(self, path, text):
        with open(self.path(path), "w") as f:
            f.write(text)

    def files(self):
        """{path: what it is}, without what dpkg writes about each package it has ever seen."""
        found = {}
        for at, directories, names in os.walk(self.directory):
            here = at[len(self.directory):]
            if here in ("/proc", "/dev", "/sys", "/var/lib/dpkg", "/var/log", "/var/cache"):
                directories.clear()
                continue
            for name in names + directories:
                path = os.path.join(at, name)
                st = os.lstat(path)
                found[f"{here}/{name}"] = (oct(st.st_mode), st.st_uid, st.st_gid, digest(path))
        return found


def digest(path):
    if os.path.islink(path):
        return os.readlink(path)
    if not os.path.isfile(path):
        return ""
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()
