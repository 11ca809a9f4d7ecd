"""Random churn against a living reflector and a living router: announcements, withdrawals, deaths, takeovers, refreshes, reloads,
commands, next hops that come and go. At each checkpoint every peer holds, and the router's kernel has, exactly what a slow
and obvious model says (lab/model.py; the picture is lab/churn.py's).

RRD_TEST_SEED=N      this seed, and as many after it as RRD_TEST_SEEDS says (1); without it the seeds 1, 2 and 3
RRD_TEST_STEPS=N     steps of each (120), of which every fortieth is a checkpoint
RRD_TEST_LONG=1      also what takes longer: daemons are killed and started again, floods fill the streams of who does not read
RRD_TEST_BULK=N      and each of two routes among all is one of N prefixes (1), so that the daemons' walks are long
RRD_TEST_SHRINK=S    a run that fails is repeated with fewer and fewer steps for so many seconds (60); what is left is printed
RRD_TEST_REPLAY=FILE that output instead of random steps
"""
import os
import random
import sys
import time

import pytest

from lab import Lab
from lab.attributes import Attributes
from lab.churn import World
from lab.churn_steps import LONG_WEIGHTS, WEIGHTS, Dice

STEPS = int(os.environ.get("RRD_TEST_STEPS", 120))
FIRST = int(os.environ.get("RRD_TEST_SEED", 1))
SEEDS = int(os.environ.get("RRD_TEST_SEEDS", 1 if "RRD_TEST_SEED" in os.environ else 3))
BULK = int(os.environ.get("RRD_TEST_BULK", 1))
SHRINK_S = float(os.environ.get("RRD_TEST_SHRINK", 60))
REPLAY = os.environ.get("RRD_TEST_REPLAY")
CHECK = ("check",)


def run(steps, seed, patience=20, keep=False):
    """None, or (what went wrong, number of the step, directory of the logs)."""
    at, problem = 0, None
    lab = Lab(f"churn-{seed}", seed=seed)
    try:
        world = World(lab, BULK)
        for at, step in enumerate(steps):
            world.step(*step, *([patience] if step == CHECK else []))
        world.finish(patience)
        print(f"seed {seed}: {len(steps)} steps, compared {dict(world.compared)}", file=sys.stderr)
    except (AssertionError, OSError, LookupError, ValueError) as e:
        problem = f"{type(e).__name__}: {e}"
    if problem and keep:
        lab.keep()
    lab.close()
    if lab.problems and not problem:
        problem = "\n".join(lab.problems)
    return (problem, at, lab.directory) if problem else None


def shorter(steps, seed, end):
    """Those of the steps that make it fail still, as far as they can be found until then; the last one stays. First whole members and
    kinds of steps are left out, then ever smaller pieces."""
    *rest, last = steps

    def fails_without(some):
        left = [s for s in rest if s not in some]
        return left if time.monotonic() < end and len(left) < len(rest) and run([*left, last], seed, patience=5) else None

    for place in (1, 0):
        for value in sorted({str(s[place]) for s in rest if len(s) > place}):
            rest = fails_without([s for s in rest if len(s) > place and str(s[place]) == value]) or rest
    size = len(rest) // 2
    while size and time.monotonic() < end:
        pieces = [rest[at:at + size] for at in range(0, len(rest), size)]
        for piece in pieces:
            rest = fails_without(piece) or rest
        size = min(size, len(rest)) // 2 if size > 1 else 0
    return [*rest, last]


def report(steps, seed, found):
    problem, at, directory = found
    failing = [s for s in steps[:at] if s != CHECK] + [CHECK]
    end = time.monotonic() + SHRINK_S
    if SHRINK_S and run(failing, seed, patience=5):
        failing = shorter(failing, seed, end)
    else:
        failing = steps[:at + 1]
    text = "[\n" + "".join(f"    {step!r},\n" for step in failing) + "]\n"
    path = os.path.join(directory, "steps")
    with open(path, "w") as f:
        f.write(text)
    return (f"seed {seed}, step {at} of {len(steps)}:\n{problem}\n\nlogs: {directory}\n"
            f"{len(failing)} steps that show it (RRD_TEST_REPLAY={path}):\n{text}")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS) if not REPLAY else [0])
def test_every_table_is_what_the_model_says(seed):
    if REPLAY:
        with open(REPLAY) as f:
            steps = eval(f.read(), {"Attributes": Attributes, "__builtins__": {}})
    else:
        steps = Dice(random.Random(seed), LONG_WEIGHTS if os.environ.get("RRD_TEST_LONG") else WEIGHTS).steps(STEPS)
    found = run(steps, seed, keep=True)
    if found:
        pytest.fail(report(steps, seed, found), pytrace=False)
