#!/usr/bin/python3
"""What a container's runtime does, and no more: it makes a root file system the only one of a program and becomes that program.

    runtime.py [--read-only] [--volume HERE:THERE]... [--user UID:GID [--capabilities NAME,...]] ROOT PROGRAM [ARGUMENT]...

The mounts are a namespace of their own: /proc is that of the caller's processes, /dev has the harmless devices alone. With --user
the capabilities are given the way runc gives them to a user that is not root: bounding, permitted and effective, none of them
inherited, none ambient, and no new privileges. What the program then has, the file's capabilities decide.
"""
import argparse
import ctypes
import os
import stat
import struct
import sys

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 0x1000, 0x4000, 0x40000
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
CAPABILITIES = {"net_bind_service": 10, "net_admin": 12, "net_raw": 13}
CAPABILITY_VERSION_3, CAP_LAST = 0x20080522, 40
DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        sys.exit(f"runtime: {what}: {os.strerror(error)}")


def mount(source, target, kind, flags, data=None):
    encoded = [None if v is None else v.encode() for v in (source, target, kind)]
    check(libc.mount(*encoded, ctypes.c_ulong(flags), None if data is None else data.encode()), f"mount on {target}")


def make_devices(directory):
    mount("tmpfs", directory, "tmpfs", 0, "mode=755")
    for name, minor in DEVICES.items():
        path = os.path.join(directory, name)
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.chmod(path, 0o666)


def make_root(root, volumes, is_read_only):
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount(root, root, None, MS_BIND)
    mount("proc", os.path.join(root, "proc"), "proc", 0)
    make_devices(os.path.join(root, "dev"))
    if is_read_only:
        mount("none", root, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    for volume in volumes:
        here, there = volume.split(":")
        mount(here, root + there, None, MS_BIND)


def become(user, names):
    wanted = sum(1 << CAPABILITIES[name] for name in names)
    uid, gid = map(int, user.split(":"))
    for number in range(CAP_LAST + 1):
        if not wanted >> number & 1:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # an older kernel has fewer
    check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    sets = struct.pack("6I", wanted, wanted, 0, 0, 0, 0)
    check(libc.syscall(SYS_CAPSET[os.uname().machine], struct.pack("Ii", CAPABILITY_VERSION_3, 0), sets), "capset")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def main():
    parser = argparse.ArgumentParser(prog="runtime")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--volume", action="append", default=[])
    parser.add_argument("--user")
    parser.add_argument("--capabilities", default="")
    parser.add_argument("root")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    make_root(os.path.abspath(arguments.root), arguments.volume, arguments.read_only)
    os.chroot(arguments.root)
    os.chdir("/")
    if arguments.user:
        become(arguments.user, [name for name in arguments.capabilities.split(",") if name])
    try:
        os.execv(arguments.command[0], arguments.command)
    except OSError as e:
        sys.exit(f"runtime: {arguments.command[0]}: {e.strerror}")


if __name__ == "__main__":
    main()
