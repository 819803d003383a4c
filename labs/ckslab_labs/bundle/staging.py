"""A folder for what is not verified, or not whole yet: on the cache's own disk, so that it can be moved into place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckslab_labs.files import FileLock
from ckslab_labs.paths import cache_home, private_dir

_PREFIX = ".bundle-"


@contextmanager
def staging() -> Iterator[Path]:
    """A new folder, gone afterwards; what a killed command left is removed.

    Raises:
        InvalidInput: the cache folder is unusable.
        Busy: another command works on a bundle.

    """
    home = private_dir(cache_home())
    with FileLock(home / f"{_PREFIX}lock", "bundles"):
        for leftover in home.glob(f"{_PREFIX}*/"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=home) as folder:
            yield Path(folder)
