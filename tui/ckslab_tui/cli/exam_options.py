"""What the verbs of ``ckslab exam`` have in common."""

from ckslab_tui.cli.options import settings_on

PLANE = "exam"
"""A plane of its own: what is open on another is not disturbed."""

with_exam_settings = settings_on(PLANE)


def option(plane: str) -> str:
    """What to add to a command so that it is about this plane."""
    return "" if plane == PLANE else f" --plane {plane}"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``1 h 05 min``, ``4 min``, ``20 s``."""
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
