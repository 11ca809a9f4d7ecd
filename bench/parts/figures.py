"""Results to a table, a picture and a file of every single figure."""
import json
import os
import statistics


class Table:
    """results: [(scenario, daemon, Result)]."""

    def __init__(self, results):
        self.results = results

    def groups(self):
        """{scenario: {daemon: [Result]}}, in the order in which they were measured."""
        out = {}
        for scenario, daemon, result in self.results:
            out.setdefault(scenario, {}).setdefault(daemon, []).append(result)
        return out
def write(directory, facts, table):
    for s, ds in table.groups().items():
        print(s.name, s.headline())
        for d, rs in ds.items():
            print('  ', d.title, rs)
