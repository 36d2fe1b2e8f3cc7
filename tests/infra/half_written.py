"""Stops in the middle of writing a file, until it is killed or told to go on.

python -m tests.infra.half_written FILE
"""

import sys
from pathlib import Path

import numpy as np

from datasets.media import write_video
from infra import storage


def wait():
    """Say that the file is half-written; return once there is a line to read."""
    print("half", flush=True)
    sys.stdin.readline()


def pictures():
    """Yield pictures, and wait between the first and the second half of them."""
    for number in range(30):
        if number == 15:
            wait()
        yield np.zeros((32, 32, 3), np.uint8)


def main():
    """Write a video or text."""
    path = sys.argv[1]
    if path.endswith(".mp4"):
        write_video(path, pictures(), np.zeros(16000), frame_rate=15, sample_rate=8000)
        return
    with storage.staged(path) as partial:
        Path(partial).write_text("half")
        wait()


if __name__ == "__main__":
    main()
