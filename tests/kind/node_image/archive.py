"""Container images as docker-archives of one layer, which ``docker load`` and ``ctr images import`` both read.

The format: https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EPOCH = "2026-01-01T00:00:00Z"
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_image(
    target: Path,
    names: Sequence[str],
    files: Mapping[str, Path],
    entrypoint: Sequence[str],
    links: Mapping[str, str] | None = None,
) -> None:
    """Write an archive with one image.

    Args:
        target: where.
        names: repository and tag, written out in full.
        files: path in the image, and what is copied there.
        entrypoint: the program with its arguments.
        links: path in the image, and where the symbolic link leads.

    """
    layer = _layer(files, links or {})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {"Entrypoint": list(entrypoint), "Env": [f"PATH={SEARCH}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": EPOCH, "created_by": "ckslab"}],
    }
    raw = json.dumps(config).encode()
    name = f"{hashlib.sha256(raw).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(names), "Layers": ["layer.tar.gz"]}]
    with tarfile.open(target, "w") as archive:
        for path, data in (
            (name, raw),
            ("layer.tar.gz", gzip.compress(layer, compresslevel=1, mtime=0)),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            archive.addfile(_entry(path, len(data)), io.BytesIO(data))


def _layer(files: Mapping[str, Path], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        made: set[str] = set()
        for path in sorted([*files, *links]):
            for folder in reversed(Path(path.lstrip("/")).parents[:-1]):
                if str(folder) not in made:
                    made.add(str(folder))
                    entry = _entry(str(folder), 0, 0o755)
                    entry.type = tarfile.DIRTYPE
                    layer.addfile(entry)
            entry = _entry(path.lstrip("/"), 0, 0o755)
            if path in links:
                entry.type, entry.linkname = tarfile.SYMTYPE, links[path]
                layer.addfile(entry)
            else:
                data = files[path].read_bytes()
                entry.size = len(data)
                layer.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _entry(path: str, size: int, mode: int = 0o644) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = size, mode
    return entry
