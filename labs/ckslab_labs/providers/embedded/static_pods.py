"""The static-pod folder, watched as the kubelet of Kubernetes 1.36 watches it (pkg/kubelet/config/file_linux.go).

Files that start with "." and subfolders are ignored; every other file is a manifest, a backup copy included. A change
is seen at once; on a change that cannot be read the old pod goes on, until the next full listing (every 20 s) drops
it. Pods of one name run one at a time, and the one that has waited longest is next: that is how a ``.bak`` beside the
manifest wins over every later edit.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ckslab_labs.providers.embedded.manifest import ManifestProblem, StaticPod, read_manifest

RELIST_SECONDS = 20.0
"""The kubelet's ``fileCheckFrequency``."""

Stamp = tuple[int, int, int]


@dataclass
class ManifestFolder:
    """What the folder asks for, as of the last ``look``."""

    folder: Path
    problems: dict[str, str] = field(default_factory=dict)
    """Per file, why it cannot be read."""
    _pods: list[StaticPod] = field(default_factory=list)
    _stamps: dict[str, Stamp] = field(default_factory=dict)
    _relist_at: float = 0.0

    @property
    def pod(self) -> StaticPod | None:
        """The pod that shall run: the one that has waited longest."""
        return self._pods[0] if self._pods else None

    @property
    def waiting(self) -> list[str]:
        """The files whose pods wait for the running one to go."""
        return [pod.file for pod in self._pods[1:]]

    def look(self, now: float) -> None:
        """Take in what changed since the last time; everything, when a full listing is due."""
        stamps = self._listing()
        relist = now >= self._relist_at
        if relist:
            self._relist_at = now + RELIST_SECONDS
        elif stamps == self._stamps:
            return
        changed = {name for name, stamp in stamps.items() if self._stamps.get(name) != stamp}
        self._stamps = stamps
        self._keep([pod for pod in self._pods if pod.file in stamps])
        self.problems = {name: text for name, text in self.problems.items() if name in stamps}
        for name in sorted(stamps) if relist else sorted(changed):
            self._read(name, drop=relist)

    def _listing(self) -> dict[str, Stamp]:
        if not self.folder.is_dir():
            return {}
        try:
            files = [path for path in self.folder.iterdir() if not path.name.startswith(".") and path.is_file()]
            seen = [(path.name, path.stat()) for path in files]
        except OSError:  # a file went while we looked; the next look is near
            return self._stamps
        return {name: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in seen}

    def _read(self, name: str, *, drop: bool) -> None:
        try:
            pod = read_manifest(self.folder / name)
        except ManifestProblem as problem:
            self.problems[name] = str(problem)
            if drop:
                self._keep([pod for pod in self._pods if pod.file != name])
            return
        self.problems.pop(name, None)
        if all(known.uid != pod.uid for known in self._pods):
            self._keep([known for known in self._pods if known.file != name])
            self._pods.append(pod)

    def _keep(self, pods: list[StaticPod]) -> None:
        self._pods = pods
