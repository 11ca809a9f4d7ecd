"""The packages, built once. RRD_PACKAGES=DIRECTORY: those of an earlier run, in build/packaging, for tests that only look at them."""
import os

import pytest

from lab import daemons, debs


@pytest.fixture(scope="session")
def source():
    build = os.path.dirname(daemons.binary("rrd"))
    return debs.Source(build, os.path.join(os.path.dirname(build), "packaging"))


@pytest.fixture(scope="session")
def packages(request):
    """The packages as they are released."""
    built = os.environ.get("RRD_PACKAGES")
    if not built:
        return request.getfixturevalue("source").build()
    return debs.Packages(os.path.abspath(built), debs.versions(built)[0])
