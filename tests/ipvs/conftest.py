"""Fixtures of the tests on a real IPVS kernel. Without one they do not run: tests/ipvs/guest gives one."""
import pytest

from lab import ipvs


def pytest_collection_modifyitems(items):
    if not ipvs.available():
        pytest.exit("no IPVS here: run these by tests/ipvs/guest, see tests/README.md", returncode=3)
