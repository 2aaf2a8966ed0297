"""One stream of random numbers for each step, so that a resumed run draws what it would have drawn."""

from __future__ import annotations

import hashlib

import torch

__all__ = ["generator_for"]


def generator_for(seed: int, step: int, *, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose numbers depend on its arguments alone."""
    key = f"{stream}/{seed}/0/{step}".encode()  # the 0 was something once: numbers stay what they were
    number = int.from_bytes(hashlib.blake2b(key, digest_size=7).digest(), "big")
    return torch.Generator(device).manual_seed(number)
