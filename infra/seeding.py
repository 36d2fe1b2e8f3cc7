"""Chance that repeats: every draw comes from named parts, so that no draw depends on another's order."""

import hashlib
import random

import numpy as np


def digest(*parts: object) -> bytes:
    """Return 16 bytes that stand for the parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def hash_fraction(seed: int, key: str) -> float:
    """Return a number in [0, 1) that depends on seed and key alone."""
    return int.from_bytes(digest(seed, key)[:7], "big") / 2**56


def generator(*parts: object) -> np.random.Generator:
    """Return a random generator that depends on the parts alone."""
    return np.random.default_rng(np.frombuffer(digest(*parts), np.uint32))


def seed_everything(seed: int, *, rank: int = 0) -> None:
    """Seed Python, numpy and torch; ranks differ."""
    import torch

    random.seed(f"{seed}-{rank}")
    np.random.seed((seed * 1009 + rank) % 2**32)
    torch.manual_seed(seed * 1009 + rank)
