"""The private world of a test process: its own mounts, network and processes.

enter() gives the calling thread a mount namespace with a private /run (so named network namespaces live and die here),
an empty network namespace, and a namespace for the processes that spawning() starts. Its first process waits on a pipe
that this process holds: when this process ends, however it ends, the kernel ends every process of the world, and with
the last one the networks go. Nothing of the host is changed at any time.
"""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1

# The first process of a world. Its /proc is the world's own: LeakSanitizer looks there for its process by the number
# it has inside. The test process keeps the host's, where it finds itself.
FIRST = "mount -t proc proc /proc && trap '' INT TERM HUP && echo ready && read line"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def setns(fd, kind):
    _check(_libc.setns(fd, kind), "setns")


def _mount(source, target, fstype, flags, data=None):
    _check(_libc.mount(source, target, fstype, ctypes.c_ulong(flags), data), f"mount on {target}")


class World:
    """One per thread that runs tests; see enter()."""

    def __init__(self):
        if os.geteuid() != 0:
            raise PermissionError("the lab needs root: it makes network namespaces (try: sudo)")
        self.own_pid_ns = os.open("/proc/thread-self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS), "unshare")
        _mount(b"none", b"/", None, MS_REC | MS_PRIVATE)
        _mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755")
        os.mkdir("/run/netns")
        self.own_net_ns = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        # The namespace of processes: made by unshare, but only its first child is put into it, then we step back:
        # a thread whose children go to another namespace cannot start threads.
        _check(_libc.unshare(CLONE_NEWPID), "unshare")
        try:
            self.first = subprocess.Popen(["unshare", "--mount", "/bin/sh", "-c", FIRST], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, start_new_session=True)
        finally:
            setns(self.own_pid_ns, CLONE_NEWPID)
        if self.first.stdout.readline() != b"ready\n":
            raise OSError("the first process of the lab's namespaces did not start")
        self.pid_ns = os.open(f"/proc/{self.first.pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def add_netns(self, name):
        """A named network namespace with its loopback up, as `ip netns add` makes one, and no process for it."""
        path = f"/run/netns/{name}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            try:
                _mount(b"/proc/thread-self/ns/net", path.encode(), None, MS_BIND)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    flags = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
                    up = struct.unpack("16sh22x", flags)[1] | IFF_UP
                    fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", up))
            finally:
                setns(before, CLONE_NEWNET)
        finally:
            os.close(before)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def remove_netns(name):
        path = f"/run/netns/{name}"
        _check(_libc.umount2(path.encode(), MNT_DETACH), f"umount {path}")
        os.unlink(path)

    def command(self, argv, directory):
        """The command that runs argv in the directory, with the world's own /proc; no process more than argv's."""
        return ["nsenter", f"--mount=/proc/{self.first.pid}/ns/mnt", f"--wd={directory}", "--", *argv]

    @contextmanager
    def spawning(self):
        """Processes started inside belong to the world and cannot outlive it."""
        setns(self.pid_ns, CLONE_NEWPID)
        try:
            yield
        finally:
            setns(self.own_pid_ns, CLONE_NEWPID)

    @contextmanager
    def inside(self, net_fd):
        """The calling thread is in that network namespace inside the block; sockets made there stay there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(net_fd, CLONE_NEWNET)
            try:
                yield
            finally:
                setns(before, CLONE_NEWNET)
        finally:
            os.close(before)


_local = threading.local()


def enter():
    """The calling thread's world, made at the first call."""
    if not hasattr(_local, "world"):
        _local.world = World()
    return _local.world
