"""The plan of bench/agent, carried out: which stages, how often, and what is written of them."""
import gc
import itertools
import json
import os
import platform
import time
from collections import Counter
from functools import partial

from lab import Lab

from . import report
from .balancing import SYSTEMS
from .balancing_stage import Lost, Stage, reloads

HEALTH, CHANGE = ("exit", "silence", "slow", "back"), ("added", "admitted", "removed")
# Servers: the interval of their checks. With 1,000 servers in a list that changes, 200 are checked a second.
INTERVAL_MS = {3: 200, 100: 1000, 1000: 5000}
# 1,000 checks a second, and a quarter of it.
COST_SERVERS, COST_INTERVALS_MS = 1000, (1000, 4000)
TALKS = 60


def tell(text):
    print(text, flush=True)


class Run:
    def __init__(self, asked):
        self.asked = asked
        self.systems = self.choose()
        self.checks = asked.check or ["tcp", "http"]
        self.events, self.costs, self.broken, self.lost = {}, [], [], []

    def choose(self):
        chosen = []
        for name in self.asked.system or list(SYSTEMS):
            missing = SYSTEMS[name].missing()
            if missing and (self.asked.system or name == "ours"):
                raise SystemExit(f"bench/agent: {name}: {missing} (tests/packages build test bench)")
            if missing:
                tell(f"bench/agent: {name} is left out: {missing} (tests/packages bench)")
            else:
                chosen.append(SYSTEMS[name])
        return chosen

    def wants(self, *events):
        return [e for e in events if not self.asked.event or e in self.asked.event]

    def plans(self):
        """(check, servers, new ones are used at once, events): what needs a stage of its own."""
        for check in self.checks:
            yield check, 3, True, self.wants(*HEALTH, "added", "removed")
            yield check, 3, False, self.wants("admitted")
        for count in (100, 1000):
            yield self.checks[0], count, True, self.wants("added", "removed")

    def stages(self):
        """(what is told of it, what is done in a lab of its own), the systems in turns."""
        for plan in self.plans():
            check, count, initial_up, events = plan
            if events and not (self.asked.quick and (count > 3 or not initial_up)):
                for s in self.systems:
                    own = [e for e in events if not s.events or e in s.events]
                    if own:
                        yield f"{s.title}, {count} servers, {check}: {', '.join(own)}", partial(self.play, s, *plan[:3], own)
        for check, interval_ms in itertools.product(self.checks, COST_INTERVALS_MS[:1 if self.asked.quick else None]):
            for s in self.systems if self.wants("cost") else []:
                if s.events:
                    continue
                yield f"{s.title}, {COST_SERVERS} servers, {check}, each in {interval_ms} ms", partial(self.cost, s, check, interval_ms)
        for s in self.systems if self.wants("reload") and not self.asked.quick else []:
            if s.events:
                continue
            yield f"{s.title}, reloads", partial(self.reload, s)

    def play(self, system, check, count, initial_up, events, lab):
        stage = Stage(lab, system, check, count, INTERVAL_MS[count], initial_up=initial_up)
        for event, (ms, writes) in stage.play(events, self.asked.count):
            if event in events:
                self.events.setdefault((event, count, check, system.name), []).append((ms, writes))
                tell(f"  {event}: {report.milliseconds(ms)} ms, {writes} writes")

    def cost(self, system, check, interval_ms, lab):
        stage = Stage(lab, system, check, COST_SERVERS, interval_ms, watched=False)
        row = {"system": system.name, "check": check, "interval_ms": interval_ms,
               **stage.cost(self.asked.seconds, self.asked.output), **stage.memory()}
        self.costs.append(row)
        tell(f"  {row}")

    def reload(self, system, lab):
        broken, of = reloads(lab, system, self.asked.count, TALKS)
        self.broken.append({"system": system.name, "reloads": 2 * self.asked.count, "broken": broken, "of": of})

    def all(self):
        start = time.monotonic()
        for title, stage in self.stages():
            tell(f"[{time.monotonic() - start:.0f} s] {title}")
            try:
                with Lab("bench-agent") as lab:
                    stage(lab)
                    for process in lab.processes:  # how they end is not what is measured
                        process.kill()
            except Lost as e:
                self.lost.append(str(e))
                tell(f"  LOST: {e}")
            gc.collect()

    # What is written.

    def event_table(self):
        rows = [("event", "servers", "check", "system", "events", "p50", "p90", "max", "writes")]
        for (event, count, check, name), values in sorted(self.events.items(), key=self.place):
            s = report.summary([ms for ms, _ in values])
            writes = Counter(w for _, w in values).most_common(1)[0][0]
            most = max(w for _, w in values)
            rows.append((event, str(count), check, SYSTEMS[name].title, str(s["count"]),
                         *(report.milliseconds(s[k]) for k in ("p50", "p90", "max")),
                         str(writes) if writes == most else f"{writes}, at most {most}"))
        return rows

    @staticmethod
    def place(item):
        event, count, check, name = item[0]
        return (HEALTH + CHANGE).index(event), count, check != "tcp", list(SYSTEMS).index(name)

    def cost_table(self):
        rows = [("check", "system", "interval", "checks/s", "CPU s/1000", "% of the CPU", "all s/1000", "RSS KiB", "PSS KiB")]
        for r in self.costs:
            per = 1000 / max(r["checks"], 1)
            rows.append((r["check"], SYSTEMS[r["system"]].title, f"{r['interval_ms'] / 1000:g} s", f"{r['checks'] / r['wall_s']:.0f}",
                         f"{r['cpu_s'] * per:.3f}", f"{100 * r['cpu_s'] / r['wall_s']:.1f}",
                         f"{r['guest_s'] * per:.3f}" if r["guest_s"] else "-", str(r["rss"]), str(r["pss"])))
        return rows

    def text(self, facts):
        parts = []
        if self.events:
            parts += ["Milliseconds from an event to the command to the kernel, and commands for each", columns(self.event_table(), 4)]
        if self.costs:
            parts += [f"{COST_SERVERS} servers, each checked once in the interval", columns(self.cost_table(), 2)]
        parts.append("".join(f"{SYSTEMS[r['system']].title}: {r['broken']} of {r['of']} connections broken by {r['reloads']} "
                             "changes of another server\n" for r in self.broken))
        parts += [f"LOST: {words}\n" for words in self.lost]
        width = max(map(len, facts))
        return "\n".join(parts) + "\n" + "".join(f"{key:>{width}}: {value}\n" for key, value in facts.items())


def columns(rows, left):
    """A table whose first `left` columns are words."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows) + "\n"


def run(asked, facts):
    this = Run(asked)
    facts.update({s.title: s.version() for s in this.systems})
    ours = f"{platform.system()} {platform.release()}"
    facts["IPVS"] = f"natively, {ours}" if facts["kernel"] == ours else f"in a guest: {ours}, user-mode-linux, {os.cpu_count()} CPU"
    this.all()
    text = this.text(facts)
    with open(os.path.join(asked.output, "agent.txt"), "w") as f:
        f.write(text)
    with open(os.path.join(asked.output, "agent.json"), "w") as f:
        json.dump({"facts": facts, "lost": this.lost, "costs": this.costs, "broken": this.broken,
                   "events": [{"event": e, "servers": n, "check": c, "system": s, "ms": [v[0] for v in values],
                               "writes": [v[1] for v in values]} for (e, n, c, s), values in this.events.items()]}, f, indent=1)
    return 1 if this.lost or not (this.events or this.costs or this.broken) else 0

