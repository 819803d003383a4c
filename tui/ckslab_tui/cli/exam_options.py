"""What the verbs of ``ckslab exam`` have in common."""

from ckslab_tui.cli.options import settings_on
from ckslab_tui.exams import PLANE

with_exam_settings = settings_on(PLANE)


def option(plane: str) -> str:
    """What to add to a command so that it is about this plane."""
    return "" if plane == PLANE else f" --plane {plane}"
