"""What ckslab costs, measured: ``python -m bench`` prints one table and writes ``bench/out/results.json``.

Timings live here and not in tests: a slow machine is not a defect. Every figure has a limit beside it, and what others
take for the same work is measured in the same run, so that a slow moment hits both.
"""
