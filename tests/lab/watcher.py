"""`watch routes all` of a daemon, kept as the table that its rows tell of: what is there, then each change.

paths {(prefix, from, path id): next hop}; best {prefix: (from, path id)}. A row that does not fit what was told before (a path
withdrawn that is not there, one added that is) stands in fault. lost: it read too slowly, and what it holds is worth nothing.
"""
import json
import socket
import threading


class Watcher:
    def __init__(self, lab, path):
        self.paths, self.best = {}, {}
        self.fault, self.lost, self.ended = None, False, False
        self.watching = threading.Event()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.sendall(json.dumps({"command": "watch routes", "all": True}).encode() + b"\n")
        self.thread = threading.Thread(target=self._loop, name="watcher", daemon=True)
        self.thread.start()
        self.lab = lab
        lab.closing(self)

    def _loop(self):
        kept = b""
        while True:
            try:
                octets = self.socket.recv(1 << 20)
            except OSError:
                octets = b""
            if not octets:
                self.ended = True
                return
            *lines, kept = (kept + octets).split(b"\n")
            for line in lines:
                row = json.loads(line)
                if "error" in row:
                    self.fault = f"the watch was refused: {row}"
                else:
                    self._take(row["row"])

    def _take(self, row):
        event = row.get("event")
        if row.get("lost"):
            self.lost = True
            return
        name = (row.get("prefix"), row.get("from"), row.get("path-id"))
        there = name in self.paths
        if event == "watching":
            self.watching.set()
        elif event in ("present", "added", "changed"):
            if there != (event == "changed") and not self.lost:
                self.fault = f"{row}, though it {'was there' if there else 'was not'}"
            self.paths[name] = row["next-hop"]
            if row.get("best"):
                self.best[name[0]] = name[1:]
        elif event == "withdrawn":
            if not there and not self.lost:
                self.fault = f"{row}, though it was not there"
            self.paths.pop(name, None)
        elif event == "best":
            self.best.pop(name[0], None)
            if name[1]:
                self.best[name[0]] = name[1:]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(5)
        self.socket.close()
