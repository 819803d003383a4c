"""How much time has passed for whoever sits an exam, whatever happens to the machine or to its clock."""

import time
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Clock:
    """Time that has passed, and when it was looked at.

    Within one boot of the machine the seconds since the boot count, sleep included (CLOCK_BOOTTIME of
    clock_gettime(2)), so that setting the clock changes nothing. From one boot to the next nothing but the clock can
    tell; it never takes time back.
    """

    spent: float
    """Seconds."""
    wall: float
    """Seconds since 1970, when ``spent`` was right."""
    boot: float
    """Seconds since the boot at that moment."""
    boot_id: str
    """Which boot."""

    @classmethod
    def begin(cls) -> "Clock":
        """Nothing has passed."""
        return cls(0.0, time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), _BOOT.read_text().strip())

    def now(self) -> "Clock":
        """The same, a while later."""
        here = Clock.begin()
        passed = here.boot - self.boot if here.boot_id == self.boot_id else here.wall - self.wall
        return Clock(self.spent + max(passed, 0.0), here.wall, here.boot, here.boot_id)
