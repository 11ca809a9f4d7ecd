#!/usr/bin/python3
"""The stages of tests/all, which prepares the machine and then runs this. Each stage counts what passed, failed and was
skipped: a build is one, a unit test program counts its cases, a check script is one, a pytest case is one. What ends
without telling (a crash, a time-out, no test found) counts as one failure."""
import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
LOGS = os.path.join(BUILD, "logs")
JOBS = f"-j{os.cpu_count() or 2}"
STAGES = ("plain", "clang", "minimal", "sanitizers", "install", "packaging", "topology", "ipvs", "matrix", "interop", "demo", "bench", "distcheck", "analyze",
          "valgrind", "churn", "conformance", "mutated", "fuzz", "host")
ONLY_LONG = ("distcheck", "analyze", "valgrind", "churn", "conformance", "mutated", "fuzz")


class Count:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


PASSED, FAILED = Count(passed=1), Count(failed=1)


def run(name, argv, cwd=TOP, env=None, timeout=900):
    """Runs a command with its output in a log; returns its exit code. Over time it is ended with its whole group."""
    path = os.path.join(LOGS, f"{name}.log")
    with open(path, "ab") as log:
        log.write(f"$ {' '.join(argv)}\n".encode())
        log.flush()
        process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            log.write(f"\n{name}: ended after {timeout} s\n".encode())
            return 124
        finally:
            if process.poll() is None:
                for number in (signal.SIGTERM, signal.SIGKILL):
                    os.killpg(process.pid, number)
                    try:
                        process.wait(10)
                        break
                    except subprocess.TimeoutExpired:
                        continue


def tell_log(name, lines=40):
    with open(os.path.join(LOGS, f"{name}.log"), errors="replace") as f:
        for line in f.readlines()[-lines:]:
            print(f"    {line}", end="")
    print(f"    (all of it: build/logs/{name}.log)", flush=True)


# Builds and make check.

def bootstrap():
    """./configure, made again when what it is made from has changed."""
    if os.path.exists(os.path.join(TOP, "config.status")):
        print("The source directory itself is configured; builds beside it need: make distclean")
        return False
    sources = ["configure.ac", "Makefile.am"]
    for top in ("src", "man", "etc", "contrib", "bench"):
        for path, _, names in os.walk(os.path.join(TOP, top)):
            sources += [os.path.join(path, n) for n in names if n.endswith(".am")]
    made = [os.path.join(TOP, n) for n in ("configure", "Makefile.in")]
    if all(os.path.exists(m) for m in made):
        oldest = min(os.path.getmtime(m) for m in made)
        if all(os.path.getmtime(os.path.join(TOP, s)) <= oldest for s in sources):
            return True
    return run("bootstrap", ["./bootstrap"]) == 0 or tell_log("bootstrap")


def build(name, *options, check=True, targets=(), **variables):
    """Configures and builds in build/NAME (targets: no more than these), then counts make check."""
    directory = os.path.join(BUILD, name)
    os.makedirs(directory, exist_ok=True)
    configure = [os.path.join(TOP, "configure"), "--enable-werror", *options]
    configure += [f"{key}={value}" for key, value in variables.items()]
    stamp, wanted = os.path.join(directory, "configured-as"), " ".join(configure)
    is_new = not os.path.exists(os.path.join(directory, "config.status")) or not os.path.exists(stamp) \
        or open(stamp).read() != wanted
    if is_new and run(name, configure, directory) != 0 or run(name, ["make", JOBS, *targets], directory) != 0:
        tell_log(name)
        return FAILED
    with open(stamp, "w") as f:
        f.write(wanted)
    if targets:
        return PASSED
    if not check:
        # The tests are compiled, for their warnings, and not run.
        return PASSED if run(name, ["make", JOBS, "check", "TESTS="], directory) == 0 else tell_log(name) or FAILED
    count = Count(passed=1)
    count.add(make_check(name, directory))
    return count


def make_check(name, directory):
    for path, _, names in os.walk(os.path.join(directory, "tests")):
        for old in names:
            if old.endswith(".trs"):
                os.unlink(os.path.join(path, old))
    code = run(name, ["make", JOBS, "check"], directory, env={"CI": "true"})
    count = Count()
    for path, _, names in os.walk(os.path.join(directory, "tests")):
        for trs in sorted(n for n in names if n.endswith(".trs")):
            count.add(unit_test(os.path.join(path, trs)))
    if code != 0 and not count.failed or not count.passed:
        count.failed += 1
        tell_log(name)
    return count


def unit_test(trs):
    """One program or script of make check, from the files automake leaves: its result, and cmocka's line per case."""
    result = re.search(r"^:test-result: (\w+)", open(trs).read(), re.M)
    result = result.group(1) if result else "ERROR"
    if result == "SKIP":
        return Count(skipped=1)
    return cmocka(trs[:-len("trs")] + "log", result in ("PASS", "XFAIL"), result)


def cmocka(path, is_good, result):
    log = open(path, errors="replace").read()
    passed = len(re.findall(r"^\[\s+OK\s+\] ", log, re.M))
    failed = set(re.findall(r"^\[\s+FAILED\s+\] ([A-Za-z_]\w*)$", log, re.M))
    if is_good:
        return Count(passed=passed or 1)
    print(f"    {os.path.relpath(path[:-len('.log')], BUILD)}: {result}")
    for line in log.splitlines()[-25:]:
        print(f"      {line}")
    return Count(passed=passed, failed=len(failed) or 1)


# Those that other stages use, which make what is missing: options of ./configure and variables.
STANDARD = {
    "plain": ((), {"CC": "gcc", "CFLAGS": "-O2 -g"}),
    "sanitizers": (("--enable-sanitizers",), {"CC": "gcc", "CFLAGS": "-O1 -g"}),
    "valgrind": (("--disable-static-announcer", "--disable-hardening"), {"CC": "gcc", "CFLAGS": "-O1 -g"}),
}


def standard(name, targets=()):
    options, variables = STANDARD[name]
    return build(name, *options, targets=targets, **variables)


def stage_plain(_):
    return standard("plain")


def stage_clang(_):
    return build("clang", CC="clang", CFLAGS="-O1 -g", check=False)


def stage_minimal(_):
    """Without what may be left out, and by the other compiler."""
    return build("minimal", "--without-openssl", "--without-libcurl", CC="clang", CFLAGS="-O1 -g")


def stage_sanitizers(_):
    return standard("sanitizers")


def stage_install(_):
    """make install under a DESTDIR: programs, manual pages, samples and units are where they should be, and nothing else."""
    target = os.path.join(BUILD, "destdir")
    shutil.rmtree(target, ignore_errors=True)
    options = ["make", "install", f"DESTDIR={target}"]
    if standard("plain", targets=("all",)).failed:
        return FAILED
    if run("install", options, os.path.join(BUILD, "plain")) != 0:
        tell_log("install")
        return FAILED
    found = {os.path.relpath(os.path.join(p, n), target) for p, _, names in os.walk(target) for n in names}
    wanted = {"usr/local/sbin/rrd", "usr/local/bin/rrctl", "usr/local/sbin/lb-announcer", "usr/local/sbin/lb-ipvs-agent"}
    wanted |= {f"usr/local/share/man/man{m[-1]}/{m}" for m in ("rrd.8", "rrctl.8", "lb-announcer.8", "lb-ipvs-agent.8", "rrd.conf.5",
                                                                  "lb-announcer.conf.5", "lb-ipvs-agent.conf.5")}
    wanted |= {f"usr/local/etc/rrd/{s}.conf.sample" for s in ("reflector", "router", "announcer", "ipvs-agent", "ipvs-agent-nat")}
    wanted |= {f"usr/local/lib/systemd/system/{u}.service" for u in ("rrd", "rrd-router", "lb-announcer", "lb-announcer-node", "lb-ipvs-agent")}
    wanted |= {f"usr/local/lib/{d}/rrd.conf" for d in ("sysusers.d", "tmpfiles.d")}
    missing = sorted(wanted - found)
    strange = sorted(f for f in found if not re.match(r"usr/local/(s?bin|share|etc|libexec|lib/(systemd/system|sysusers\.d|tmpfiles\.d))/", f))
    for path in missing:
        print(f"    not installed: {path}")
    for path in strange:
        print(f"    installed in a strange place: {path}")
    count = Count(failed=1) if missing or strange else Count(passed=1)
    for check in ("units", "hardening"):
        count.add(PASSED if run(check, [f"tests/checks/{check}", target]) == 0 else tell_log(check) or FAILED)
    return count


def stage_packaging(arguments):
    """The Debian packages and the image: built, and their life in file systems of their own. One worker: they are built once. With
    --long also by the container file, on a kernel with IPVS, and under a systemd that runs, in a guest."""
    count = pytest("packaging", "plain", workers=1, env={"RRD_TEST_LONG": "1"} if arguments.long else None, timeout=1800)
    if not arguments.long or count.failed:
        return count
    results = os.path.join(LOGS, "packaging-guest")
    report = os.path.join(results, "report.xml")
    code = run("packaging-guest", ["tests/ipvs/guest", "--uml", "--results", results, "--time-limit", str(GUEST_TIME_S), "--", "/usr/bin/python3", "-m",
                                   "pytest", "-q", "--color=no", "-p", "no:cacheprovider", f"--junitxml={report}",
                                   "tests/packaging/test_image.py::test_a_whole_load_balancer", "tests/systemd/test_packages.py"],
               env={"RRD_BUILD": os.path.join(BUILD, "plain"), "RRD_PACKAGES": os.path.join(BUILD, "packaging")}, timeout=GUEST_TIME_S + 30)
    guest = pytest_report(report, code)
    if guest.failed:
        tell_log("packaging-guest", 60)
    count.add(guest)
    return count


def stage_distcheck(_):
    if standard("plain", targets=("all",)).failed:
        return FAILED
    return PASSED if run("distcheck", ["make", JOBS, "distcheck"], os.path.join(BUILD, "plain")) == 0 \
        else tell_log("distcheck") or FAILED


# pytest.

def pytest(name, build_name, workers, env=None, folders=None, timeout=900):
    """folders: of tests/, or files in them, where they are not the folder of this name."""
    report, code = pytest_run(name, build_name, [f"tests/{f}" for f in folders or [name]], workers, env, timeout)
    if report is None:
        return FAILED
    count = pytest_report(report, code)
    if count.failed:
        tell_log(name, 60)
    return count


def pytest_run(name, build_name, arguments, workers, env=None, timeout=900):
    """Its report, which may be missing, and its exit code."""
    directory = os.path.join(BUILD, build_name)
    if not os.access(os.path.join(directory, "rrd"), os.X_OK) and standard(build_name, targets=("all",)).failed:
        return None, None
    report = os.path.join(LOGS, f"{name}.xml")
    if os.path.exists(report):
        os.unlink(report)
    code = run(name, ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), "-ra",
                      f"--junitxml={report}", *arguments],
               env={"RRD_BUILD": directory, "RRD_TEST_LOGS": os.path.join(LOGS, name), **(env or {})}, timeout=timeout)
    return report, code


def pytest_report(report, code):
    """What pytest's report says: cases by their names, so that each counts once."""
    count = Count()
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as e:
        cases = []
        print(f"    pytest left no report: {e}")
    names = {}
    for case in cases:
        key = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        bad = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        if names.get(key) != "failed":
            names[key] = bad
    for key, result in names.items():
        setattr(count, result, getattr(count, result) + 1)
        if result == "failed":
            print(f"    failed: {key}")
    if code not in (0, 1) or code == 1 and not count.failed or not names:
        print(f"    pytest ended with code {code}")
        count.failed += 1
    return count


def stage_topology(_):
    return pytest("topology", "sanitizers", workers=max(3, os.cpu_count() or 2), folders=["topology", "rfc"])


def stage_churn(_):
    """Random churn against living daemons for many minutes, by seeds that nobody has tried; then with tables of thousands of
    prefixes. The seeds are in the names of the cases and, with what was compared, in the logs."""
    first = int(time.time())
    count = Count()
    for name, seeds, steps, bulk in (("churn", 20, 1500, 1), ("churn-bulk", 6, 800, 5000)):
        env = {"RRD_TEST_LONG": "1", "RRD_TEST_SEED": str(first), "RRD_TEST_SEEDS": str(seeds), "RRD_TEST_STEPS": str(steps),
               "RRD_TEST_BULK": str(bulk), "RRD_TEST_SHRINK": "300"}
        count.add(pytest(name, "sanitizers", workers=os.cpu_count() or 2, env=env, folders=["topology/test_churn.py"], timeout=3600))
    return count


def stage_mutated(_):
    """A stream of mutated messages beside a neighbor that is well, by a seed that nobody has tried."""
    env = {"RRD_TEST_MUTATIONS": "300000", "RRD_TEST_SEED": str(int(time.time()))}
    return pytest("mutated", "sanitizers", workers=1, env=env, folders=["topology/test_mutated.py"], timeout=1800)


def stage_valgrind(_):
    """The topology tests with every daemon under valgrind: what was never set, and what is lost. lb-announcer is not static there,
    or valgrind would not see what it allocates. All is some twenty times slower, and what is waited for may take longer."""
    done = standard("valgrind", targets=("all",)) if analysers() else FAILED
    if done.failed:
        return done
    wrapper = "valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
    return pytest("valgrind", "valgrind", workers=max(3, os.cpu_count() or 2), folders=["topology"], timeout=7200,
                  env={"RRD_TEST_WRAPPER": wrapper, "RRD_TEST_PATIENCE": "10"})


def analysers():
    """The packages that only these stages need."""
    return run("packages", ["tests/packages", "analyze"]) == 0 or tell_log("packages")


def stage_analyze(_):
    """clang-tidy, cppcheck and gcc -fanalyzer: no finding stands that is not justified in its place."""
    return PASSED if analysers() and run("analyze", ["tests/analyze"], timeout=3600) == 0 else tell_log("analyze", 60) or FAILED


def stage_fuzz(_):
    """Each target of the fuzzer for three minutes, as many at a time as there are processors."""
    return PASSED if analysers() and run("fuzz", ["tests/fuzz/run", "-t", "180"], timeout=3600) == 0 else tell_log("fuzz", 60) or FAILED


def stage_conformance(arguments):
    """The RFC suite with its long timers against rrd, which must not fail, and against four peers, whose failures are told by the page:
    with --long that of the documentation, else one beside the logs."""
    count, reports = Count(), []
    for who in ("rrd", "bird", "frr", "gobgp", "openbgpd"):
        report, code = pytest_run(f"conformance-{who}", "plain", ["tests/rfc", "--long", "--tb=short", "--target", who],
                                  workers=max(3, os.cpu_count() or 2), timeout=3600)
        if report is None or code not in (0, 1) or not os.path.exists(report):
            print(f"    {who}: pytest ended with code {code}")
            return FAILED
        reports.append(f"{who}={report}")
        count.add(pytest_report(report, code) if who == "rrd" else PASSED)
    page = os.path.join(TOP, "doc", "conformance.md") if arguments.long else os.path.join(LOGS, "conformance.md")
    code = run("conformance-page", ["tests/rfc/page.py", page, *reports], env={"RRD_BUILD": os.path.join(BUILD, "plain")})
    count.add(PASSED if code == 0 else tell_log("conformance-page") or FAILED)
    return count


# A real IPVS kernel.

GUESTS = 2
GUEST_TIME_S = 720
# Each guest takes what no other has taken yet: a file of tests, or a program in a network namespace of its own. What came of
# each stays in the results' directory; what is missing there has failed.
SHARE = """
for item; do
	n=$(basename $item)
	mkdir $results/$n.taken 2>/dev/null || continue
	case $n in
	*.py) /usr/bin/python3 -m pytest -q --color=no -p no:cacheprovider -ra --durations=3 --junitxml=$results/$n.xml $item ;;
	*) unshare --net timeout 120 $item >$results/$n.log 2>&1 ;;
	esac
	echo $? >$results/$n.code
done
"""


def ipvs_item(results, item):
    """What came of a file of tests or of a program."""
    path = os.path.join(results, os.path.basename(item))
    try:
        with open(path + ".code") as f:
            code = int(f.read())
        if item.endswith(".py"):
            return pytest_report(path + ".xml", code)
        return cmocka(path + ".log", code == 0, f"exit code {code}")
    except (OSError, ValueError):
        print(f"    {item} has left no result")
        return Count(failed=1)


def stage_ipvs(_):
    """On a kernel with IPVS, in two guests at once, and the units under a systemd in a third. With UBSan: in a guest there is no
    room for AddressSanitizer."""
    directory = os.path.join(BUILD, "undefined")
    sources = sorted(glob.glob(os.path.join(TOP, "tests", "unit", "ipvs", "test_*kernel*.c")))
    programs = [os.path.relpath(s[:-len(".c")], TOP) for s in sources]
    count = Count()
    count.add(build("undefined", "--disable-static-announcer", targets=["all", *programs], CC="gcc",
                    CFLAGS="-O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined"))
    if count.failed:
        return count
    root = os.path.join(directory, "root")
    shutil.rmtree(root, ignore_errors=True)
    if run("undefined", ["make", "install", f"DESTDIR={root}"], directory) != 0:
        return tell_log("undefined") or FAILED
    files = sorted(glob.glob(os.path.join(TOP, "tests", "ipvs", "test_*.py")), key=os.path.getsize, reverse=True)
    items = files + [os.path.join(directory, p) for p in programs]
    units = [os.path.join(TOP, "tests", "systemd", "test_units.py")]
    results = os.path.join(LOGS, "ipvs")
    os.makedirs(results)

    def guest(name, options, given):
        argv = ["tests/ipvs/guest", *options, "--results", results, "--time-limit", str(GUEST_TIME_S), "--",
                "sh", "-c", f"results={results}\n{SHARE}", "sh", *given]
        env = {"RRD_BUILD": directory, "RRD_ROOT": root, "RRD_TEST_LOGS": os.path.join(results, "labs")}
        return run(f"ipvs-{name}", argv, env=env, timeout=GUEST_TIME_S + 30)

    # With a kernel of its own that has IPVS, those two run natively; systemd never does.
    guests = [(1, ["--uml"], units), *((n, [], items) for n in range(2, GUESTS + 2))]
    with ThreadPoolExecutor(len(guests)) as pool:
        codes = list(pool.map(lambda g: guest(*g), guests))
    for item in items + units:
        count.add(ipvs_item(results, item))
    for number, code in enumerate(codes, 1):
        if code or count.failed:
            print(f"    guest {number}: exit code {code}")
            count.failed += code != 0
            tell_log(f"ipvs-{number}", 60)
    return count


def stage_matrix(_):
    """The whole of Fig. 4 on a real IPVS kernel: what must not break does not, and what nobody can save does."""
    start = time.monotonic()
    output = os.path.join(BUILD, "bench", "matrix-quick")
    code = run("matrix", ["bench/matrix", "--quick", "--output", output], env={"RRD_BUILD": os.path.join(BUILD, "plain")}, timeout=300)
    print(f"    {time.monotonic() - start:.0f} s; the table is in build/logs/matrix.log")
    return PASSED if code == 0 else tell_log("matrix") or FAILED


def stage_interop(arguments):
    """With --long the run writes its page of the documentation; else beside its logs."""
    page = os.path.join(TOP, "doc", "interop.md") if arguments.long else os.path.join(LOGS, "interop.md")
    return pytest("interop", "plain", workers=max(3, os.cpu_count() or 2), env={"RRD_INTEROP_TABLE": page})


def stage_demo(_):
    """The README's first command does what it says in under two minutes."""
    start = time.monotonic()
    code = run("demo", ["./demo"], env={"RRD_BUILD": os.path.join(BUILD, "plain")}, timeout=180)
    if code == 0 and time.monotonic() - start < 120:
        return PASSED
    tell_log("demo")
    return FAILED


def stage_bench(_):
    """The benchmarks run, no event is lost and nothing is left undone; their figures are in the logs and are not judged."""
    count = Count()
    for name in ("delay", "run", "agent", "return", "bfd"):
        code = run(f"bench-{name}", [f"bench/{name}", "--quick", "--output", os.path.join(BUILD, "bench", "quick")],
                   env={"RRD_BUILD": os.path.join(BUILD, "plain")}, timeout=300)
        count.add(PASSED if code == 0 else tell_log(f"bench-{name}") or FAILED)
    return count


def stage_host(_):
    """Nothing of the host has changed since before the packages were installed."""
    before, after = os.path.join(BUILD, "host-before"), os.path.join(BUILD, "host-after")
    with open(after, "w") as f:
        subprocess.run([os.path.join(TOP, "tests", "host-state")], stdout=f, check=True)
    code = run("host", [os.path.join(TOP, "tests", "host-state"), "--compare", before, after])
    return PASSED if code == 0 else tell_log("host") or FAILED


def main():
    parser = argparse.ArgumentParser(prog="tests/all", description="All tests of rrd.")
    parser.add_argument("--long", action="store_true", help="also what takes long: " + ", ".join(ONLY_LONG))
    parser.add_argument("--only", action="append", choices=STAGES, metavar="STAGE",
                        help="only this stage (may be given several times): " + ", ".join(STAGES))
    arguments = parser.parse_args()
    chosen = [s for s in STAGES if (s in arguments.only if arguments.only else arguments.long or s not in ONLY_LONG)]
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    total = Count()
    begin = time.monotonic()
    if not bootstrap():
        total.add(FAILED)
        chosen = []
    for name in chosen:
        start = time.monotonic()
        print(f"{name} ...", flush=True)
        try:
            count = globals()[f"stage_{name}"](arguments)
        except Exception as e:  # a stage that breaks is a failure, and the others still run
            print(f"    {type(e).__name__}: {e}")
            count = FAILED
        total.add(count)
        print(f"{name}: {count} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"Time: {time.monotonic() - begin:.0f} s")
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
