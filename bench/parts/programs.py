"""Where the programs of the systems are, and which versions."""
import os
import shutil
import subprocess


def program(name):
    path = name if os.access(name, os.X_OK) else shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


def first_line(*argv):
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    return out.strip().splitlines()[0] if out.strip() else "unknown"


def package(name):
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return f"{name} {out.stdout.strip()}" if out.returncode == 0 and out.stdout.strip() else f"{name} of unknown version"
