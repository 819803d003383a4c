"""What may lie in a scenario folder: everything of a scenario, and nothing else.

A file that nobody reads is a file that somebody believes in, so a stray one is a problem. Only names, types and the
texts are looked at here; what YAML says is the loader's business.
"""

import difflib
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.problems import Findings
from ckslab_labs.scenario.texts import TEXTS, read_text, tiers

NODE_FILES = "node"
"""What lies below it is put on the control-plane node, under the same path; also below solution/ and in cases/."""
FILES = ("scenario.yaml", *TEXTS, "suite.yaml")
FOLDERS = ("setup", "solution")
OPTIONAL_FOLDERS = ("cases", "files", NODE_FILES)


def node_files(folder: Path) -> dict[str, bytes]:
    """What lies below a folder ``node/``, by its path on the node; nothing where there is no such folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


def check_folder(folder: Path, findings: Findings) -> None:
    """Note what is missing in a scenario folder, what is too much, and texts that cannot be shown."""
    there = {entry.name for entry in folder.iterdir()}
    for name in FILES:
        if name not in there:
            findings.add(name, "", "is missing")
    for name in FOLDERS:
        if name not in there:
            findings.add(f"{name}/", "", "is missing")
    for entry in sorted(folder.iterdir()):
        _check_entry(entry, findings)
    for name in TEXTS:
        if not findings.about(name):
            _check_text(folder / name, findings)


def _check_entry(entry: Path, findings: Findings) -> None:
    if entry.is_symlink():
        findings.add(entry.name, "", "symbolic links are not followed; put the file itself there")
    elif entry.name in FILES:
        if not entry.is_file():
            findings.add(entry.name, "", "must be a plain file")
    elif entry.name not in (*FOLDERS, *OPTIONAL_FOLDERS):
        known = [*FILES, *(f"{name}/" for name in (*FOLDERS, *OPTIONAL_FOLDERS))]
        near = difflib.get_close_matches(entry.name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"only these may: {', '.join(known)}"
        findings.add(entry.name, "", f"may not be in a scenario folder; {hint}")
    elif not entry.is_dir():
        findings.add(entry.name, "", "must be a folder")
    else:
        _check_sub_folder(entry, findings)


def _check_sub_folder(folder: Path, findings: Findings) -> None:
    """Setup and solution hold manifests; what is a file of somebody's, cases and files hold anything."""
    count = 0
    for entry in sorted(folder.rglob("*")):
        name = str(entry.relative_to(folder.parent))
        manifests = folder.name in FOLDERS and not name.startswith(("solution/files", f"solution/{NODE_FILES}"))
        if entry.is_symlink():
            findings.add(name, "", "symbolic links are not followed; put the file itself there")
        elif entry.is_dir():
            if manifests:
                findings.add(f"{name}/", "", f"is not read; manifests lie in {folder.name}/ itself")
        elif not entry.is_file():
            findings.add(name, "", "must be a plain file")
        elif manifests and entry.suffix != ".yaml":
            findings.add(name, "", "is not read; manifests end in .yaml")
        else:
            count += 1
    if not count:
        findings.add(f"{folder.name}/", "", "holds nothing that is read")


def _check_text(path: Path, findings: Findings) -> None:
    try:
        text = read_text(path)
    except InvalidInput as error:
        findings.add_error(path.name, error)
        return
    if not text.strip():
        findings.add(path.name, "", "is empty")
    elif path.name == "hints.md" and not tiers(text):
        findings.add(path.name, "", 'holds no hint; start each with a heading "## ..."')
