"""What a learner wrote into an answer file, read as data that may be hostile.

The file is small, regular and strict YAML, or it is refused with words that say what to change: a wrong answer file is
a failed check, never an error of ours. Whether an answer is right is for a probe to say.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ckslab_checker.principals import Subject
from ckslab_checker.text import clean_line
from ckslab_labs import strict_yaml

AnswerFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""The name of a file of the learner's, as a check gives it."""
MAX_BYTES = 64 * 1024
MAX_SUBJECTS = 100
SUBJECTS_FORM = "subjects: [{kind: User or Group, name: ...}, {kind: ServiceAccount, name: ..., namespace: ...}]"
_KINDS = {"user": "User", "group": "Group", "serviceaccount": "ServiceAccount"}


class WrongForm(Exception):
    """An answer file cannot be read; the text is fit to be shown, and says what to change."""


def read_subjects(path: Path) -> list[Subject]:
    """The subjects that the file lists under ``subjects``, each once.

    Raises:
        WrongForm: there is no such file, or it is not of the form ``SUBJECTS_FORM``.

    """
    value = read_yaml(path)
    if not isinstance(value, dict) or value.keys() != {"subjects"} or not isinstance(value["subjects"], list):
        raise WrongForm("write one list under the one key subjects")
    if len(value["subjects"]) > MAX_SUBJECTS:
        raise WrongForm(f"it lists more than {MAX_SUBJECTS} subjects")
    return list(dict.fromkeys(_subject(number, entry) for number, entry in enumerate(value["subjects"], 1)))


def read_yaml(path: Path) -> Any:
    """The one YAML document of a file.

    Raises:
        WrongForm: there is no such file, or it is not one document of strict YAML.

    """
    (document,) = as_yaml(read_answer(path), path.name, max_documents=1)
    return document


def as_yaml(content: bytes, name: str, max_documents: int = strict_yaml.MAX_DOCUMENTS) -> list[Any]:
    """The YAML documents in a file's content.

    Raises:
        WrongForm: it is no strict YAML, holds nothing, or more documents than that.

    """
    try:
        if max_documents == 1:
            return [strict_yaml.load(content, source=name)]
        return strict_yaml.load_all(content, source=name, max_documents=max_documents)
    except strict_yaml.BadYaml as problem:
        raise WrongForm(clean_line(f"{problem.seen}. {problem.remedy}")) from None


def read_answer(path: Path) -> bytes:
    """The content of a regular file; a link or a pipe in its place is not followed, nor waited for.

    Raises:
        WrongForm: there is none, or it is larger than ``MAX_BYTES``.

    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise WrongForm(f"{path.name} is not there yet") from None
    except OSError as problem:
        raise WrongForm(f"{path.name} cannot be read ({problem.strerror})") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise WrongForm(f"{path.name} is not a regular file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise WrongForm(f"{path.name} is larger than {MAX_BYTES // 1024} KiB")
    return content


def _subject(number: int, entry: object) -> Subject:
    def refuse(what: str) -> WrongForm:
        return WrongForm(clean_line(f"subject {number}: {what}"))

    if not isinstance(entry, dict):
        raise refuse("write kind and name")
    if unknown := sorted(entry.keys() - {"kind", "name", "namespace", "apiGroup"}):
        raise refuse(f"{unknown[0]} means nothing here")
    for key in ("kind", "name", *entry):
        if not isinstance(entry.get(key), str) or (not entry[key] and key != "apiGroup"):
            raise refuse(f"{key} must be text, and not empty")
    kind = _KINDS.get(entry["kind"].lower())
    if kind is None:
        raise refuse(f"the kind {entry['kind']!r} is none of User, Group, ServiceAccount")
    subject = Subject.of(kind, entry["name"], entry.get("namespace", ""))
    if subject.kind == "ServiceAccount" and not subject.namespace:
        raise refuse("a ServiceAccount needs its namespace")
    return subject
