"""Figures to text and pictures: a table, histograms of characters, and one SVG with a curve per system."""
import html
import math

COLORS = {"ours": "#0b6e4f", "bird": "#c05a00", "paper": "#4b5fc0"}
# Half decades, in milliseconds; what is slower is in the last line.
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def percentile(ordered, percent):
    """The smallest value that at least that many percent of the values do not exceed."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def summary(values):
    ordered = sorted(values)
    return {"count": len(ordered), "p50": percentile(ordered, 50), "p90": percentile(ordered, 90),
            "p99": percentile(ordered, 99), "max": ordered[-1]}


def milliseconds(value):
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def table(samples, titles, events, goals):
    """samples: {(event, system): [ms]}."""
    head = ("event", "system", "events", "p50", "p90", "p99", "max", "goal")
    rows = []
    for event in events:
        for system, title in titles.items():
            values = samples.get((event, system))
            if values:
                s = summary(values)
                goal = goals.get(event, "") if system == "ours" else ""
                rows.append((event, title, str(s["count"]), *(milliseconds(s[k]) for k in ("p50", "p90", "p99", "max")), goal))
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]

    def line(row):
        return "  ".join(c.ljust(w) if i in (0, 1, 7) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
    out = [line(head), line(tuple("-" * w for w in widths))]
    last = None
    for row in rows:
        if last not in (None, row[0]):
            out.append("")
        last = row[0]
        out.append(line(row))
    return "\n".join(out) + "\n"


def histogram(values, width=50):
    """One line per step that is between the smallest and the largest, longest line = most events."""
    counts = [0] * (len(STEPS) + 1)
    for value in values:
        counts[next((i for i, step in enumerate(STEPS) if value <= step), len(STEPS))] += 1
    used = [i for i, count in enumerate(counts) if count]
    out = ""
    for i in range(used[0], used[-1] + 1):
        label = f"<= {STEPS[i]:g} ms" if i < len(STEPS) else f"> {STEPS[-1]:g} ms"
        bar = "#" * math.ceil(counts[i] * width / max(counts))
        out += f"    {label:>10}  {counts[i]:5d}  {bar}".rstrip() + "\n"
    return out


def histograms(samples, titles, events):
    out = ""
    for event in events:
        for system, title in titles.items():
            if samples.get((event, system)):
                out += f"{event}, {title}\n{histogram(samples[event, system])}"
    return out


class Sheet:
    """What pictures are drawn on."""

    WIDTH, LEFT, RIGHT = 780, 60, 40

    def __init__(self):
        self.parts = []

    def text(self, x, y, words, anchor="start", color="#222", size=12, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}" '
                          f'font-weight="{weight}">{html.escape(words)}</text>')

    def line(self, x1, y1, x2, y2, color="#ddd", more=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" {more}/>')

    def page(self, height, note):
        self.text(self.WIDTH - self.RIGHT, height - 4, note, "end", "#666", 10)
        body = "\n".join(self.parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.WIDTH}" height="{height}" '
                f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')


class Picture(Sheet):
    """One panel per event: the share of events (upwards) that took no longer than a time (to the right, logarithmic)."""

    PANEL, TOP, GAP = 150, 70, 50

    def __init__(self, samples, titles, events, goals_ms):
        super().__init__()
        self.samples, self.titles, self.goals_ms = samples, titles, goals_ms
        self.events = [e for e in events if any((e, s) in samples for s in titles)]
        every = [v for values in samples.values() for v in values]
        self.low = 10 ** math.floor(math.log10(max(min(every), 0.001)))
        self.high = 10 ** math.ceil(math.log10(max(every) * 1.001))

    def x(self, value):
        share = math.log10(max(value, self.low) / self.low) / math.log10(self.high / self.low)
        return self.LEFT + share * (self.WIDTH - self.LEFT - self.RIGHT)

    def panel(self, event, top):
        bottom = top + self.PANEL
        self.text(self.LEFT, top - 8, event, size=13, weight="bold")
        for share in (0, 50, 90, 100):
            y = bottom - self.PANEL * share / 100
            self.line(self.LEFT, y, self.WIDTH - self.RIGHT, y)
            self.text(self.LEFT - 6, y + 4, f"{share} %", "end", "#666", 10)
        decade = self.low
        while decade <= self.high * 1.001:
            self.line(self.x(decade), top, self.x(decade), bottom)
            self.text(self.x(decade), bottom + 14, f"{decade:g} ms", "middle", "#666", 10)
            decade *= 10
        if event in self.goals_ms and self.low < self.goals_ms[event] < self.high:
            x = self.x(self.goals_ms[event])
            self.line(x, top, x, bottom, "#999", 'stroke-dasharray="4 3"')
        for system in self.titles:
            if (event, system) in self.samples:
                self.curve(sorted(self.samples[event, system]), bottom, COLORS.get(system, "#000"))

    def curve(self, ordered, bottom, color):
        points, y = [(self.x(ordered[0]), bottom)], bottom
        for i, value in enumerate(ordered):
            points.append((self.x(value), y))
            y = bottom - self.PANEL * (i + 1) / len(ordered)
            points.append((self.x(value), y))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8"/>')

    def svg(self, note):
        height = self.TOP + len(self.events) * (self.PANEL + self.GAP)
        self.text(self.LEFT, 22, "From an event to the route in the router's kernel: share of events done by then", size=14, weight="bold")
        x = self.LEFT
        for system, title in self.titles.items():
            if any(s == system for _, s in self.samples):
                self.line(x, 36, x + 22, 36, COLORS.get(system, "#000"), 'stroke-width="3"')
                self.text(x + 28, 40, title)
                x += 50 + 8 * len(title)
        if self.goals_ms:
            self.line(x, 36, x + 22, 36, "#999", 'stroke-dasharray="4 3"')
            self.text(x + 28, 40, "goal for rrd's median")
        for i, event in enumerate(self.events):
            self.panel(event, self.TOP + 8 + i * (self.PANEL + self.GAP))
        return self.page(height, note)
