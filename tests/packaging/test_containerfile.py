"""The container file, line by line, in a Debian that has nothing but what it installs itself: so the packages' Build-Depends are
complete, too. It downloads and compiles once more, which takes minutes: RRD_TEST_LONG=1."""
import os

import pytest

from lab.containerfile import Stage
from lab.image import Image

LONG = bool(os.environ.get("RRD_TEST_LONG"))


def files(directory):
    return sorted(os.path.join(at, name)[len(directory):] for at, _, names in os.walk(directory) for name in names)


@pytest.mark.skipif(not LONG, reason="takes minutes: RRD_TEST_LONG=1")
def test_the_containerfile_makes_the_image_that_the_other_tests_run(source, packages):
    stage = Stage(os.path.join(source.directory, "stage"), source.tree)
    try:
        stage.run(os.path.join(source.tree, "contrib", "container", "Containerfile"))
        image = Image(packages, os.path.join(source.directory, "image"))
        assert files(os.path.join(stage.directory, "image")) == files(image.directory)
        image.remove()
    finally:
        stage.remove()
