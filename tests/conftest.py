"""What all tests of this tree share: the lab fixture, and a failed test's report with logs and routes attached."""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab  # noqa: E402  (the path above comes first)


@pytest.fixture
def lab(request):
    """A Lab that ends with the test. Problems of our own daemons (exit codes, sanitizers) fail the test."""
    this = Lab(re.sub(r"\W+", "-", request.node.name))
    request.node.lab = this
    yield this
    if getattr(request.node, "failed", False):
        this.keep()
    this.close()
    this.check()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    this = getattr(item, "lab", None)
    if report.failed and this is not None:
        item.failed = True
        this.keep()
        if call.when in ("setup", "call"):
            report.sections.append((f"the lab at that moment ({this.directory})", this.describe()))
