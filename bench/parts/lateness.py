"""How late a daemon's BFD packets are while it takes and passes on a full table: rrd, many sessions, and what the machine can do.

Everything is in one network namespace whose 10.0.0.0/8 is local. 10.255.0.1 is the daemon; the generator plays a feeder, a client and those
who come by range, and parts/guarded the BFD sessions of these.
"""
import itertools
import json
import os
import select
import subprocess

from lab import Lab, daemons
from lab.wait import wait_until

from . import plan as plans
from .farm import cpu_s
from .generator import Generator

PREFIXES, PER_UPDATE, ROUNDS = 1000000, 6, 3
# Upper bounds of how late a packet was, in microseconds, as the daemon's metrics have them.
BOUNDS_US = (100, 500, 1000, 2000, 5000, 10000, 50000)
FEEDER, CLIENT, GUARDED = "10.1.0.1", "10.2.0.1", "10.16.0.1"
TIMEOUT_S = 120
UP = "rrd_bfd_sessions_up"


def config(count, interval_ms):
    interval = f"{interval_ms}ms"
    group = {"peer-as": plans.AS, "route-reflector-client": True, "passive": True, "hold-time": plans.HOLD_S, "families": ["ipv4-unicast"]}
    guarded = {"bfd": {"enabled": True, "multihop": "true", "desired-minimum-tx-interval": interval, "required-minimum-receive": interval}}
    return {
        "router": {"as": plans.AS, "router-id": plans.SERVER},
        "listen": [{"address": plans.SERVER, "port": plans.PORT}],
        "peer-groups": {"one": group, "many": {**group, "export": "none", **guarded}},
        "neighbors": [{"address": a, "peer-group": "one"} for a in (FEEDER, CLIENT)],
        "dynamic-neighbors": [{"prefix": "10.16.0.0/12", "peer-group": "many", "limit": count}],
        "bfd": {"packets-per-second": 0},
        "log": {"to": "stderr", "level": "warning"},
    }


class Sleeper:
    """What the machine can do: a program that does nothing but to wake each millisecond, beside all the rest."""

    def __init__(self):
        self.process = subprocess.Popen([daemons.helper("sleeper"), *map(str, BOUNDS_US)], stdout=subprocess.PIPE)

    def end(self):
        self.process.terminate()
        told = json.loads(self.process.communicate(timeout=30)[0])
        return {"late": list(itertools.accumulate(told["late"])), "latest-ms": told["latest-us"] / 1000}


class Guarded:
    """The other ends of the BFD sessions."""

    def __init__(self, lab, ns, count, interval_ms):
        program = daemons.helper("guarded")
        with open(lab.log_path("guarded"), "wb") as log, lab.world.spawning(), ns.entered():
            self.process = subprocess.Popen([program, plans.SERVER, GUARDED, str(count), str(interval_ms)], stdout=subprocess.PIPE, stderr=log,
                                            start_new_session=True)
        lab.closing(self)

    def wait_up(self):
        if not select.select([self.process.stdout], [], [], TIMEOUT_S)[0]:
            raise SystemExit(f"bench/bfd: not all BFD sessions were up after {TIMEOUT_S} s")
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.terminate()
        return json.loads(self.process.communicate(timeout=30)[0])["failures"]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def metrics(daemon):
    """{name and labels: value} of what is about BFD."""
    lines = [line.rsplit(" ", 1) for line in daemon.ctl("metrics").splitlines() if line.startswith("rrd_bfd")]
    return {name: float(value) for name, value in lines}


def late(values):
    """How many packets were at most so late, by bound."""
    buckets = {k.split('"')[1]: v for k, v in values.items() if k.startswith("rrd_bfd_packet_lateness_seconds_bucket")}
    assert [round(float(b) * 1e6) for b in list(buckets)[:-1]] == list(BOUNDS_US), buckets
    return list(buckets.values())


def one_core(daemon):
    """All threads of it on the first."""
    for thread in os.listdir(f"/proc/{daemon.process.pid}/task"):
        os.sched_setaffinity(int(thread), {min(os.sched_getaffinity(0))})


def establish(lab, ns, daemon, count, interval_ms):
    """All sessions, of both kinds; the generator and the other ends."""
    generator = Generator(lab, ns)
    generator.do("numbers", first=plans.FIRST_PREFIX, count=PREFIXES)
    for name, first, number in (("feeder", FEEDER, 1), ("client", CLIENT, 1), ("many", GUARDED, count)):
        generator.do("group", name, first=first, count=number, as_=plans.AS, add_path=0, hold=plans.HOLD_S, reconnect=1)
        generator.do("connect", name)
        generator.do("up", name, timeout=TIMEOUT_S)
    generator.do("load", "feeder", count=PREFIXES, per_set=PER_UPDATE)
    guarded = Guarded(lab, ns, count, interval_ms)
    guarded.wait_up()
    wait_until(lambda: metrics(daemon)[UP] == count, TIMEOUT_S, "all BFD sessions", 0.2)
    return generator, guarded


def under_load(count, interval_ms, pinned):
    """A row of results. pinned: all of rrd on one core."""
    with Lab("bfd-load") as lab:
        ns = lab.ns("bench")
        ns.batch("route add local 10.0.0.0/8 dev lo", f"addr add {plans.SERVER}/32 dev lo")
        ns.sysctl("net/core/somaxconn", 65535)
        daemon = daemons.Daemon(ns, "rrd", config(count, interval_ms)).wait_until_ready()
        generator, guarded = establish(lab, ns, daemon, count, interval_ms)
        if pinned:
            one_core(daemon)
        sleeper = Sleeper()
        before, cpu = metrics(daemon), cpu_s(daemon)
        generator.do("mark")
        for _ in range(ROUNDS):
            generator.do("send", "feeder")
            generator.do("wait", "client", paths=PREFIXES, timeout=TIMEOUT_S)
            generator.do("withdraw", "feeder")
            seconds = generator.do("wait", "client", paths=0, timeout=TIMEOUT_S)["at"]
        after = metrics(daemon)
        return {"sessions": count, "interval-ms": interval_ms, "one-core": pinned, "seconds": seconds, "cpu-s": cpu_s(daemon) - cpu,
                "lost": count - after[UP], "lost-there": guarded.end(), "latest-ms": after["rrd_bfd_latest_packet_seconds"] * 1000,
                "stalls": after["rrd_bfd_stalls_total"] - before["rrd_bfd_stalls_total"],
                "late": [a - b for a, b in zip(late(after), late(before))], "machine": sleeper.end(),
                "long-turn-ms": daemon.status()["longest-turn"]["us"] / 1000}
