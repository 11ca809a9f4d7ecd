"""The packages and the systems they go into, made once and before any test enters the lab's private world."""
import os

import pytest

from lab import daemons, debs



@pytest.fixture(scope="session")
def source():
    build = os.path.dirname(daemons.binary("rrd"))
    return debs.Source(build, os.path.join(os.path.dirname(build), "packaging"))


@pytest.fixture(scope="session")
def packages(source):
    """The packages as they are released."""
    return source.build()
