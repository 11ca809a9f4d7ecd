"""Results to a table, a picture and a file of every single figure."""
import json
import math
import os
import statistics

from .report import Sheet

COLORS = {"rrd": "#0b6e4f", "bird": "#c05a00", "frr": "#4b5fc0", "gobgp": "#9b2fae", "openbgpd": "#a08000", "relay": "#888888",
          "loader": "#888888", "loader-fed": "#888888", "sink": "#888888"}


def short(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:.{min(digits, 3)}f}"


class Cell:
    """The median of one thing for one daemon, of those runs that came so far."""

    def __init__(self, values):
        self.values, self.median = values, statistics.median(values) if values else None

    def text(self, base):
        """base: rrd's cell; None: this one stands for itself."""
        if self.median is None:
            return "-"
        if base is None or base is self or not base.median:
            return short(self.median)
        return f"{short(self.median)} ({ratio_text(self.median / base.median)})"


def ratio_text(ratio):
    return f"x{ratio:.0f}" if ratio >= 20 else f"x{ratio:.1f}" if ratio >= 1 else f"x{ratio:.2f}"


class Block:
    """One scenario: columns (name, unit), and a row of cells for each daemon."""

    COSTS = (("peak", "MiB", lambda r: r.peak_mib or None), ("CPU", "s", lambda r: r.cpu_s if r.peak_mib else None),
             ("answer", "ms", lambda r: r.answer_ms if r.answers else None), ("late", "ms", lambda r: r.late_ms),
             ("turn", "ms", lambda r: r.longest_turn["us"] / 1000 if r.longest_turn else None),
             ("on CPU", "ms", lambda r: r.longest_turn["cpu-us"] / 1000 if r.longest_turn else None))

    def __init__(self, scenario, results):
        """results: {daemon: [Result]}."""
        self.scenario, self.results = scenario, results
        names = dict.fromkeys((f.name, f.unit) for rs in results.values() for r in rs for f in r.figures)
        self.columns = list(names) + [c[:2] for c in self.COSTS]
        self.rows = {daemon: self.row(names, rs) for daemon, rs in results.items()}

    def row(self, names, results):
        cells = [Cell([f.value for r in results for f in r.figures if (f.name, f.unit) == name]) for name in names]
        whole = [r for r in results if not r.problem] or results
        for _, _, what in self.COSTS:
            cells.append(Cell([what(r) for r in whole if what(r) is not None]))
        return cells

    def base(self):
        return next((row for daemon, row in self.rows.items() if daemon.name == "rrd"), [None] * len(self.columns))

    def problems(self):
        for daemon, results in self.results.items():
            bad = [r.problem for r in results if r.problem]
            if bad:
                yield f"{daemon.title}: {len(bad)} of {len(results)} runs not done: {bad[0]}"

    def text(self):
        head = ["", *(f"{name} {unit}" for name, unit in self.columns)]
        lines = [[daemon.title, *(cell.text(base) for cell, base in zip(row, self.base()))] for daemon, row in self.rows.items()]
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        out = f"{self.scenario.name}  {self.scenario.headline()}\n"
        for line in [head, *lines]:
            out += "  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) + "\n"
        return out + "".join(f"  {words}\n" for words in self.problems())


def blocks(results):
    """results: [(scenario, daemon, Result)] in the order in which they were measured."""
    groups = {}
    for scenario, daemon, result in results:
        groups.setdefault(scenario, {}).setdefault(daemon, []).append(result)
    return [Block(scenario, daemons) for scenario, daemons in groups.items()]


class Dots(Sheet):
    """A line for each figure, and on it a dot for each daemon: how many times rrd's, logarithmic."""

    LEFT, RIGHT, TOP, LINE, GAP = 130, 90, 84, 17, 46

    def __init__(self, all_blocks):
        super().__init__()
        self.blocks = [b for b in all_blocks if any(d.name == "rrd" for d in b.rows)]
        ratios = [c.median / base.median for b in self.blocks for row in b.rows.values() for c, base in zip(row, b.base())
                  if c.median and base.median]
        self.low = math.floor(math.log10(min([*ratios, 0.5])))
        self.high = math.ceil(math.log10(max([*ratios, 2])))

    def x(self, ratio):
        share = (math.log10(ratio) - self.low) / (self.high - self.low)
        return self.LEFT + share * (self.WIDTH - self.LEFT - self.RIGHT)

    def legend(self):
        x, daemons = self.LEFT, dict.fromkeys(d for b in self.blocks for d in b.rows)
        for daemon in daemons:
            self.dot(x, 44, daemon.name)
            self.text(x + 8, 48, daemon.title)
            x += 36 + 7 * len(daemon.title)

    def dot(self, x, y, name):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLORS[name]}" fill-opacity="0.85"/>')

    def block(self, block, top):
        bottom = top + self.LINE * len(block.columns)
        self.text(10, top - 20, f"{block.scenario.name}  {block.scenario.headline()}", size=12, weight="bold")
        for power in range(self.low, self.high + 1):
            x = self.x(10 ** power)
            self.line(x, top - 8, x, bottom - 8, "#999" if power == 0 else "#ddd")
            self.text(x, top - 10, f"x{10 ** power:g}", "middle", "#666", 9)
        for i, ((name, unit), base) in enumerate(zip(block.columns, block.base())):
            y = top + self.LINE * i
            self.line(self.LEFT, y, self.WIDTH - self.RIGHT, y, "#eee")
            self.text(self.LEFT - 8, y + 4, name, "end", size=11)
            if base.median is not None:
                self.text(self.WIDTH - self.RIGHT + 8, y + 4, f"{short(base.median)} {unit}", size=11, color=COLORS["rrd"])
            for daemon, row in block.rows.items():
                if row[i].median and base.median:
                    self.dot(self.x(row[i].median / base.median), y, daemon.name)
        return bottom

    def svg(self, note):
        self.text(10, 22, "How many times what rrd takes (left is better); at the right end rrd itself", size=14, weight="bold")
        self.legend()
        y = self.TOP
        for block in self.blocks:
            y = self.block(block, y + 10) + self.GAP - 10
        return self.page(y, note)


class Report:
    """NAME.txt, NAME.json and NAME.svg in a directory."""

    TITLES = {"run": "rrd beside its peers: medians, and in brackets how many times rrd's",
              "limits": "What the generator, the sockets and the kernel can do at most: medians"}

    def __init__(self, directory, name, facts):
        self.directory, self.name, self.facts, self.text, self.kinds = directory, name, facts, "", []
        os.makedirs(directory, exist_ok=True)

    def path(self, kind):
        return os.path.join(self.directory, f"{self.name}.{kind}")

    def write(self, results):
        """results: [(scenario, daemon, Result)]."""
        all_blocks, width = blocks(results), max(len(key) for key in self.facts)
        self.text = f"{self.TITLES[self.name]}\n\n" + "\n".join(b.text() for b in all_blocks) + "\n"
        self.text += "".join(f"{key:>{width}}: {value}\n" for key, value in self.facts.items())
        picture = Dots(all_blocks)
        contents = {"txt": self.text, "json": json.dumps({"facts": self.facts, "runs": [one_run(*r) for r in results]}, indent=1)}
        if picture.blocks:
            contents["svg"] = picture.svg(f"{self.facts['date']}, {self.facts['kernel']}")
        self.kinds = list(contents)
        for kind, content in contents.items():
            with open(self.path(kind), "w") as f:
                f.write(content)

    def tell(self):
        print(self.text, end="")
        print(f"\nwritten: {', '.join(self.path(kind) for kind in self.kinds)}")


def one_run(scenario, daemon, result):
    return {"scenario": scenario.name, "sizes": scenario.n, "daemon": daemon.name,
            "figures": {f.name: [f.value, f.unit] for f in result.figures},
            **{k: v for k, v in vars(result).items() if k != "figures"}}
