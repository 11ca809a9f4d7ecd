"""Prometheus's text exposition format, version 0.0.4, read as strictly as it is defined: whatever a scraper might refuse or
mistake is an error here.

The text is lines that end in a line feed. `# HELP name text` and `# TYPE name type` come at most once each, before the
samples of their family; all lines of a family stand together. A sample is `name{label="value",...} number`; no two samples have
the same name and labels. The samples of a histogram have `_bucket`, `_sum` or `_count` behind its name.
"""
import dataclasses
import re

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|Inf)|NaN")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
PARTS = ("_bucket", "_sum", "_count")


class Malformed(Exception):
    pass


@dataclasses.dataclass
class Family:
    name: str
    help: str = None
    type: str = None
    samples: dict = dataclasses.field(default_factory=dict)  # frozenset of (label, value) -> number; of a histogram: its buckets
    sum: float = None
    count: float = None

    def value(self, **labels):
        return self.samples[frozenset(labels.items())]

    def total(self, **labels):
        """The sum over all samples with these labels, whatever else they have."""
        return sum(v for k, v in self.samples.items() if set(labels.items()) <= k)


def parse(text):
    """The families by name; Malformed, with the line, where the text is not what it should be."""
    families, current = {}, None
    if text and not text.endswith("\n"):
        raise Malformed("the last line does not end")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            name = _name(line)
            if name is None:
                continue
            if current is not None and current.type == "histogram" and name in [current.name + part for part in PARTS]:
                name = current.name
            if current is None or name != current.name:
                _check_over(current)
                if name in families:
                    raise Malformed(f"{name} came before, with others in between")
                current = families[name] = Family(name)
            _take(current, line)
        except Malformed as e:
            raise Malformed(f"line {number}: {e}: {line!r}") from None
    _check_over(current)
    return families


def _name(line):
    """Of which family the line tells; None: of none."""
    if line == "":
        return None
    if line.startswith("#"):
        words = line.split(" ", 3)
        if words[0] != "#" or len(words) < 3 or words[1] not in ("HELP", "TYPE"):
            raise Malformed("a comment that is neither HELP nor TYPE")
        if not METRIC.fullmatch(words[2]):
            raise Malformed("not a name")
        return words[2]
    m = METRIC.match(line)
    if not m:
        raise Malformed("no name in front")
    return m.group()


def _check_over(family):
    if family and not family.samples:
        raise Malformed(f"{family.name} has no samples")
    if family and family.type == "histogram":
        _check_histogram(family)


def _check_histogram(family):
    """One without further labels: we have no others."""
    buckets = sorted((float(dict(labels)["le"].replace("Inf", "inf")), value) for labels, value in family.samples.items())
    values = [value for _, value in buckets]
    if values != sorted(values) or buckets[-1][0] != float("inf") or values[-1] != family.count or family.sum is None:
        raise Malformed(f"{family.name} is no histogram: {buckets}, count {family.count}, sum {family.sum}")


def _take(family, line):
    if line.startswith("# HELP "):
        if family.help is not None or family.samples:
            raise Malformed("a second HELP, or one behind samples")
        family.help = _unescape(line.split(" ", 3)[3] if line.count(" ") > 2 else "", "\\n")
    elif line.startswith("# TYPE "):
        if family.type is not None or family.samples:
            raise Malformed("a second TYPE, or one behind samples")
        family.type = line.split(" ", 3)[3] if line.count(" ") > 2 else ""
        if family.type not in TYPES:
            raise Malformed("no type that there is")
    else:
        _take_sample(family, line)


def _take_sample(family, line):
    name = METRIC.match(line).group()
    labels, rest = _labels(line[len(name):])
    if not rest.startswith(" ") or not NUMBER.fullmatch(rest[1:]):
        raise Malformed("no number behind one blank")
    key = frozenset(labels.items())
    if key in family.samples:
        raise Malformed("the same name and labels as before")
    value = float(rest[1:].replace("Inf", "inf"))
    if family.type == "histogram" and name == family.name:
        raise Malformed("a histogram without the name of a part")
    if family.type == "histogram" and name != family.name + "_bucket":
        if labels:
            raise Malformed("labels where there are none")
        setattr(family, name[len(family.name) + 1:], value)
        return
    if family.type == "counter" and not value >= 0:
        raise Malformed("a counter below 0")
    family.samples[key] = value


def _labels(text):
    """The labels in front of text, and what is behind them."""
    labels = {}
    if not text.startswith("{"):
        return labels, text
    text = text[1:]
    while True:
        m = LABEL.match(text)
        if not m or not text[m.end():].startswith('="'):
            raise Malformed("no label where one should be")
        if m.group() in labels or m.group().startswith("__"):
            raise Malformed(f"label {m.group()} twice, or reserved")
        value, text = _quoted(text[m.end() + 2:])
        labels[m.group()] = value
        if text.startswith("}"):
            return labels, text[1:]
        if not text.startswith(","):
            raise Malformed("no comma between labels")
        text = text[1:]


def _quoted(text):
    m = re.match(r'((?:[^"\\]|\\.)*)"', text)
    if not m:
        raise Malformed("a label's value does not end")
    return _unescape(m.group(1), '\\n"'), text[m.end():]


def _unescape(text, may):
    def one(m):
        if not m.group(1) or m.group(1) not in may:
            raise Malformed(f"\\{m.group(1)} means nothing")
        return "\n" if m.group(1) == "n" else m.group(1)
    return re.sub(r"\\(.?)", one, text)
