"""A kind cluster's life: made, brought back, ended. Its state is what the engine says, never a note of ours."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ckslab_labs.binaries.catalog import architecture
from ckslab_labs.errors import Infrastructure, InvalidInput, LabError
from ckslab_labs.files import write_atomic
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.kind import preflight
from ckslab_labs.providers.kind.configuration import FOLDERS, configuration
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.providers.kind.tools import docker, docker_bytes, find_kind, run
from ckslab_labs.providers.provider import Progress

NETWORK = "ckslab"
"""A network of our own in the engine: kind's is shared with the user's clusters."""
CREATE_SECONDS = 600.0
"""kind itself gives up earlier; a node image may have to be fetched first."""
RESTLESS = ("kube-scheduler", "kube-controller-manager")
"""What acts of its own accord; pkill(1) knows the first 15 letters of a name."""
_MOUNTS = [f"/etc/kubernetes/{name}" for name in FOLDERS]
LABEL = "label=io.x-k8s.kind.cluster="


def state(place: Place) -> str:
    """``running``, ``paused``, ``exited`` and so on, as the engine says; empty where there is no such container.

    Raises:
        Infrastructure: the engine does not answer.

    """
    words = ("ps", "--all", "--filter", f"{LABEL}{place.cluster}", "--format", "{{.State}}")
    told = docker(*words, attempted=f"look for the kind cluster {place.cluster}").split()
    return told[0] if told else ""


def made_from(place: Place) -> str:
    """The engine's id of the image that the node was made from; empty where there is no such container."""
    with suppress(Infrastructure):
        return docker("inspect", "--format={{.Image}}", place.container, attempted="look at the node").strip()
    return ""


def create(place: Place, image: str, progress: Progress, *, retain: bool = False) -> None:
    """Make the cluster; what a killed command left of it is removed first.

    Args:
        place: its names and paths.
        image: of its node; pulled where the engine lacks it.
        progress: told what is done.
        retain: leave the container, too, when kind fails.

    Raises:
        InvalidInput: this machine lacks something, or somebody else has a cluster of this name.
        Infrastructure: kind failed; the logs are kept.

    """
    preflight.refuse_unfit()
    kind = find_kind(progress)
    delete(place, kind)
    private_dir(place.folder)
    for name in FOLDERS:
        private_dir(private_dir(place.mounted) / name)
    text = configuration(place.mounted, cgroup_version=preflight.cgroup_version())
    write_atomic(place.configuration, text.encode())
    progress(f"making a kind cluster from {image.partition('@')[0]}")
    try:
        _kind(kind, place, "create", "cluster", "--retain", f"--image={image}", f"--config={place.configuration}")
        place.fetch_keys()
    except LabError as error:
        _keep_logs(kind, place)
        if retain and state(place):
            remedy = f"{_retained(place)} {error.remedy}"
        else:
            delete(place, kind, all_of_it=False)
            remedy = error.remedy
        raise Infrastructure(error.attempted, error.seen, f"The logs are in {place.logs}. {remedy}") from error
    except BaseException:
        delete(place, kind)
        raise


def give_images(place: Place, names: Sequence[str], progress: Progress) -> None:
    """Put images that the engine has on the node, which then need not pull them.

    ``kind load`` asks for every platform of an image, and engines keep one (kubernetes-sigs/kind#3795).
    """
    if not names:
        return
    progress(f"putting {', '.join(names)} on the node")
    try:
        archive = docker_bytes("save", *names, attempted="save images")
        words = ("exec", "--interactive", place.container, "ctr", "--namespace=k8s.io", "images", "import")
        platform = f"--platform=linux/{architecture()}"
        docker_bytes(*words, "--no-unpack", platform, "-", attempted="import images", given=archive)
    except Infrastructure as error:  # where a registry is reached, nothing is lost by it
        progress(f"that failed, so the node pulls them: {error.seen}")


def bring_back(place: Place) -> None:
    """Have the node running again, whoever stopped or paused it.

    Raises:
        Infrastructure: it is gone, or does not start.

    """
    match state(place):
        case "running":
            with suppress(Infrastructure):  # they may not run yet
                _signal(place, "CONT")  # a killed command may have left them paused
        case "":
            seen = f"its container {place.container} is gone"
            remedy = "`ckslab stop`, then `ckslab start ID`, makes it anew; your files are kept."
            raise Infrastructure(f"bring back the kind cluster {place.cluster}", seen, remedy)
        case "paused":
            docker("unpause", place.container, attempted=f"unpause {place.container}")
        case _:
            docker("start", place.container, attempted=f"start {place.container}")


@contextmanager
def at_rest(place: Place) -> Iterator[None]:
    """Pause the controllers and the scheduler of the node, which the kubelet takes for dead only after a minute."""
    try:
        _signal(place, "STOP")
        yield
    finally:
        _signal(place, "CONT")


def _signal(place: Place, name: str) -> None:
    programs = "|".join(program[:15] for program in RESTLESS)  # the kernel keeps no more of a name
    attempted = f"pause or go on with {' and '.join(RESTLESS)} of {place.cluster}"
    docker("exec", place.container, "pkill", f"-{name}", "--exact", programs, attempted=attempted)


def delete(place: Place, kind: Path | None = None, *, all_of_it: bool = True) -> None:
    """End the cluster, with its volumes, its network where nobody else uses it, and its files.

    Raises:
        InvalidInput: the cluster of this name is somebody else's, and left alone.

    """
    if state(place):
        _refuse_anothers(place)
        with suppress(Infrastructure):  # what the node wrote there is root's; it may not run
            docker(
                "exec", place.container, "find", *_MOUNTS, "-mindepth", "1", "-delete", attempted="empty its folders"
            )
        _kind(kind or find_kind(lambda _: None), place, "delete", "cluster")
    with suppress(Infrastructure):  # another cluster is on it, or it is gone
        docker("network", "rm", NETWORK, attempted="remove the engine's network of ours")
    if all_of_it:
        shutil.rmtree(place.folder, ignore_errors=True)


def _refuse_anothers(place: Place) -> None:
    """Refuse to touch a cluster into which no folder of ours is mounted, whatever it is called."""
    mounts = "{{range .Mounts}}{{.Source}} {{end}}"
    sources = docker("inspect", f"--format={mounts}", place.container, attempted=f"look at {place.container}")
    if str(place.mounted) not in sources:
        seen = f"there is one, and it was not made by `ckslab` with its state in {place.folder.parent}"
        remedy = f"Choose another --plane, or remove it: `kind delete cluster --name {place.cluster}`."
        raise InvalidInput(f"use the name {place.cluster} for a kind cluster", seen, remedy)


def _retained(place: Place) -> str:
    look = f"`docker logs {place.container}` or `docker exec -it {place.container} bash`"
    return f"The node is kept: look at it with {look}; `ckslab stop --plane {place.name}` removes it."


def _kind(kind: Path, place: Place, *words: str) -> str:
    """Run kind without anything of the user's but the way to the engine."""
    kept = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK, "KUBECONFIG": str(place.folder / "kind.kubeconfig")}
    command = [str(kind), *words, f"--name={place.cluster}"]
    return run(command, f"{words[0]} the kind cluster {place.cluster}", seconds=CREATE_SECONDS, env=env)


def _keep_logs(kind: Path, place: Place) -> None:
    with suppress(LabError):
        _kind(kind, place, "export", "logs", str(place.logs))
