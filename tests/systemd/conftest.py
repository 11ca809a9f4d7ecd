"""The tests of the units: they write to the file system and run systemd, so they run in a guest or not at all."""
import pytest

from lab import manager


def pytest_collection_modifyitems(items):
    if not manager.in_guest():
        pytest.exit("these run by tests/ipvs/guest --uml, see tests/README.md", returncode=3)
