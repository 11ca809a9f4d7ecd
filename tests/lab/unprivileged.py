"""A daemon that root starts and that becomes another user (-u), and what /proc says of its rights."""
import copy
import os
import pwd

from .daemons import Daemon, dump

USER = "nobody"
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
BIND, ADMIN, RAW, PTRACE, SYS_ADMIN = 1 << 10, 1 << 12, 1 << 13, 1 << 19, 1 << 21


class Unprivileged:
    """Before a class of daemons. It has a place of its own for its files, which it may read, and one for sockets, where it may
    write, as RuntimeDirectory= makes it."""

    def __init__(self, *what, name, user=USER, arguments=(), **more):
        self.place, self.sockets = f"/run/{name}-etc", f"/run/{name}"
        make_directory(self.place, 0, GID, 0o750)
        make_directory(self.sockets, UID, GID, 0o755)
        super().__init__(*what, name=name, arguments=["-u", user, *arguments], **more)

    def start(self):
        self.config.setdefault("control", {}).setdefault("socket", f"{self.sockets}/control.sock")
        self.socket = self.config["control"]["socket"]
        return super().start()

    def write(self):
        return self.file(f"{self.name}.yaml", dump(self.config))

    def file(self, name, text, uid=0, gid=GID, mode=0o640):
        """A file in its place, which it may read unless mode says otherwise."""
        path = os.path.join(self.place, name)
        with open(path + ".new", "w", opener=lambda p, flags: os.open(p, flags, mode)) as f:
            f.write(text)
        os.chown(path + ".new", uid, gid)
        os.rename(path + ".new", path)
        return path

    def with_changes(self, **more):
        return {**copy.deepcopy(self.config), **more}

    def rights(self):
        return rights(self.process)


class UnprivilegedDaemon(Unprivileged, Daemon):
    pass


def make_directory(path, uid, gid, mode):
    os.makedirs(path, exist_ok=True)  # an earlier test of this process may have left it
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def rights(process):
    """What /proc says that a process may do."""
    with open(f"/proc/{process.pid}/status") as f:
        rows = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    sets = {name: int(rows[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return {"uids": set(map(int, rows["Uid"].split())), "gids": set(map(int, rows["Gid"].split())),
            "groups": set(map(int, rows["Groups"].split())), "no-new-privs": rows["NoNewPrivs"] == "1", **sets}


def only(capabilities, groups=(GID,), bounding=None):
    """rights() of who has these and nothing else."""
    return {"uids": {UID}, "gids": {groups[0]}, "groups": set(groups), "no-new-privs": True, "CapInh": capabilities,
            "CapPrm": capabilities, "CapEff": capabilities, "CapBnd": capabilities if bounding is None else bounding, "CapAmb": 0}
