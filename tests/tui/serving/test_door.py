"""Who gets in: names, origins and tokens."""

import pytest

from ckslab_tui.serving.door import Door, Refused

TOKEN = "right"
LOCAL = Door("127.0.0.1", TOKEN)
OPEN = Door("0.0.0.0", TOKEN)


def refusal(door: Door, path: str, host: str | None, origin: str | None = None, *, socket: bool = False) -> str:
    with pytest.raises(Refused) as refused:
        door.check(path, host, origin, socket=socket)
    return str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9000", "LOCALHOST", "[::1]:8000", "127.0.0.1"])
def test_names_of_this_machine_let_in(host: str) -> None:
    LOCAL.check(f"/{TOKEN}/", host, None, socket=False)
    LOCAL.check(f"/{TOKEN}/socket", host, f"http://{host}", socket=True)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@127.0.0.1:8000.evil.example",
        "localhost; script-src *",
        "192.168.1.2:8000",
        "[",
        "localhost:8000/evil.example@",
    ],
)
def test_another_name_is_refused_whatever_the_token(host: str | None) -> None:
    assert "by that name" in refusal(LOCAL, f"/{TOKEN}/", host)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "https://127.0.0.1:8000", "http://127.0.0.1:9000", "http://127.0.0.1:8000/x"],
)
@pytest.mark.parametrize("socket", [False, True])
def test_a_foreign_origin_is_refused_whatever_the_token(origin: str, socket: bool) -> None:
    assert "own page" in refusal(LOCAL, f"/{TOKEN}/socket", "127.0.0.1:8000", origin, socket=socket)


def test_a_socket_without_an_origin_is_no_pages() -> None:
    assert "own page" in refusal(LOCAL, f"/{TOKEN}/socket", "127.0.0.1:8000", None, socket=True)


@pytest.mark.parametrize("path", ["", "/", "//", "/wrong/", "/righ/", "/right2/", "/Right/", "/rïght/", "/x/right/"])
def test_without_the_token_there_is_nothing(path: str) -> None:
    assert "not complete" in refusal(LOCAL, path, "127.0.0.1:8000")


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {Door("127.0.0.1").token for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


@pytest.mark.parametrize("host", ["192.168.1.2:8000", "[fe80::1]:8000", "127.0.0.1:8000", "localhost:8000"])
def test_where_others_may_come_an_address_is_no_foreign_name(host: str) -> None:
    OPEN.check(f"/{TOKEN}/", host, None, socket=False)


def test_where_others_may_come_a_name_is_ours_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Workshop")
    OPEN.check(f"/{TOKEN}/", "workshop:8000", None, socket=False)
    Door("lab.example", TOKEN).check(f"/{TOKEN}/", "lab.example:8000", None, socket=False)
    assert "by that name" in refusal(OPEN, f"/{TOKEN}/", "evil.example:8000")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_what_only_this_machine_reaches_is_known(host: str, local: bool) -> None:
    assert Door(host).local is local
