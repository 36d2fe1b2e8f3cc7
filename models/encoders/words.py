"""Texts to word vectors, looked up by a hash of each word, so that a vocabulary of any size is two tensors beside the weights."""

import functools
import hashlib
import re
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

_WORD = re.compile(r"[^\W_]+")


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


@functools.lru_cache(maxsize=2**17)
def word_key(word: str) -> int:
    """Return the number that a word is looked up by: its hash in 63 bits."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big") >> 1


class WordVectors(nn.Module):
    """Texts -> (batch, longest, dim) and which places hold a word; words that it does not know are left out.

    Args:
        num_words: Words that it can know.
        dim: Length of a vector.
        trained: Whether the vectors learn, from random ones; otherwise they stay what `fill` made them.
        most_words: Words of a text that are read.
    """

    keys: Tensor

    def __init__(self, num_words: int, dim: int, *, trained: bool, most_words: int = 32) -> None:
        super().__init__()
        self.register_buffer("keys", torch.full((num_words,), torch.iinfo(torch.int64).max))
        self.vectors = nn.Parameter(torch.empty(num_words, dim).normal_(0, dim**-0.5), requires_grad=trained)
        self.dim, self.most_words = dim, most_words

    def fill(self, words: Sequence[str], vectors: np.ndarray | None = None) -> None:
        """Take up words, the most frequent first, and their vectors where they are given; what does not fit is left out."""
        words = words[: len(self.keys)]
        keys = np.array([word_key(word) for word in words], np.int64)
        order = np.argsort(keys)
        with torch.no_grad():
            self.keys[: len(words)] = torch.from_numpy(keys[order])
            if vectors is not None:
                self.vectors[: len(words)] = torch.from_numpy(np.asarray(vectors[: len(words)], np.float32)[order])

    def forward(self, texts: Sequence[str]) -> tuple[Float[Tensor, "batch longest dim"], Bool[Tensor, "batch longest"]]:
        """Vectors of the known words of each text, in order, and where they are; at least one place."""
        rows = [self._places(text) for text in texts]
        longest = max(1, *(len(row) for row in rows))
        places = torch.full((len(rows), longest), -1, dtype=torch.int64)
        for number, row in enumerate(rows):
            places[number, : len(row)] = torch.tensor(row, dtype=torch.int64)
        places = places.to(self.vectors.device)
        known = places >= 0
        return self.vectors[places.clamp(min=0)] * known[:, :, None], known

    def knows(self, text: str) -> bool:
        """Whether any word of a text is known."""
        return bool(self._places(text))

    def _places(self, text: str) -> list[int]:
        keys = torch.tensor([word_key(word) for word in split_words(text)], dtype=torch.int64, device=self.keys.device)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return places[self.keys[places] == keys][: self.most_words].tolist()
