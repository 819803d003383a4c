"""Folders of ckslab: private, one's own, and reached by one name."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.paths import private_dir, refuse_foreign, state_home

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder another user's")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_folder_and_the_new_ones_above_it_are_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_dir(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / name) for name in ("", "a", "a/b", "a/b/c")] == [0o755, 0o700, 0o700, 0o700]


def test_a_folder_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    assert mode(private_dir(tmp_path / "a")) == 0o700


@pytest.mark.parametrize("what", ["link", "file"])
def test_what_is_no_folder_of_ones_own_is_refused(tmp_path: Path, what: str) -> None:
    spot = tmp_path / "spot"
    if what == "link":
        (tmp_path / "elsewhere").mkdir()
        spot.symlink_to(tmp_path / "elsewhere")
    else:
        spot.touch()
    with pytest.raises(InvalidInput) as caught:
        refuse_foreign(spot)
    assert str(caught.value) == (
        f"cannot use the folder {spot}: it is a symbolic link, or no folder. Move it away and try again."
    )


@as_root
def test_a_plane_of_another_user_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    home = private_dir(state_home())
    os.chown(home, NOBODY, NOBODY)
    with pytest.raises(InvalidInput) as caught:
        Lab("default")
    assert str(caught.value) == (
        f"cannot use the folder {home}: it belongs to another user (uid {NOBODY}, you are 0). "
        "Set XDG_STATE_HOME to a folder of your own."
    )


@as_root
@pytest.mark.parametrize("where", ["planes", "sessions"])
def test_a_folder_of_another_user_inside_is_refused(where: str) -> None:
    folder = private_dir(state_home() / where)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(InvalidInput, match="it belongs to another user"):
        use(Lab("default"))


def use(lab: Lab) -> Path:
    """What every command does first."""
    with lab.exclusive():
        return lab.sessions.home


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_home_that_cannot_be_written_is_told(open_folder: Path) -> None:
    read_only = open_folder / "home"
    read_only.mkdir()
    read_only.chmod(0o500)
    program = "from ckslab_labs.lab import Lab\nwith Lab('default').exclusive(): pass"
    told = unprivileged(program, read_only)
    assert (
        f"cannot use the folder {read_only}/ckslab/planes: Permission denied. "
        "Choose a writable place with XDG_STATE_HOME and XDG_CACHE_HOME."
    ) in told


def test_a_home_of_another_user_is_told_to_who_may_not_even_look(open_folder: Path) -> None:
    closed = open_folder / "home"
    private_dir(closed / "ckslab")
    if os.geteuid() != 0:
        closed.chmod(0o000)
    told = unprivileged("from ckslab_labs.lab import Lab\nLab('default')", closed, own=False)
    assert f"cannot use the folder {closed}/ckslab: Permission denied." in told


def unprivileged(program: str, state: Path, *, own: bool = True) -> str:
    """What a program says at its end, run by somebody who is not root."""
    root = os.geteuid() == 0
    lines = [f"import os; os.setgid({NOBODY}); os.setuid({NOBODY})"] if root else []
    if root and own:
        os.chown(state, NOBODY, NOBODY)
    imports = "import ckslab_labs.lab, kubernetes.config, kubernetes.client.rest"  # while the libraries can be read
    words = [sys.executable, "-c", "\n".join([imports, *lines, program])]
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    ran = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    return ran.stderr


def test_a_state_home_behind_a_link_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "link"))
    assert Lab("default").plane.layout.root == tmp_path / "disk" / "ckslab" / "planes" / "default"
