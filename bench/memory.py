"""The most memory that this process had resident, by the kernel's own count.

`getrusage` would tell that of the process which started this one, if that had more.
"""

from __future__ import annotations

from pathlib import Path

OWN = Path("/proc/self")


def peak_mib() -> float:
    """The peak since the start of the program, or since it was last forgotten."""
    line = next(line for line in (OWN / "status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Has the peak begin anew with what is resident at the moment."""
    (OWN / "clear_refs").write_text("5")
