import pytest

from ckslab_labs.binaries.refusals import explain

CAUSES = [
    ("/go/link: mapping output file failed: no space left on device", "the disk is full"),
    ("go: go.mod requires go >= 1.26.0 (running go 1.24.1; GOTOOLCHAIN=local)", "this Go is too old"),
    ("go: download go1.99.0: x/toolchain@v0.0.1-go1.99.0.linux-amd64: 403 Forbidden", "this Go is too old"),
    ("go: errors parsing go.mod: invalid go version '1.26.0': must match format 1.23", "this Go is too old"),
    ("verifying k8s.io/api@v0.36.3: checksum mismatch", "what was fetched is not what ckslab asked for"),
    (
        "k8s.io/api@v0.36.3: Get: dial tcp 127.0.0.1:9: connect: connection refused",
        "the Go module proxy gave no answer",
    ),
    ("module lookup disabled by GOPROXY=off", "the Go module proxy gave no answer"),
    ("k8s.io/api@v0.36.3: reading: 503 Service Unavailable", "the Go module proxy gave no answer"),
    ("k8s.io/kubernetes/pkg/apis/core/v1: /go/compile: signal: killed", "memory ran out"),
    ("go: could not create module cache: mkdir /x: read-only file system", "a folder that Go needs is not writable"),
    ("main.go:7:2: undefined: x", "Go failed"),
]


@pytest.mark.parametrize(("line", "cause"), CAUSES, ids=[cause for _, cause in CAUSES])
def test_the_cause_is_read_from_the_last_words(line: str, cause: str) -> None:
    error = explain("build etcd 3.6.16", ["# some/package", line])
    assert error.seen.startswith(cause)
    assert error.seen.endswith(f"last words were:\n  # some/package\n  {line}")
    assert error.remedy


def test_only_the_last_five_lines_are_shown() -> None:
    error = explain("build etcd 3.6.16", [f"line {number}" for number in range(9)])
    assert error.seen == "Go failed; its last words were:\n  line 4\n  line 5\n  line 6\n  line 7\n  line 8"
