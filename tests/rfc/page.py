#!/usr/bin/python3
"""Writes doc/conformance.md from the reports of the suite's runs: page.py FILE DAEMON=REPORT...

A case is what pytest's report calls one. It belongs to the RFC that its name, or the name of its parameters, begins with. What a
daemon does not offer or cannot be configured for was not judged. Nothing here knows what is right: that is the cases' matter.
"""
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lab import daemons, target  # noqa: E402  (the path above comes first)

HEAD = """# Conformance

How rrd and four other BGP speakers do against our suite of the RFCs (`tests/rfc`): a case per clause, named after its RFC and section,
judged by what is on the wire alone. Written by the suite's run (`tests/all --long`, or `tests/all --long --only conformance`); one
daemon by hand: `/usr/bin/python3 -m pytest tests/rfc --target bird -k rfc7606_3_g`.

How to read it:

- The suite was written beside rrd, and rrd was mended by it; so that rrd passes says that it does what we read in the RFCs, and no
  more. The peers are here for another reason: a case that most of them fail may be wrong. Each of those was held against the RFC's
  text; what the text did not bear out was changed, and the others are listed below with what they rest on.
- Not judged is what a daemon does not offer (a capability missing in its OPEN) or cannot be configured for; rrd is never excused by
  this. Debian's releases are not the peers' newest.
- Many cases differ in one parameter, so that one trait of a daemon may fail dozens of them: the number of clauses is in brackets.
- A failed case need not matter to anybody: a NOTIFICATION with another subcode ends a session just as well.
"""


class Run:
    """One daemon's report. cases: {name: "passed", "failed" or "skipped"}."""

    def __init__(self, who, report):
        self.target, self.cases, self.reasons, self.why, self.died = target.TARGETS[who], {}, Counter(), {}, 0
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            self._case(case)

    def _case(self, case):
        name = case.get("name").removeprefix("test_")
        tags = {child.tag: child for child in case}
        for item in case.iter("property"):
            if item.get("name") == "why":
                self.why[clause(name)] = item.get("value")
        if "skipped" in tags:
            self.reasons[tags["skipped"].get("message")] += 1
        bad = [child for child in case if child.tag in ("failure", "error")]
        self.died += any("has died" in (child.get("message") or "") for child in bad)
        result = "failed" if bad else "skipped" if "skipped" in tags else "passed"
        if self.cases.get(name) != "failed":
            self.cases[name] = result

    def of(self, result, rfc=None):
        return [n for n, r in self.cases.items() if r == result and rfc in (None, rfc_of(n))]


def clause(name):
    return name.split("[")[0]


def rfc_of(name):
    """The number. Parameters may name another RFC than the case."""
    inner = re.search(r"\[(?:[^\]]*-)?rfc(\d+)_", name)
    return int((inner or re.match(r"rfc(\d+)", name)).group(1))


def spoken(name):
    """A clause in words: its sections, and what it says."""
    words = clause(name).split("_")[1:]
    sections = []
    while words and (words[0].isdigit() or sections and re.fullmatch("[b-z]", words[0]) or sections[:4] == list("9122") and words[0] == "a"):
        sections.append(words.pop(0))
    return f"RFC {re.match(r'rfc([0-9]+)', name).group(1)} {'.'.join(sections)}".rstrip() + ": " + " ".join(words)


def table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|", *("| " + " | ".join(row) + " |" for row in rows[1:]), ""]


def version(run):
    if run.target.TITLE == "rrd":
        return subprocess.run([daemons.binary("rrd"), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", run.target.PACKAGE], capture_output=True, text=True, check=True).stdout


def machine():
    def first(path, pattern):
        with open(path, encoding="utf-8") as f:
            return re.search(pattern, f.read(), re.M).group(1).strip()
    processor, system = first("/proc/cpuinfo", r"^model name\s*:(.*)"), first("/etc/os-release", r'^PRETTY_NAME="(.*)"')
    memory = int(first("/proc/meminfo", r"^MemTotal:\s+(\d+)")) / 1048576
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB, Linux {os.uname().release}, {system}; {time.strftime('%Y-%m-%d')}."


def totals(runs):
    rows = [["", *(r.target.TITLE for r in runs)], ["version", *(version(r) for r in runs)],
            ["passed", *(len(r.of("passed")) for r in runs)],
            ["failed (clauses)", *(f"{len(r.of('failed'))} ({len({clause(n) for n in r.of('failed')})})" for r in runs)],
            ["not judged", *(len(r.of("skipped")) for r in runs)], ["times that the daemon died", *(r.died for r in runs)]]
    return ["## Totals", "", machine(), "", *table(rows)]


def by_rfc(runs):
    rows = [["RFC", "cases", *(r.target.TITLE for r in runs)]]
    for rfc in sorted({rfc_of(n) for r in runs for n in r.cases}):
        cells = [(len(r.of("passed", rfc)), len(r.of("failed", rfc))) for r in runs]
        rows.append([rfc, len([n for n in runs[0].cases if rfc_of(n) == rfc]), *(f"{good} of {good + bad}" if good + bad else "" for good, bad in cells)])
    return ["## By RFC", "", "Passed of those that were judged.", "", *table(rows)]


def most_fail(runs):
    """Clauses with a case that at least three of the peers fail, or all that were judged."""
    peers = [r for r in runs if r.target.TITLE != "rrd"]
    found = defaultdict(set)
    for name in sorted({n for r in peers for n in r.cases}):
        judged = [r for r in peers if r.cases.get(name) in ("passed", "failed")]
        bad = [r.target.TITLE for r in judged if r.cases[name] == "failed"]
        if len(bad) >= 3 or len(bad) == len(judged) >= 2:
            found[clause(name)].update(bad)
    lines = ["## What most of the peers fail", "",
             "Clauses with a case that at least three of the four fail, or all of those that it judges, and what the case rests on.", ""]
    why = {name: text for r in runs for name, text in r.why.items()}
    for name, titles in found.items():
        text = " ".join(why.get(name, "").split())
        lines.append(f"- **{spoken(name)}** ({', '.join(t for t in (r.target.TITLE for r in peers) if t in titles)}). {text}".rstrip())
    return [*lines, ""]


def failures(runs):
    lines = ["## What each fails", ""]
    for run in runs:
        groups = defaultdict(list)
        for name in run.of("failed"):
            groups[clause(name)].append(name[len(clause(name)):].strip("[]"))
        lines += [f"### {run.target.TITLE}", "", *([] if groups else ["Nothing."])]
        for name in sorted(groups, key=lambda n: (rfc_of(n), n)):
            total = sum(clause(n) == name and r != "skipped" for n, r in run.cases.items())
            which = f" ({len(groups[name])} of {total}): {', '.join(sorted(groups[name]))}" if total > 1 else ""
            lines.append(f"- `{name}`{which}")
        lines.append("")
    return lines


def not_judged(runs):
    lines = ["## What was not judged", ""]
    for run in runs:
        lines += [f"- {run.target.TITLE}: {(reason or '').removeprefix('Skipped: ')} ({count})." for reason, count in sorted(run.reasons.items())]
    return [*lines, ""]


def main():
    page, *given = sys.argv[1:]
    runs = [Run(*pair.split("=", 1)) for pair in given]
    parts = [part for make in (totals, by_rfc, most_fail, failures, not_judged) for part in make(runs)]
    with open(page, "w", encoding="utf-8") as f:
        f.write(HEAD + "\n" + "\n".join(parts).rstrip() + "\n")


if __name__ == "__main__":
    main()
