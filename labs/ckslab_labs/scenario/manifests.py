"""Kubernetes manifests as files: read in name order, several documents each, lists taken apart.

Nothing is known here about kinds; a manifest is any mapping that says what it is and what it is called. Substitution
and templates must not be added: what is in the file is what is sent.
"""

from pathlib import Path
from typing import Any

from ckslab_labs import strict_yaml
from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.texts import read_bytes

Manifest = dict[str, Any]


def read_manifests(path: Path, source: str | None = None) -> list[Manifest]:
    """Read the manifests of a file, or of a folder's ``*.yaml`` (not of its sub-folders).

    Args:
        path: a file or a folder.
        source: what to call it in errors; the path unless given.

    Raises:
        InvalidInput: a file is not plain YAML, or a document is not a manifest.

    """
    label = Path(source) if source else path
    found = []
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        name = str(label / file.name if path.is_dir() else label)
        documents = strict_yaml.load_all(read_bytes(file, name), source=name)
        for number, document in enumerate(documents, 1):
            if document is not None:
                found += _manifests(document, name, f"document {number}")
    return found


def _manifests(document: Any, name: str, where: str) -> list[Manifest]:
    if not isinstance(document, dict):
        raise _refuse(name, f"{where} is not a mapping")
    for key in ("apiVersion", "kind"):
        if not isinstance(document.get(key), str):
            raise _refuse(name, f"{where} has no {key}")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        items = enumerate(document["items"], 1)
        return [each for number, item in items for each in _manifests(item, name, f"item {number} of {where}")]
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise _refuse(name, f"{where} has no metadata.name")
    return [document]


def _refuse(name: str, seen: str) -> InvalidInput:
    return InvalidInput(f"read {name}", seen, "A manifest needs apiVersion, kind and metadata.name as text.")
