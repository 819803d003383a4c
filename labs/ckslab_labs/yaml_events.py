"""The events of a YAML text, one by one, for readers that judge them before anything is built from them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: five times faster, the same events."""


def events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events.

    Newer versions of libyaml look ahead, and give up 1000 levels down before they tell of the first. They are told here
    all the same, so that whoever counts levels finds the place by itself.

    Raises:
        yaml.YAMLError: the text is not YAML.

    """
    told = 0
    try:
        for event in yaml.parse(text, Loader=PARSER):
            told += 1
            yield event
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is None or "maximum nesting depth" not in str(error):
            raise
        yield from islice(yaml.parse(text[: error.problem_mark.index], Loader=PARSER), told, None)
        raise
