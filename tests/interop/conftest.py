"""Fixtures of the interop tests, and doc/interop.md: what was tried with whom, and seen.

RRD_INTEROP_TABLE=FILE: the run writes that page. Each test that is marked with what it tries has a row, each speaker a column.
"""
import os

import pytest

from lab import Lab, daemons, fig4, others

HEAD = """# Interoperability

What was tried beside other BGP speakers, in network namespaces, and what was seen. Written by the tests
(`tests/interop`, `tests/all --long`); the speakers are Debian's packages. Where there is no "yes", the reason stands below.

"""


def pytest_configure(config):
    config.addinivalue_line("markers", "tried(what): a line of doc/interop.md")
    config.addinivalue_line("markers", "needs(what, ...): what a speaker must be able to")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    tried = item.get_closest_marker("tried")
    if tried and (report.when == "call" or report.outcome != "passed"):
        word = {"passed": "yes", "failed": "NO"}.get(report.outcome)
        reason = report.longrepr[2].removeprefix("Skipped: ") if report.outcome == "skipped" else ""
        report.user_properties.append(("interop", (item.callspec.id, tried.args[0], word, reason)))


def pytest_terminal_summary(terminalreporter):
    path = os.environ.get("RRD_INTEROP_TABLE")
    reports = [report for kind in ("passed", "failed", "skipped") for report in terminalreporter.stats.get(kind, [])]
    seen = [value for report in reports for name, value in getattr(report, "user_properties", []) if name == "interop"]
    if path and seen:
        with open(path, "w", encoding="utf-8") as f:
            f.write(page(seen))


def page(seen):
    """seen: (speaker, what was tried, "yes", "NO" or None, why not)."""
    titles = [other.TITLE for other in others.ALL if any(s[0] == other.TITLE for s in seen)]
    cells, notes = {}, []
    for who, what, word, reason in seen:
        if reason and reason not in notes:
            notes.append(reason)
        cells[what, who] = word or f"({notes.index(reason) + 1})"
    with Lab("versions") as lab:
        versions = [other.version(lab) for other in others.ALL if other.TITLE in titles]
        rrd = lab.run([daemons.binary("rrd"), "--version"]).split("\n")[0]
    lines = [f"{rrd}.", "", "| | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|",
             "| version | " + " | ".join(versions) + " |"]
    for what in sorted({what for what, _ in cells}):
        lines.append(f"| {what} | " + " | ".join(cells.get((what, title), "") for title in titles) + " |")
    lines += ["", *(f"({i}) {note}.\n" for i, note in enumerate(notes, 1))]
    return HEAD + "\n".join(lines)


@pytest.fixture
def fig(lab):
    """The networks of Fig. 4, without daemons."""
    return fig4.Fig4(lab)


@pytest.fixture
def reflector(fig):
    """rrd as the reflector, ready. Pods hear routes here, for peers that are clients in a pod."""
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("export")
    config["peer-groups"]["k8s"]["add-paths"] = {"send": "all"}
    return daemons.reflector(fig, config).wait_until_ready()
