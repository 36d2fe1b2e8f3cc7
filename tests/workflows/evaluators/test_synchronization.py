import numpy as np
import torch

from workflows.evaluators.synchronization import score_pairs, summarize, swapped_sounds
from workflows.recipes import multisensory


def windows(num_videos):
    chance = np.random.default_rng(0)
    starts = chance.uniform(0, 4, (num_videos, 2)).round(2)
    return {
        "video_id": [f"v{i}" for i in range(num_videos) for _ in "ab"],
        "recording_id": [f"v{i}" for i in range(num_videos) for _ in "ab"],
        "label": ["x"] * (2 * num_videos),
        "start_seconds": starts.ravel().tolist(),
        "shift_seconds": np.stack([starts[:, 1] - starts[:, 0], starts[:, 0] - starts[:, 1]], 1).ravel().tolist(),
    }


def test_one_modality_alone_is_right_exactly_half_the_time():
    config = multisensory.tiny()
    table = windows(6)
    chance = np.random.default_rng(1)
    clips = {
        "frames": chance.integers(0, 255, (12, config.num_frames, 32, 32, 3), np.uint8),
        "log_mel": chance.normal(-8, 3, (12, config.num_bins, config.num_hops)).astype(np.float32),
    }
    module = multisensory.build(config).modules["network"].eval()
    with torch.inference_mode():
        report = summarize(score_pairs(module, lambda columns: [clips | table]))
    assert report["audio_only_accuracy"] == 0.5
    assert report["video_only_accuracy"] == 0.5
    assert report["num_pairs"] == 6


def test_swapped_sounds_come_from_other_recordings_at_the_nearest_starts():
    table = windows(40)
    chosen = swapped_sounds(table)
    starts = np.asarray(table["start_seconds"])
    for window, swaps in enumerate(chosen):
        assert (swaps // 2 != window // 2).all()
        foreign = np.abs(np.delete(starts, [window - window % 2, window - window % 2 + 1]) - starts[window])
        assert np.allclose(np.abs(starts[swaps[:, 0]] - starts[window]), np.sort(foreign)[: len(swaps)])


def test_without_another_recording_nothing_is_swapped():
    assert (swapped_sounds(windows(1)) == -1).all()
