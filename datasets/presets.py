"""Named configurations of preparation."""

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig

PRESETS = {
    "published": PreparationConfig(),
    "demo": PreparationConfig(
        clip_seconds=2.0,
        frame_rate=15.0,
        size=64,
        sample_rate=16000,
        min_shift_seconds=0.5,
        max_shift_seconds=3.0,
        pairs_per_video=2,
        storage="raw",
        log_mel=LogMelConfig(num_bins=32),
        validation_share=0.08,
        test_share=0.15,
    ),
    "sounds": PreparationConfig(
        modalities=("sound",),
        clip_seconds=5.0,
        sample_rate=22050,
        log_mel=LogMelConfig(window_ms=40.0, hop_ms=20.0),
    ),
}
"""The published recipe; small clips of which a laptop learns in minutes; sounds without picture as ESC-10 and SoundNet have them."""
