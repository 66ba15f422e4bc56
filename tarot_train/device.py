"""Devices to train on."""

import os
import platform
import re
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Device:
    """kind: cuda, mps or cpu; gpu for one that is only planned for. memory_gib: of the accelerator, or of the machine for cpu.

    threads: of torch on a CPU. processes: number that train together, each on such a device (on a CPU they share it).
    gpus: that this process sees. sharded: whether the processes divide the base between them (FSDP).
    """

    kind: str
    name: str
    memory_gib: float
    bfloat16: bool
    threads: int = 0
    processes: int = 1
    gpus: int = 1
    sharded: bool = False

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def find() -> Device:
    """Find the best device: CUDA, else Apple's, else the CPU (also if torch is not installed, for planning)."""
    memory = round(memory_of_machine_gib(), 1)
    if find_spec("torch") is None or not _may_have_accelerator():
        return Device(kind="cpu", name=platform.machine(), memory_gib=memory, bfloat16=False, threads=_threads())
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Device(
            kind="cuda",
            name=properties.name,
            memory_gib=round(properties.total_memory / 2**30, 1),
            bfloat16=torch.cuda.is_bf16_supported(),
            gpus=torch.cuda.device_count(),
        )
    threads = torch.get_num_threads()
    if torch.backends.mps.is_available():
        return Device(kind="mps", name=platform.processor() or "Apple", memory_gib=memory, bfloat16=True)
    return Device(kind="cpu", name=platform.machine(), memory_gib=memory, bfloat16=False, threads=threads)


ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Devices of the Linux drivers of NVIDIA and AMD, and of both under WSL."""


def _may_have_accelerator() -> bool:
    """Check whether it takes torch, 2 s, to know the device: not on Linux without any driver."""
    return sys.platform != "linux" or any(Path(path).exists() for path in ACCELERATORS)


def _threads() -> int:
    """Return the number of threads that torch uses on this machine's CPU by default."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> str:
    """Describe the device in one line: `cpu x86_64, 2 threads, 15.6 GiB`."""
    found = find()
    threads = f", {found.threads} threads" if found.threads else ""
    return f"{found.kind} {found.name}{threads}, {found.memory_gib} GiB"


def memory_of_machine_gib() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return 0.0


def release() -> None:
    """Give the memory of models that nothing refers to any more back to the device."""
    import gc

    gc.collect()  # a trainer and its callbacks refer to each other
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_memory_gib() -> float:
    """Return the peak memory of this process so far, in GiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would include the peak of the parent process (Linux keeps it over exec).
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
        if found:
            return int(found[1]) / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
