"""What a process has cost so far, by the account of the kernel (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_s", "resident_mib"]


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used, all threads together."""
    # The name of the program, in brackets, may hold spaces; the times are fields 14 and 15.
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks: int = os.sysconf("SC_CLK_TCK")
    return (int(after_name[11]) + int(after_name[12])) / ticks


def resident_mib(pid: int) -> float:
    """Memory that a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident = next(line for line in status if line.startswith("VmRSS:"))
    return int(resident.split()[1]) / 1024
