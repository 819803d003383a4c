"""Fetches the sources of modules while another one is built: one waits for the network, the other for the processor."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from ckslab_labs.binaries.catalog import Module
from ckslab_labs.binaries.golang import find_go


@contextmanager
def fetching(modules: Iterable[Module]) -> Iterator[None]:
    """Have Go fetch, until the block ends, the sources of programs that are built later.

    What fails here is not told: the build fetches what it lacks, and says why where it cannot.

    Raises:
        Infrastructure: there is no Go to build one of ``modules``.

    """
    with ExitStack() as all_of_them:
        for module in modules:
            all_of_them.enter_context(_fetching(module))
        yield


@contextmanager
def _fetching(module: Module) -> Iterator[None]:
    go = find_go(module.go_version)
    packages = [binary.package for binary in module.binaries]
    with subprocess.Popen(
        # Its dependencies and nothing else: "go mod download" fetches what only tests of theirs need, too.
        [go.path, "list", *module.flags, "-deps", "-f", "", *packages],
        cwd=module.folder,
        env=go.environment(module.cache_folder, cgo=module.cgo),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,  # never read: when we are killed, the next word into it ends Go
        process_group=0,
    ) as process:
        try:
            yield
        finally:
            if process.poll() is None:  # not waited for, so the number is still its own
                os.killpg(process.pid, signal.SIGKILL)
