"""Where torch networks run and in which precision."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

from categoriser.errors import ConfigurationError, MissingExtraError

# torch is an optional dependency and takes seconds to import: only functions that need it do so
Torch = Any


@dataclass(frozen=True, slots=True)
class Runtime:
    """A torch device and whether its matrix products are done in bfloat16."""

    device: str
    bf16: bool

    def __str__(self) -> str:
        """As reported: ``cuda:0 (bf16)``."""
        return f"{self.device} (bf16)" if self.bf16 else self.device


def require_torch() -> None:
    """Check for the optional dependencies without the seconds that importing them takes.

    Raises:
        MissingExtraError: one is not installed.
    """
    for package in ("torch", "transformers", "sentence_transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"This encoder needs {package}, which is not installed: pip install -e '.[clip]', "
                'or use encoder = "classic".'
            )


def choose_runtime(device: str | None, threads: int = 0) -> Runtime:
    """Take ``device``, or the best there is: CUDA, then Apple's MPS, then the processor.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; None chooses.
        threads: processor threads of torch in this process; 0 leaves them as they are.

    Raises:
        ConfigurationError: the device is unknown or not there.
    """
    import torch  # noqa: PLC0415

    if threads:
        torch.set_num_threads(threads)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = device.partition(":")
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if kind not in present or (number and not number.isdecimal()):
        raise ConfigurationError(f"Unknown device {device!r}: use cpu, cuda, cuda:N or mps.")
    if int(number or 0) >= present[kind]:
        raise ConfigurationError(f"Device {device!r} is not there ({present[kind]} of its kind found): use cpu.")
    if kind == "cuda":
        return Runtime(f"cuda:{number or 0}", bf16=bool(torch.cuda.is_bf16_supported(including_emulation=False)))
    return Runtime(kind, bf16=kind == "cpu" and processor_multiplies_bf16(torch))


def processor_multiplies_bf16(torch: Torch) -> bool:
    """Whether the processor has bfloat16 products (AMX or AVX-512); elsewhere bf16 is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
