"""The archive of a bundle: written whole or not at all; unpacked into a folder of ours, and verified as it is read.

Nothing here knows what the members are for. A member is taken only when the manifest names it, and no name in a
manifest can lead out of the folder.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ckslab_labs.bundle.manifest import NAME, Foreign, Manifest, Member, parse
from ckslab_labs.errors import InvalidInput
from ckslab_labs.files import replacing

COMPRESSED = (".gz", ".tgz")
"""Endings of names that ask for compression: a third of the size for four times the time."""
_FASTEST = 1
_CHUNK = 1 << 20
_MANIFEST_SIZE = 1 << 20
"""Bytes; a manifest of ours has 3000."""
DAMAGED = "Copy it again, or make it anew with `ckslab bundle save`; nothing was changed."
FOREIGN = "Make it with this release of ckslab, on the same kind of machine; nothing was changed."

Accept = Callable[[Manifest], None]


def describe(path: Path) -> Member:
    """The digest and size of a file."""
    with path.open("rb") as file:
        return Member(sha256=hashlib.file_digest(file, "sha256").hexdigest(), size=path.stat().st_size)


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write an archive, readable by its owner only; an older one is replaced once the new one is whole.

    Args:
        path: its place; compressed where the name ends in one of ``COMPRESSED``.
        manifest: its first member.
        files: the others, by their names in it.

    Raises:
        Infrastructure: the disk is full, or something there is not readable or writable; nothing is left.

    """
    with (
        replacing(path, "Free some space, or choose another place.") as file,
        _compressed(file, path) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        _add(tar, NAME, io.BytesIO(manifest.as_bytes()), len(manifest.as_bytes()))
        for name, source in files.items():
            with source.open("rb") as member:
                _add(tar, name, member, manifest.members[name].size)


def unpack(path: Path, folder: Path, accept: Accept) -> Manifest:
    """Unpack an archive and verify every byte of it.

    Args:
        path: the archive.
        folder: an empty folder to unpack into; what is left there after an error is to be thrown away.
        accept: is given the manifest before anything is unpacked; raises ``Foreign`` for what is of no use here.

    Returns:
        the manifest, all of whose members are in ``folder``.

    Raises:
        InvalidInput: the archive is not there, no bundle, damaged, or for another ckslab; says what was seen.

    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|*", bufsize=_CHUNK) as tar:
            members = iter(tar)
            manifest = _manifest(tar, members)
            accept(manifest)
            _take(tar, members, manifest, folder)
    except Foreign as error:
        raise InvalidInput(f"load the bundle {path}", str(error), FOREIGN) from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        seen = f"it is damaged, or no archive ({error})"
        raise InvalidInput(f"load the bundle {path}", seen, DAMAGED) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"load the bundle {path}", str(error), DAMAGED) from error
    except OSError as error:
        if str(error.filename) != str(path):  # of the folder: a full disk says nothing about the bundle
            raise
        remedy = "Give the file that `ckslab bundle save` wrote."
        raise InvalidInput(f"load the bundle {path}", error.strerror or str(error), remedy) from error
    return manifest


def _manifest(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo]) -> Manifest:
    first = next(members, None)
    if first is None or first.name != NAME or first.type != tarfile.REGTYPE or first.size > _MANIFEST_SIZE:
        raise ValueError(f"it is no bundle of ckslab's: it does not begin with {NAME}")
    source = tar.extractfile(first)
    assert source  # a regular file
    return parse(source.read())


def _take(tar: tarfile.TarFile, members: Iterable[tarfile.TarInfo], manifest: Manifest, folder: Path) -> None:
    missing = dict(manifest.members)
    for member in members:
        wanted = missing.pop(member.name, None)
        if wanted is None:
            raise ValueError(f"it holds {member.name!r}, which its manifest does not name, or twice")
        if member.type != tarfile.REGTYPE:
            raise ValueError(f"{member.name} is no plain file")
        source = tar.extractfile(member)
        assert source  # a regular file
        if member.size != wanted.size or _copy(source, folder / member.name) != wanted.sha256:
            raise ValueError(f"{member.name} is not what the manifest says: it was damaged")
    if missing:
        raise ValueError(f"it ends early: {', '.join(missing)} missing")


def _copy(source: IO[bytes], target: Path) -> str:
    """Copy what is read into a new file, and return its digest."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, source)


@contextmanager
def _compressed(file: IO[bytes], path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if not path.name.endswith(COMPRESSED):
        yield file
        return
    with gzip.GzipFile("", "wb", _FASTEST, file, mtime=0) as stream:
        yield stream
