"""What the trials' counts mean: the table, and what must hold whatever the machine."""
from .trials import EVENTS, heading

TITLES = {
    "preserve": "preserving",
    "preserve-resilient": "preserving, resilient",
    "nat": "NAT",
    "nat-resilient": "NAT, resilient",
    "paper": "the paper's software",
}
COLUMNS = ("system", "broken, before", "after", "own", "requests", "failed", "late", "wait ms", "kernel ms")


def ms(value):
    return "-" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def cells(r):
    requests = r["requests"]
    broken = [f"{b}/{n}" if n else "-" for b, n in zip(r["broken"], r["opened"])]
    return [TITLES[r["row"]], *broken, str(r["own"]) if r["own"] else "-",
            str(requests["sent"]), str(requests["failed"]), str(requests["late"]), ms(r["longest_ms"]), ms(r["kernel_ms"])]


def words(r):
    broken = ", ".join(f"{b} of {n}" for b, n in zip(r["broken"], r["opened"]))
    return f"{broken} broken, {r['requests']['failed']} of {r['requests']['sent']} requests failed, kernel {ms(r['kernel_ms'])} ms"


def table(results):
    blocks = []
    lines = [(None, list(COLUMNS))]
    for event in EVENTS:
        found = [r for r in results if r["event"] == event]
        if found:
            lines.append((f"{event}: {heading(event)}", None))
            lines += [(None, cells(r)) for r in found]
    widths = [max(len(c[i]) for _, c in lines if c) for i in range(len(COLUMNS))]
    for head, row in lines:
        if head:
            blocks.append("\n" + head)
        else:
            padded = [c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
            blocks.append("  " + "  ".join(padded).rstrip())
    return "\n".join(blocks) + "\n"


def facts(known, results):
    width = max(len(k) for k in known)
    text = "".join(f"{k:>{width}}: {v}\n" for k, v in known.items())
    stalls = sorted(r["stalled_ms"] for r in results)
    if stalls:
        middle = stalls[len(stalls) // 2]
        text += f"{'held up':>{width}}: the traffic generator, at most {ms(middle)} ms in the middle trial, {ms(stalls[-1])} ms in the worst\n"
    skipped = sum(r["requests"]["skipped"] for r in results)
    if skipped:
        text += f"{'skipped':>{width}}: {skipped} requests that were due while it was held up\n"
    for r in results:
        reasons = {**r["why"], **{f"request: {k}": v for k, v in r["requests"]["reasons"].items()}}
        if r["early"]:
            reasons["broken or refused before"] = r["early"]
        if r.get("downs"):
            reasons["servers taken for down meanwhile, though well"] = r["downs"]
        if reasons:
            text += f"{TITLES[r['row']]}, {r['event']}: " + ", ".join(f"{k} ({v})" for k, v in sorted(reasons.items())) + "\n"
    return text


# What must hold.

def none_broken(r):
    if r["broken"][1]:
        yield f"{r['broken'][1]} of {r['opened'][1]} connections opened after the last change of the servers are broken"


def none_broken_at_all(r):
    if sum(r["broken"]):
        yield f"{sum(r['broken'])} of {sum(r['opened'])} connections are broken"


def none_failed(r):
    if r["requests"]["failed"]:
        yield f"{r['requests']['failed']} of {r['requests']['sent']} requests failed"


def some_broken(r):
    if not sum(r["broken"]):
        yield "nothing is broken, although nothing could have saved it: the measurement is wrong"


def nothing_withdrawn(r):
    if r["kernel_ms"] is not None:
        yield "the route has changed in the router's kernel"


def enough(r):
    """Whatever is found in too little means nothing."""
    if r["early"] and r["row"] != "paper":
        yield f"{r['early']} connections were broken before anything happened"
    if r["event"] != "no-server" and (sum(r["opened"]) < 50 or r["requests"]["sent"] < 100):
        yield f"{sum(r['opened'])} connections and {r['requests']['sent']} requests are too few"


PRESERVE = {"add": [none_broken, none_failed], "drain": [none_broken, none_failed], "sigterm": [none_broken, none_failed],
            "sigkill": [none_broken], "announcer": [none_broken]}
UNHARMED = [none_broken_at_all, none_failed, nothing_withdrawn]
EVERYWHERE = {"agent": UNHARMED, "reflector-killed": UNHARMED, "reflector-stopped": UNHARMED, "reflector-cut": UNHARMED,
              "web-comes": [none_broken_at_all, none_failed],
              "web-drains": [none_broken_at_all, none_failed], "web-dies": [none_broken_at_all], "web-hangs": [none_broken_at_all]}
RULES = {
    "preserve": {**EVERYWHERE, **PRESERVE},
    "preserve-resilient": {**EVERYWHERE, **PRESERVE},
    "nat": {**EVERYWHERE, "sigkill": [some_broken], "add": [some_broken]},
    "nat-resilient": {**EVERYWHERE, "drain-ending": [none_broken_at_all, none_failed], "sigkill": [some_broken]},
    "paper": {"sigkill": [some_broken], "add": [some_broken]},
}


def faults(r):
    """What is not as it must be, in words."""
    cause = " (checks failed meanwhile: the machine was too slow for them)" if r.get("downs") else ""
    for rule in [enough, *RULES[r["row"]].get(r["event"], [])]:
        for fault in rule(r):
            yield f"{TITLES[r['row']]}, {r['event']}: {fault}{cause}"
