"""The tables of the progress file, as the steps from one version of it to the next: data only.

A released step is never edited: files that were written by it are on learners' disks. What is new is a step more.
"""

from typing import Final

Steps = tuple[tuple[str, ...], ...]

STEPS: Final[Steps] = (
    (
        """
        CREATE TABLE attempts (
            id INTEGER PRIMARY KEY,
            scenario TEXT NOT NULL,
            version INTEGER NOT NULL,
            provider TEXT NOT NULL,
            started TEXT NOT NULL,
            ended TEXT NOT NULL,
            seconds REAL NOT NULL,
            outcome TEXT NOT NULL,
            points INTEGER,
            max_points INTEGER NOT NULL,
            hints INTEGER NOT NULL,
            solution INTEGER NOT NULL
        )
        """,
        "CREATE INDEX attempts_of_scenario ON attempts (scenario)",
        "CREATE TABLE solutions (scenario TEXT PRIMARY KEY, shown TEXT NOT NULL)",
    ),
    (
        """
        CREATE TABLE exams (
            seed INTEGER NOT NULL,
            started TEXT NOT NULL,
            ended TEXT NOT NULL,
            minutes REAL,
            seconds REAL NOT NULL,
            tasks INTEGER NOT NULL,
            pass_percent INTEGER NOT NULL,
            percent REAL,
            outcome TEXT NOT NULL,
            domains TEXT NOT NULL,
            PRIMARY KEY (started, seed)
        )
        """,
    ),
)
"""The statements that lead to version 1, to version 2, ...; the file's version is its ``user_version``."""
