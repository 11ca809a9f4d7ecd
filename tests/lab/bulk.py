"""Prefixes that stand for thousands, so that a table is large and its walks are long while a model stays small.

A route of a representative is said of each of its prefixes, with the same attributes and path identifier; it is heard when each
of them has been heard so. Policies of churn.py do not tell the prefixes of one representative apart.
"""
import ipaddress
from collections import Counter

from . import bgp

REPRESENTATIVES = ("10.64.0.0/26", "10.96.0.0/26")
CHUNK = 400  # prefixes of an UPDATE


class Bulk:
    """count: prefixes for each representative; 1: it stands for itself."""

    def __init__(self, count=1):
        self.count = count
        self.octets, self.of = {}, {}
        for name in REPRESENTATIVES:
            first = int(ipaddress.ip_network(name).network_address)
            prefixes = [f"{ipaddress.IPv4Address(first + 64 * i)}/26" for i in range(count)]
            self.octets[name] = [bgp.nlri([p]) for p in prefixes]
            if count > 1:
                self.of.update(dict.fromkeys(prefixes, name))

    def stands_for_many(self, prefix):
        return self.count > 1 and prefix in self.octets

    def size(self, prefix):
        return self.count if prefix in self.octets else 1

    def chunks(self, name, path_id):
        """Its prefixes as octets for UPDATEs."""
        ident = b"" if path_id is None else path_id.to_bytes(4, "big")
        octets = self.octets[name]
        for at in range(0, len(octets), CHUNK):
            yield b"".join(ident + o for o in octets[at:at + CHUNK])

    def collapsed(self, heard):
        """{representative: (what is heard of most of its prefixes, as a list; how many others)}, from {(prefix, path id): value}.
        Values that are not one object may still be equal."""
        kinds, values = {name: {} for name in REPRESENTATIVES}, {}
        for (prefix, _), value in heard.items():
            values[id(value)] = value
            kinds[self.of[prefix]].setdefault(prefix, []).append(id(value))
        found = {}
        for name, by_prefix in kinds.items():
            counts = Counter()
            for many, n in Counter(tuple(sorted(ids)) for ids in by_prefix.values()).items():
                counts[tuple(sorted((values[i] for i in many), key=str))] += n
            if self.count > len(by_prefix):
                counts[()] += self.count - len(by_prefix)
            most, n = counts.most_common(1)[0]
            found[name] = list(most), self.count - n
        return found
