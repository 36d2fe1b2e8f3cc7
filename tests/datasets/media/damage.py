"""Small media files, and how copies with flipped bytes end: read in a process of its own, as a native decoder may crash.

python -m tests.datasets.media.damage FILE NUM_COPIES
"""

import json
import sys
from collections import Counter
from pathlib import Path

import av
import numpy as np

from datasets.media import MediaError, Window, coding_of, cut, display_size, probe, read_sound
from datasets.media.encode import sound_frame

RATE = 32000
_WINDOWS = [Window(start_seconds=start, sound_start_seconds=start) for start in (0.1, 0.7)]
_MOST_FLIPS = (1, 8, 64)


def write(path, *, seconds=2, video="libx264", audio="mp2", num_sounds=1, sound=None, rate=RATE):
    """Write a small file with one picture and some sounds."""
    waveform = np.zeros(seconds * rate, np.float32) if sound is None else sound
    with av.open(str(path), "w") as container:
        picture = container.add_stream(video, rate=15)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        picture.options = {"x265-params": "log-level=none"} if video == "libx265" else {}
        sounds = [container.add_stream(audio, rate=rate, layout="mono") for _ in range(num_sounds)]
        for number in range(15 * seconds):
            gray = np.full((32, 32, 3), number % 200, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(gray, format="rgb24")))
        container.mux(picture.encode(None))
        for stream in sounds:
            container.mux(stream.encode(sound_frame(waveform, rate, 0)))
            container.mux(stream.encode(None))
    return path


def flipped(data, seed):
    """Return a copy with 1, 8 or 64 bits flipped, a third of the copies in their first kilobytes."""
    chance = np.random.default_rng(seed)
    within = min(len(data), 4096) if chance.random() < 0.33 else len(data)
    changed = bytearray(data)
    for place in chance.integers(0, within, int(chance.choice(_MOST_FLIPS))):
        changed[place] ^= 1 << int(chance.integers(8))
    return bytes(changed)


def read_all(path):
    """Return how each function of datasets.media ended."""
    readers = {
        "probe": probe,
        "display_size": display_size,
        "coding_of": coding_of,
        "read_sound": lambda path: read_sound(path, line=probe(path), sample_rate=8000, longest_seconds=9),
        "cut": lambda path: list(
            cut(path, _WINDOWS, line=probe(path), clip_seconds=0.5, frame_rate=8, size=32, sample_rate=8000)
        ),
    }
    endings = {}
    for name, reader in readers.items():
        try:
            reader(path)
            endings[name] = "read"
        except MediaError:
            endings[name] = "named error"
    return endings


def main():
    """Print a JSON object: how often each function ended in which way."""
    whole, num_copies = Path(sys.argv[1]), int(sys.argv[2])
    copy, data, found = whole.with_name(f"copy{whole.suffix}"), whole.read_bytes(), Counter()
    for seed in range(num_copies):
        copy.write_bytes(flipped(data, seed))
        found.update(f"{name}: {ending}" for name, ending in read_all(copy).items())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
