"""Plays a fix into a cluster, step by step, as a learner would: a refusal by the API server ends it.

Nothing is judged here, and nothing is made up for the player: a manifest is sent as it stands. A fix is data of a
scenario, or of a folder given on the command line, so no path in it may lead out of its folder.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from ckslab_checker.text import clean_line
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Identity, Node, Response
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.files import write_atomic
from ckslab_labs.scenario.folder import NODE_FILES, node_files
from ckslab_labs.scenario.manifests import Manifest, read_manifests
from ckslab_labs.scenario.model import Action, Patch
from ckslab_labs.scenario.texts import read_bytes

Send = Callable[[Manifest, Identity | None], Response]

LEARNERS_FILES = "files"
"""In a folder that is applied, what lies under this one is put as learner's files."""
GONE_SECONDS = 10.0
"""How long an object may take to go; a namespace without controllers never does."""
GRANTED_SECONDS = 2.0
"""How long a grant of an earlier step may take to reach the authorizer (some 10 ms, measured)."""
PAUSE_SECONDS = 0.02


class PlayFailed(InvalidInput):
    """The API server refused a step of a fix, or did not carry it out in time."""


def play(
    actions: Sequence[Action],
    scenario_folder: Path,
    objects: Objects,
    identities: Mapping[str, Identity],
    files: Path,
    node: Node | None = None,
) -> None:
    """Play the steps in order.

    Args:
        actions: the steps; their paths are relative to ``scenario_folder``.
        scenario_folder: what no path may lead out of.
        objects: where to play.
        identities: who a step may be played as, by short name.
        files: the learner's files.
        node: the control-plane node's files, where they can be written.

    Raises:
        PlayFailed: with the verb, the object and the API server's message.
        InvalidInput: a step names something that is not there.

    """
    player = Player(scenario_folder, objects, identities, files, node)
    for action in actions:
        player.step(action)


class Player:
    """Plays single steps."""

    def __init__(
        self, folder: Path, objects: Objects, identities: Mapping[str, Identity], files: Path, node: Node | None
    ) -> None:
        self._node = node
        self._folder = folder.resolve()
        self._objects = objects
        self._identities = identities
        self._files = files

    def step(self, action: Action) -> None:
        """Play one step; errors as for ``play``."""
        as_ = self._identity(action.as_)
        if action.apply is not None:
            self._each(action.apply, "apply", self._objects.apply, as_)
        elif action.replace is not None:
            self._each(action.replace, "replace", self._replace, as_)
        elif action.delete is not None:
            self._delete(action.delete, as_)
        elif action.patch is not None:
            self._patch(action.patch, as_)
        elif action.put_file is not None:
            self._put(self._inside(action.put_file["from"]), action.put_file["to"])
        elif action.node_file is not None:
            source = action.node_file.get("from")
            self._put_on_node({action.node_file["path"]: read_bytes(self._inside(source)) if source else None})

    def _each(self, path: str, verb: str, send: Send, as_: Identity | None) -> None:
        """Send every manifest of a file or folder in name order; put what lies under ``files/`` and ``node/``."""
        root = self._inside(path)
        if on_node := node_files(root / NODE_FILES):
            self._put_on_node(dict(on_node))
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            inner = file.relative_to(self._folder).parts
            if file.is_dir() or NODE_FILES in inner[:-1]:
                continue
            if LEARNERS_FILES in inner[:-1]:
                self._put(file, str(PurePosixPath(*inner[inner.index(LEARNERS_FILES) + 1 :])))
            elif file.suffix == ".yaml":
                for manifest in read_manifests(file, str(PurePosixPath(*inner))):
                    _must(verb, _called(manifest), partial(send, manifest, as_), as_)

    def _replace(self, manifest: Manifest, as_: Identity | None) -> Response:
        """PUT over what is there, which must be there; the version is taken over, as ``kubectl replace`` does."""
        there = self._objects.cluster.request("GET", self._objects.path(manifest))
        if not there.ok:
            return there
        metadata = {**manifest["metadata"], "resourceVersion": there.body["metadata"]["resourceVersion"]}
        return self._objects.replace({**manifest, "metadata": metadata}, as_)

    def _patch(self, patch: Patch, as_: Identity | None) -> None:
        kind, name, namespace = parse_object(patch["object"])
        rest = (patch["patch"], patch["type"], patch.get("subresource"), as_)
        _must("patch", patch["object"], partial(self._objects.patch, kind, name, namespace, *rest), as_)

    def _delete(self, named: str, as_: Identity | None) -> None:
        kind, name, namespace = parse_object(named)
        there = self._objects.get(kind, name, namespace)
        _must("delete", named, partial(self._objects.delete, kind, name, namespace, as_), as_)
        uid = there.body["metadata"]["uid"]
        deadline = time.monotonic() + GONE_SECONDS
        while _is(self._objects.get(kind, name, namespace), uid):
            if time.monotonic() > deadline:
                seen = f"it is still there after {GONE_SECONDS:g} s, with finalizers or without a controller to end it"
                raise PlayFailed(f"delete {named}", seen, "See what the scenario requires.")
            time.sleep(PAUSE_SECONDS)

    def _put(self, source: Path, name: str) -> None:
        parts = PurePosixPath(name).parts
        target = self._files.joinpath(*parts)
        if PurePosixPath(name).is_absolute() or ".." in parts or target.is_symlink():
            raise InvalidInput(f"put the learner's file {name}", "it leads out of the folder", "Give a plain name.")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(target, read_bytes(source))
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            seen = "a file and a folder cannot have the same name"
            raise InvalidInput(f"put the learner's file {name}", seen, "Give it another name.") from None

    def _put_on_node(self, files: Mapping[str, bytes | None]) -> None:
        if self._node is None:
            raise InvalidInput(f"put {', '.join(files)} on the node", "this cluster's node is out of reach", "")
        try:
            self._node.put(files)
        except Infrastructure as error:  # it runs no more, which is what the fix made of it
            raise PlayFailed(error.attempted, error.seen, error.remedy) from error

    def _inside(self, path: str) -> Path:
        found = (self._folder / path).resolve()
        if not found.is_relative_to(self._folder) or not found.exists():
            seen = "there is no such file or folder in it"
            raise InvalidInput(f"play {path} of {self._folder.name}", seen, "Paths are relative to that folder.")
        return found

    def _identity(self, name: str | None) -> Identity | None:
        if name is not None and name not in self._identities:
            known = ", ".join(sorted(self._identities)) or "none"
            raise InvalidInput(f"play a step as {name}", f"the scenario's identities are: {known}", "Name one of them.")
        return None if name is None else self._identities[name]


def parse_object(text: str) -> tuple[str, str, str]:
    """Take ``kind/name -n namespace`` apart; the namespace is ``default`` unless given."""
    named, _, namespace = text.partition(" -n ")
    kind, _, name = named.partition("/")
    return kind, name, namespace or "default"


def _must(verb: str, what: str, send: Callable[[], Response], as_: Identity | None) -> Response:
    """The answer to a request that must be carried out; one played as somebody may wait for an earlier grant."""
    deadline = time.monotonic() + (GRANTED_SECONDS if as_ else 0)
    while not (answer := send()).ok:
        if answer.status != 403 or time.monotonic() > deadline:
            who = f" as {as_.user}" if as_ else ""
            seen = f"the API server answered {answer.status}: {clean_line(answer.message, 500)}"
            raise PlayFailed(f"{verb} {what}{who}", seen, "A step that is refused changes nothing; mend the fix.")
        time.sleep(PAUSE_SECONDS)
    return answer


def _called(manifest: Manifest) -> str:
    namespace = manifest["metadata"].get("namespace")
    return f"{manifest['kind']}/{manifest['metadata']['name']}" + (f" -n {namespace}" if namespace else "")


def _is(answer: Response, uid: str) -> bool:
    """Whether the very object is there; one of the same name may have taken its place."""
    return answer.ok and bool(answer.body["metadata"]["uid"] == uid)
