"""`firstpass worker` on a machine with two CUDA devices, both of which are this machine's CPU.

With the settings of a worker in the environment.
"""

from __future__ import annotations

import torch

from backend.processes.worker import run_worker
from backend.settings import load_settings
from models.devices import CudaDevice

DEVICES = (CudaDevice("cpu", "GPU-one"), CudaDevice("cpu", "GPU-two"))


def main() -> None:
    """Works on one of the two; without torch's threads, of which a test has too many."""
    torch.set_num_threads(1)
    run_worker(load_settings(), devices=lambda: DEVICES)
