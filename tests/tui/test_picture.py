from pathlib import Path

from tests.tui.fakes import FakeService

from ckslab_tui.app.main import LabApp
from ckslab_tui.app.picture import draw, draw_catalogue


def test_the_picture_shows_task_evidence_and_shell_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    service = FakeService(tmp_path)
    picture = draw(LabApp(service), service.task(), ["a line"], "a line\na line")

    for words in (
        "Strangers&#160;cannot&#160;enter",
        "observed",
        "So&#160;that&#160;it&#160;stays&#160;shut.",
        "a&#160;line",
        "03:12&#160;of&#160;7&#160;min",
    ):
        assert words in picture
    assert "url(http" not in picture


def test_the_catalogues_picture_shows_scenarios_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    picture = draw_catalogue(LabApp(FakeService(tmp_path)))

    assert "Anybody&#160;can&#160;open&#160;the&#160;door" in picture
    assert "url(http" not in picture
