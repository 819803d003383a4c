"""A bundle brings the programs of a lab to where they are looked for, and is refused whole when anything is wrong."""

import gzip
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import REAL_CACHE
from tests.labs.bundle.conftest import Files, plain, put_archive, rewrite, say, write

from ckslab_labs import __version__
from ckslab_labs.binaries.catalog import Module
from ckslab_labs.bundle import archive, images, programs
from ckslab_labs.bundle.archive import DAMAGED, FOREIGN
from ckslab_labs.bundle.loading import load
from ckslab_labs.bundle.manifest import here
from ckslab_labs.bundle.saving import save
from ckslab_labs.errors import ExitCode, Infrastructure, InvalidInput
from ckslab_labs.paths import cache_home
from ckslab_labs.providers.kind import node_image
from ckslab_labs.providers.kind.configuration import IMAGES
from ckslab_labs.scenario.images import known
from ckslab_tui.cli.run import run

LOCK = ".bundle-lock"
SHA256 = "0" * 64


def quiet(line: str) -> None:
    """Nobody listens."""


def in_cache() -> list[str]:
    home = cache_home()
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def refused(path: Path) -> tuple[str, str]:
    """What loading says was seen, and what to do; nothing may have come into the cache."""
    with pytest.raises(InvalidInput) as caught:
        load(path, quiet)
    assert caught.value.attempted == f"load the bundle {path}"
    assert in_cache() == [LOCK]
    assert sorted(each.name for each in cache_home().iterdir()) == [LOCK]
    return caught.value.seen, caught.value.remedy


# --- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bundle.tar", "bundle.tgz", "bundle.tar.gz"])
def test_a_program_comes_back_where_a_build_would_put_it(
    name: str, hello: Module, member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    manifest = save(path, "1.36", quiet)
    assert (manifest.ckslab, manifest.platform, manifest.kubernetes) == (__version__, here(), "1.36")
    assert path.stat().st_mode & 0o777 == 0o600
    assert gzip.decompress(path.read_bytes()) if name.endswith("gz") else tarfile.is_tarfile(path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert load(path, quiet).programs == ["hello"]
    target = hello.cache_folder / "hello"
    assert subprocess.run([target], capture_output=True, text=True).stdout == "hello v1.2.3\n"
    assert in_cache() == [LOCK, member]
    assert load(path, quiet).programs == []


def test_the_same_programs_make_the_same_bundle(hello: Module, tmp_path: Path) -> None:
    paths = [tmp_path / "one.tgz", tmp_path / "two.tgz"]
    for path in paths:
        save(path, "1.36", quiet)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_manifest_comes_first_and_names_every_digest(bundle: Path, member: str) -> None:
    with tarfile.open(bundle) as tar:
        assert tar.getnames() == ["manifest.json", member]
        file = tar.extractfile("manifest.json")
        assert file
        manifest = json.load(file)
        program = tar.extractfile(member)
        assert program
        (bundle.parent / "program").write_bytes(program.read())
    described = archive.describe(bundle.parent / "program")
    assert manifest["members"] == {member: {"sha256": described.sha256, "size": described.size}}


def test_a_program_that_is_there_is_left_alone(bundle: Path, hello: Module) -> None:
    hello.cache_folder.mkdir(parents=True)
    (hello.cache_folder / "hello").write_text("mine")
    assert load(bundle, quiet).programs == []
    assert (hello.cache_folder / "hello").read_text() == "mine"


def test_what_a_killed_command_left_is_removed(bundle: Path) -> None:
    (cache_home() / ".bundle-left").mkdir(parents=True)
    load(bundle, quiet)
    assert not (cache_home() / ".bundle-left").exists()


def test_an_archive_that_is_there_is_replaced_only_by_force(hello: Module, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar"
    path.write_text("mine")
    with pytest.raises(InvalidInput) as caught:
        save(path, "1.36", quiet)
    assert str(caught.value) == (
        f"cannot save a bundle as {path}: it is there already. Choose another name, or add --force to replace it."
    )
    assert path.read_text() == "mine"
    save(path, "1.36", quiet, force=True)
    assert tarfile.is_tarfile(path)


def test_a_bundle_that_cannot_be_written_leaves_nothing(
    hello: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_add", full)
    (tmp_path / "out").mkdir()
    with pytest.raises(Infrastructure, match="No space left on device"):
        save(tmp_path / "out" / "bundle.tar", "1.36", quiet)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_bundle_is_saved_into_a_folder_that_is_there(hello: Module, tmp_path: Path) -> None:
    for path, seen in ((tmp_path / "no" / "b.tar", f"there is no folder {tmp_path}/no"), (tmp_path, "it is a folder")):
        with pytest.raises(InvalidInput) as caught:
            save(path, "1.36", quiet)
        assert caught.value.seen == seen


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ({"format": 2, "more": "of it"}, "it is of format 2, and this ckslab reads format 1"),
        ({"platform": "plan9/mips"}, f"it is for plan9/mips, and this machine is {here()}"),
        ({"kubernetes": "1.12"}, "it is for Kubernetes 1.12, and this ckslab has 1.36 and 1.35"),
        ({"ckslab": "9.0", "members": {}}, "it lacks MEMBER; it was made by ckslab 9.0"),
        (
            {"ckslab": "9.0", "members": {"MEMBER": 1, "bin/other/hello": 1}},
            "it has bin/other/hello, which is of no use here; it was made by ckslab 9.0",
        ),
    ],
)
def test_a_bundle_for_another_ckslab_or_machine_is_refused(
    keys: dict[str, object], seen: str, bundle: Path, member: str
) -> None:
    if members := keys.get("members"):
        assert isinstance(members, dict)
        described = {"sha256": SHA256, "size": 1}
        keys = keys | {"members": {name.replace("MEMBER", member): described for name in members}}
    say(bundle, **keys)
    assert refused(bundle) == (seen.replace("MEMBER", member), FOREIGN)


@pytest.mark.parametrize("name", ["../hello", "/tmp/hello", "bin/../../hello", "bin//hello", ".bashrc", ""])
def test_a_manifest_that_names_what_is_outside_is_refused(name: str, bundle: Path) -> None:
    say(bundle, members={name: {"sha256": SHA256, "size": 1}})
    seen, remedy = refused(bundle)
    assert seen.startswith(f"members.{name}")
    assert "String should match pattern" in seen
    assert remedy == DAMAGED


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ({"more": 1}, "more: Extra inputs are not permitted"),
        ({"format": "1"}, "format: Input should be 1"),
        ({"members": {"hello": {"sha256": "x", "size": 1}}}, "members.hello.sha256: String should match pattern"),
        ({"members": {"hello": {"sha256": SHA256, "size": -1}}}, "members.hello.size: Input should be greater than"),
    ],
)
def test_a_manifest_that_is_none_is_refused(keys: dict[str, object], seen: str, bundle: Path) -> None:
    say(bundle, **keys)
    said, remedy = refused(bundle)
    assert said.startswith(seen)
    assert remedy == DAMAGED


def link(kind: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        info = tarfile.TarInfo(files[1][0].name)
        info.type, info.linkname = kind, "../../../../etc/passwd"
        files[1] = (info, b"")

    return change


def add(name: str) -> Callable[[Files], None]:
    return lambda files: files.append((plain(name, b"x"), b"x"))


def twice(files: Files) -> None:
    files.append(files[1])


def flip(files: Files) -> None:
    files[1] = (files[1][0], files[1][1].replace(b"1.2.3", b"6.6.6"))


def shorten(files: Files) -> None:
    files[1] = (plain(files[1][0].name, b"x"), b"x")


def leave_out(files: Files) -> None:
    del files[1]


NAMELESS = "it holds {!r}, which its manifest does not name, or twice"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (link(tarfile.SYMTYPE), "MEMBER is no plain file"),
        (link(tarfile.LNKTYPE), "MEMBER is no plain file"),
        (link(tarfile.DIRTYPE), "MEMBER is no plain file"),
        (link(tarfile.FIFOTYPE), "MEMBER is no plain file"),
        (add("bin/more"), NAMELESS.format("bin/more")),
        (add("../../more"), NAMELESS.format("../../more")),
        (add("/tmp/more"), NAMELESS.format("/tmp/more")),
        (twice, NAMELESS.format("MEMBER")),
        (flip, "MEMBER is not what the manifest says: it was damaged"),
        (shorten, "MEMBER is not what the manifest says: it was damaged"),
        (leave_out, "it ends early: MEMBER missing"),
        (lambda files: files.reverse(), "it is no bundle of ckslab's: it does not begin with manifest.json"),
        (lambda files: files.clear(), "it is no bundle of ckslab's: it does not begin with manifest.json"),
    ],
)
def test_an_archive_that_differs_from_its_manifest_is_refused(
    change: Callable[[Files], None], seen: str, bundle: Path, member: str
) -> None:
    rewrite(bundle, change)
    said, remedy = refused(bundle)
    assert (said, remedy) == (seen.replace("MEMBER", member), DAMAGED)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_that_was_cut_off_anywhere_is_refused(compressed: bool, bundle: Path, hello: Module) -> None:
    data = bundle.read_bytes()
    end = data.index(b"echo hello") + 10  # what follows is padding
    whole = gzip.compress(data[:end]) if compressed else data[:end]
    for length in [*range(1, len(whole) - 1, 97), len(whole) - 1]:
        bundle.write_bytes(whole[:length])
        assert refused(bundle)[1] == DAMAGED, length


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8b", b"\x1f\x8bhello" * 100, b"[" * 100_000, bytes(20_000)])
def test_what_is_no_archive_is_refused(data: bytes, bundle: Path) -> None:
    bundle.write_bytes(data)
    assert refused(bundle)[1] == DAMAGED


@pytest.mark.parametrize("data", [b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_no_object_is_refused(data: bytes, bundle: Path) -> None:
    write(bundle, [(plain("manifest.json", data), data)])
    assert refused(bundle)[1] == DAMAGED


def test_a_file_that_is_not_there_is_refused(bundle: Path) -> None:
    remedy = "Give the file that `ckslab bundle save` wrote."
    assert refused(bundle.parent) == ("Is a directory", remedy)
    bundle.unlink()
    assert refused(bundle) == ("No such file or directory", remedy)


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_images(hello: Module, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle with images; the cache is empty from here on."""
    path = tmp_path / "bundle.tar"
    save(path, "1.36", quiet, node_image="node:1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    return path


def asked(engine: Path, verb: str) -> list[str]:
    return [line for line in (engine / "asked").read_text().splitlines() if line.startswith(f"{verb} ")]


def test_images_are_saved_with_the_node_image_under_a_name_of_its_own(with_images: Path, engine: Path) -> None:
    name = "ckslab/node-image:1.36-kind-0.33.0"
    assert images.wanted("1.36") == (name, *sorted(known()))
    assert asked(engine, "tag") == [f"tag sha256:node:1 {name}"]
    assert asked(engine, "rmi") == [f"rmi {name}"]
    (saved,) = asked(engine, "save")
    assert saved.endswith(f"/images.tar {' '.join(images.wanted('1.36'))}")


def test_a_name_that_another_node_image_has_is_given_back(hello: Module, engine: Path, tmp_path: Path) -> None:
    name = node_image.bundled("1.36")
    with (engine / "has").open("a") as file:
        file.write(f"\n{name}\n")
    save(tmp_path / "b.tar", "1.36", quiet, node_image="node:1")
    assert asked(engine, "tag") == [f"tag sha256:node:1 {name}", f"tag sha256:{name} {name}"]
    assert asked(engine, "rmi") == []


def test_an_image_that_cannot_be_had_is_named(hello: Module, engine: Path, tmp_path: Path) -> None:
    with pytest.raises(Infrastructure) as caught:
        save(tmp_path / "b.tar", "1.36", quiet, node_image="node:2")
    assert str(caught.value) == (
        "cannot have the image node:2 for the bundle: exit status 1. Try it by hand: docker pull --quiet node:2 "
        "Without --images a bundle holds programs only."
    )
    assert not (tmp_path / "b.tar").exists()


def test_images_are_loaded_into_the_engine_or_left_out(with_images: Path, engine: Path) -> None:
    assert load(with_images, quiet, with_images=False).images == ()
    assert asked(engine, "load") == []
    loaded = load(with_images, quiet)
    assert (loaded.images, loaded.programs) == (images.wanted("1.36"), [])
    assert len(asked(engine, "load")) == 1


@pytest.mark.parametrize(
    ("platform", "seen"),
    [("linux/s390x", f"the Docker engine is linux/s390x, and this machine is {here()}"), (None, "exit status 1")],
)
def test_images_for_no_engine_of_this_machine_are_refused(
    platform: str | None, seen: str, with_images: Path, engine: Path
) -> None:
    if platform:
        (engine / "platform").write_text(platform)
    else:
        (engine / "docker").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(InvalidInput) as caught:
        load(with_images, quiet)
    assert str(caught.value) == (
        f"cannot load the images of {with_images}: {seen}. "
        "Start Docker and see that you may use it, or leave the images out with --no-images."
    )
    assert in_cache() == [LOCK]


@pytest.mark.parametrize("names", [["nginx:latest"], []])
def test_an_archive_with_other_images_than_it_should_have_is_refused(
    names: list[str], hello: Module, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_archive(engine / "saved", [*images.wanted("1.36"), *names] if names else [])
    save(tmp_path / "b.tar", "1.36", quiet, node_image="node:1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(InvalidInput, match=r"^cannot load the images of a bundle: images.tar holds "):
        load(tmp_path / "b.tar", quiet)
    assert in_cache() == [LOCK]
    assert asked(engine, "load") == []


def test_a_bundle_with_other_images_is_refused(with_images: Path) -> None:
    say(with_images, images=["nginx:latest"], ckslab="9.0")
    assert refused(with_images) == ("its images are nginx:latest; it was made by ckslab 9.0", FOREIGN)


@pytest.mark.parametrize(
    ("has", "chosen"),
    [
        ((), IMAGES["1.36"]),
        ((node_image.bundled("1.36"),), node_image.bundled("1.36")),
        ((IMAGES["1.36"], node_image.bundled("1.36")), IMAGES["1.36"]),
        ((node_image.bundled("1.35"),), IMAGES["1.36"]),
    ],
)
def test_a_node_is_made_from_a_bundles_image_where_the_published_one_is_not_there(
    has: tuple[str, ...], chosen: str, engine: Path
) -> None:
    (engine / "has").write_text("\n".join(has))
    assert node_image.choose("1.36") == chosen


# --- on the command line ----------------------------------------------------------------------------------------------


def test_the_command_line_saves_and_loads(
    hello: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.tar"
    assert run(["bundle", "save", str(path)]) == ExitCode.PASSED
    out, err = capsys.readouterr()
    assert out == f"{path}: 1 programs of Kubernetes 1.36, 0 images, 0 MB\n"
    assert err.endswith(f"Load it with: ckslab bundle load {path}\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert run(["bundle", "load", str(path), "-o", "json"]) == ExitCode.PASSED
    assert json.loads(capsys.readouterr().out) == {"kubernetes": "1.36", "new_programs": ["hello"], "images": []}


def test_the_command_line_refuses_with_2_and_one_error(
    bundle: Path, capsys: pytest.CaptureFixture[str], member: str
) -> None:
    rewrite(bundle, flip)
    assert run(["bundle", "load", str(bundle)]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1:] == [
        f"ckslab: cannot load the bundle {bundle}: {member} is not what the manifest says: it was damaged",
        DAMAGED,
    ]


# --- the real programs ------------------------------------------------------------------------------------------------


def test_the_real_programs_run_from_a_bundle_where_nothing_can_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CKSLAB_BIN", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", REAL_CACHE)
    if missing := [path.name for path in programs.wanted("1.36").values() if not path.exists()]:
        pytest.skip(f"not built here: {', '.join(missing)}")
    path = tmp_path / "bundle.tar"
    save(path, "1.36", quiet)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "go").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "path" / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/path:{os.environ['PATH']}")
    assert len(load(path, quiet).programs) == 10
    path.unlink()
    programs.make("1.36", quiet)
    version = subprocess.run([programs.wanted("1.36")[_named("etcd")], "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("etcd Version: 3.6.16\n")
    shutil.rmtree(tmp_path / "elsewhere")  # pytest keeps the folders of its last runs


def _named(program: str) -> str:
    return next(name for name in programs.wanted("1.36") if name.endswith(f"/{program}"))
