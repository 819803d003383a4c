"""Write the JSON Schemas of scenario.yaml and suite.yaml: ``python -m ckslab_checker.schemas FOLDER``."""

import sys
from pathlib import Path

from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.schema import write_schemas

if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]), PROBES)
