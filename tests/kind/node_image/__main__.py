"""``python -m tests.kind.node_image``: print the name of the node image, made where it is not there yet.

The name holds a digest of everything that goes into it, so an image is made once. Needs root, a Docker engine,
debootstrap, Debian's libseccomp-dev and busybox-static, and a C compiler.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.kind.node_image import archive, parts, preload, root

from ckslab_labs.binaries.build import build
from ckslab_labs.binaries.catalog import Module
from ckslab_labs.paths import cache_home, private_dir

BUSYBOX = Path("/bin/busybox")
TOOLS = ("docker", "debootstrap", "gcc", "pkg-config", "busybox")
_METADATA = """\
FROM {name}
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint"]
"""


def image_name() -> str:
    """The image's name, by what goes into it."""
    digest = hashlib.sha256()
    for path in sorted(path for path in parts.HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(f"{path.relative_to(parts.HERE)} {path.stat().st_mode:o}\0".encode() + path.read_bytes())
    for module in parts.MODULES:
        digest.update(module.cache_folder.name.encode())
    return f"ckslab/node:v{parts.VERSION}-{digest.hexdigest()[:12]}"


def is_there(name: str) -> bool:
    """Whether the engine has the image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def make(name: str) -> None:
    """Build everything, and hand it to the engine."""
    programs = {program: path for module in parts.MODULES for program, path in _programs(module)} | {"busybox": BUSYBOX}
    with tempfile.TemporaryDirectory(prefix="node-image-", dir=private_dir(cache_home() / "node-image")) as scratch:
        folder = Path(scratch) / "root"
        _tell("the file system")
        _debian(folder)
        root.lay_out(folder, programs)
        _tell("the container images")
        archives = list(_archives(Path(scratch), folder, programs))
        preload.preload(folder, programs["containerd"], programs["ctr"], archives)
        _tell("the node image")
        _import(folder, name)


def _programs(module: Module) -> Iterator[tuple[str, Path]]:
    yield from build(module, [binary.name for binary in module.binaries], _tell).items()


def _debian(folder: Path) -> None:
    """Debian's part, kept as an archive: it takes a minute, and hardly ever changes."""
    digest = hashlib.sha256(" ".join([parts.DEBIAN, *parts.PACKAGES]).encode()).hexdigest()[:12]
    kept = cache_home() / "node-image" / f"{parts.DEBIAN}-{digest}.tar"
    folder.mkdir()
    if not kept.exists():
        root.make_debian(folder)
        made = kept.with_suffix(".part")
        subprocess.run(["tar", "-C", folder, "-cf", made, "."], check=True)
        made.rename(kept)
    else:
        subprocess.run(["tar", "-C", folder, "-xf", kept], check=True)


def _archives(scratch: Path, folder: Path, programs: dict[str, Path]) -> Iterator[Path]:
    certificates = {"/etc/ssl/certs/ca-certificates.crt": folder / "etc/ssl/certs/ca-certificates.crt"}
    for number, component in enumerate((*parts.COMPONENTS, parts.PROXY, *parts.WORKLOADS)):
        place = "/bin/busybox" if component.program == "busybox" else f"/usr/local/bin/{component.program}"
        files = {place: programs[component.program], **certificates}
        links: dict[str, str] = {}
        if component is parts.PROXY:
            files |= root.proxy_files(folder)
            links = root.proxy_links()
        if component in parts.WORKLOADS:
            said = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
            links = {f"/bin/{applet}": "busybox" for applet in said.split() if applet != "busybox"}
            files["/var/www/index.html"] = parts.HERE / "files/kind/manifests/default-cni.yaml"
        target = scratch / f"image-{number}.tar"
        archive.write_image(target, component.names, files, [place, *component.arguments], links)
        yield target


def _import(folder: Path, name: str) -> None:
    plain = f"{name}-plain"
    with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", plain], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)
    text = _METADATA.format(name=plain).encode()
    command = ["docker", "build", "--quiet", "--tag", name, "-"]
    subprocess.run(
        command, input=text, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DOCKER_BUILDKIT": "0"}
    )
    subprocess.run(["docker", "rmi", plain], check=True, stdout=subprocess.DEVNULL)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> int:
    """Print the image's name."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"node image: {', '.join(missing)} must be installed first", file=sys.stderr)
        return 2
    name = image_name()
    if not is_there(name):
        make(name)
    print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
