"""Who takes part in a scenario: the reflector's side and the generator's side are both made from this.

Everything is in one network namespace whose 10.0.0.0/8 is local, so a speaker may be at any address of it:
10.255.0.1 is the daemon, 10.1.x feeders, 10.2.x clients, 10.3.x the observer, 10.16.x those who come by range.
"""
import ipaddress
from dataclasses import dataclass, field

AS = 65021
SERVER = "10.255.0.1"
PORT = 179
HOLD_S = 240
# Number 0 of all prefixes.
FIRST_PREFIX = "32.0.0.0"


def address(first, number):
    return str(ipaddress.ip_address(first) + number)


@dataclass
class Peers:
    """A group of neighbors that are configured alike."""
    name: str
    first: str
    count: int
    all_paths: bool = False   # is sent every path of a prefix
    path_ids: bool = False    # sends several paths of a prefix
    export: bool = True       # is told anything
    told_part: bool = False   # is told only what is within the plan's part
    taken_part: bool = False  # only what is within it is taken from it
    range: str = ""           # known by this range alone
    hold_s: int = HOLD_S

    @property
    def addresses(self):
        return [address(self.first, i) for i in range(self.count)]

    @property
    def add_path(self):
        """As the generator's OPEN says it: 1 receive, 2 send."""
        return (1 if self.all_paths else 0) | (2 if self.path_ids else 0)


# Is told nothing, and notes how late keepalives come: due at the latest every third of its hold time.
OBSERVER = Peers("observer", "10.3.0.1", 1, export=False, hold_s=3)


@dataclass
class Plan:
    peers: list
    part: str = ""                    # a prefix: for rules that let routes within it pass
    fib: bool = False                 # routes go to the kernel, several next hops to a route
    resilient: list = field(default_factory=list)  # prefixes with groups of their own (rrd alone has this)
    via: str = "out0"                 # the device that leads to next hops, and who is behind it
    gateway: str = "172.31.0.254"
