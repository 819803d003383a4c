"""Short pauses: what is there for good is not looked at again and again by the garbage collector.

Once everything is loaded the process holds some 300,000 objects (Textual, pydantic, a Kubernetes client), and every few
checks make enough garbage for the collector to go through all of them: a tenth of a second in which no key is answered,
in whichever thread it falls due.
"""

import gc


def spare_what_is_loaded() -> None:
    """Have the collector look only at what is made from here on; once in a process, as what is garbage now stays."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
