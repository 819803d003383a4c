"""The files of a plane's control-plane node, as people edit them: see ``Node``."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ckslab_labs.errors import InvalidInput
from ckslab_labs.files import write_atomic
from ckslab_labs.providers.embedded.plane import Plane


class NodeFiles:
    """What is below ``/etc/kubernetes`` of a plane's node."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def read(self, path: str) -> bytes | None:
        """See ``Node``."""
        file = self._file(path)
        return file.read_bytes() if file.is_file() else None

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """See ``Node``. The API server is stopped meanwhile, and reads them all when it starts."""
        named = {self._file(path): data for path, data in files.items()}
        with self._plane.without_apiserver():
            for file, data in named.items():
                if data is None:
                    file.unlink(missing_ok=True)
                else:
                    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    write_atomic(file, data)

    def _file(self, path: str) -> Path:
        file = (self._plane.layout.node / PurePosixPath("/", path).relative_to("/")).resolve()
        if not file.is_relative_to(self._plane.layout.kubernetes_dir.resolve()):
            raise InvalidInput(f"use the node's file {path}", "it is not below /etc/kubernetes", "Name one that is.")
        return file
