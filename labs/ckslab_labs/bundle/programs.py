"""The programs of a bundle: those of ckslab's cache, under the names of the folders that a build puts them into.

A folder's name holds a digest of everything that goes into its programs, so a bundle of another release does not fit.
"""

from collections.abc import Iterator
from pathlib import Path

from ckslab_labs.binaries.build import Progress, build, publish
from ckslab_labs.binaries.catalog import KIND, Binary, Module, programs
from ckslab_labs.paths import cache_home, private_dir
from ckslab_labs.tools import TOOLS


def wanted(kubernetes: str) -> dict[str, Path]:
    """Where every program of a lab of that Kubernetes version is kept, by its name in a bundle.

    Raises:
        InvalidInput: ckslab has no such version.

    """
    return {
        f"bin/{module.cache_folder.name}/{binary.name}": module.cache_folder / binary.name
        for module, binary in _all(kubernetes)
    }


def make(kubernetes: str, progress: Progress) -> None:
    """Build those that the cache lacks.

    Raises:
        InvalidInput: ckslab has no such version.
        Infrastructure: one could not be built.

    """
    for module in dict.fromkeys(module for module, _ in _all(kubernetes)):
        build(module, [binary.name for binary in module.binaries], progress)


def put_in_place(unpacked: Path, kubernetes: str) -> list[str]:
    """Move programs that were unpacked and verified into the cache; those that are there already are left alone.

    Returns:
        the names of those that were not there.

    """
    private_dir(cache_home())
    new = {source: target for source, target in wanted(kubernetes).items() if not target.exists()}
    for source, target in new.items():
        private_dir(target.parent)
        publish(unpacked / source, target)
    return [target.name for target in new.values()]


def _all(kubernetes: str) -> Iterator[tuple[Module, Binary]]:
    yield from programs(kubernetes)
    for module in (KIND, *(known.module for known in TOOLS.values())):
        for binary in module.binaries:
            yield module, binary
