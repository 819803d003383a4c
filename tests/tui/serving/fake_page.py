"""The app as a page's, with a service without a cluster and bash in its terminal: ``python -m … FOLDER [open]``."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.tui.fakes import ENTRY, FakeService

from ckslab_tui.app.page import PageApp, run_app


def main() -> None:
    folder, *words = sys.argv[1:]
    service = FakeService(Path(folder))
    os.chdir(folder)
    os.environ["PS1"] = "here$ "
    service.line = "exec bash --norc -i"
    if "open" in words:
        service.listed = replace(service.listed, open=ENTRY.id)
    run_app(PageApp(service))


if __name__ == "__main__":
    main()
