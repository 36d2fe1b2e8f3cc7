"""Loading to a collated batch: our two storages against `.pth` files, MP4 files and a tar of them."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from datasets.config import PreparationConfig
from tests.benchmarks import inputs, storages
from tests.benchmarks.measure import Rates, Row, Setting, middle, rate_of, spread, take_turns, versus
from tests.benchmarks.storages import Store


class _Ratio(NamedTuple):
    name: str
    ours: str
    theirs: str
    target: str | None


_RATIOS = (
    _Ratio("load_raw_vs_pth_float", "raw", "pth_float", ">= 4"),
    _Ratio("load_raw_shuffled_vs_pth_float", "raw_shuffled", "pth_float_shuffled", ">= 4"),
    _Ratio("load_raw_in_training_vs_pth_float", "raw_in_training", "pth_float_shuffled", ">= 4"),
    _Ratio("load_raw_view_vs_pth_float", "raw_view", "pth_float", None),
    _Ratio("load_h264_vs_pth_float", "h264", "pth_float", ">= 1"),
    _Ratio("load_h264_shuffled_vs_pth_float", "h264_shuffled", "pth_float_shuffled", ">= 1"),
    _Ratio("load_h264_in_training_vs_pth_float", "h264_in_training", "pth_float_shuffled", ">= 1"),
    _Ratio("load_raw_vs_webdataset", "raw", "webdataset", ">= 1"),
    _Ratio("load_h264_vs_webdataset", "h264", "webdataset", ">= 1"),
    _Ratio("load_pth_uint8_vs_pth_float", "pth_uint8", "pth_float", None),
    _Ratio("load_mp4_vs_pth_float", "mp4", "pth_float", None),
)
_STREAMED_EPOCHS = 4
_BYTES = "load_raw_bytes_vs_pth_float"
_H264_BYTES = "load_h264_bytes_vs_pth_float"
NAMES = (*(ratio.name for ratio in _RATIOS), _BYTES, _H264_BYTES)
_WORDS = {
    "raw": "raw",
    "raw_shuffled": "raw, shuffled",
    "raw_in_training": "raw, shuffled, as training reads",
    "raw_view": "raw, views without a copy into a batch",
    "h264": "h264",
    "h264_shuffled": "h264, shuffled",
    "h264_in_training": "h264, shuffled, as training reads (two decoding tasks)",
    "pth_float": "float .pth",
    "pth_float_shuffled": "float .pth, shuffled",
    "pth_uint8": "uint8 .pth",
    "mp4": "MP4 files, spectrograms computed",
    "webdataset": "WebDataset's tar of MP4, read by tarfile and PyAV, spectrograms computed",
}


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of loading."""
    stores, contenders, num_clips = _contenders(setting)
    wanted = [ratio for ratio in _RATIOS if setting.wants(ratio.name)]
    needed = {name for ratio in wanted for name in (ratio.ours, ratio.theirs)}
    turns = {name: rate for name, rate in contenders.items() if name in needed}
    for rate in turns.values():
        rate()  # into the page cache
    rates = take_turns(turns, rounds=setting.choose(quick=1, full=6)) if turns else {}
    for ratio in wanted:
        yield _row(ratio, rates, stores, num_clips)
    for name, ours, target in ((_BYTES, "raw", "<= 0.26"), (_H264_BYTES, "h264", None)):
        sizes = stores[ours].clip_bytes, stores["pth_float"].clip_bytes
        detail = f"{ours} {sizes[0] / 1e6:.3g} MB/clip with sound and spectrogram, float .pth {sizes[1] / 1e6:.3g}"
        yield spread(name, [sizes[0] / sizes[1]], target=target, detail=detail)


def _row(ratio: _Ratio, rates: Rates, stores: dict[str, Store], num_clips: int) -> Row:
    ours, theirs = rates[ratio.ours], rates[ratio.theirs]
    sides = (
        f"{_WORDS[name]} {middle(values)} of {stores[_form(name)].clip_bytes / 1e6:.3g} MB"
        for name, values in ((ratio.ours, ours), (ratio.theirs, theirs))
    )
    detail = f"clips/s and MB/clip: {', '.join(sides)}; {num_clips} clips"
    return versus(ratio.name, ours, theirs, target=ratio.target, detail=detail)


def _form(contender: str) -> str:
    for ending in ("_shuffled", "_in_training", "_view"):
        contender = contender.removesuffix(ending)
    return contender


def _contenders(setting: Setting) -> tuple[dict[str, Store], dict[str, Callable[[], float]], int]:
    """Return the clips in every form, how fast each is read, and their number."""
    config = PreparationConfig(storage="raw", validation_share=0.0, test_share=0.0)
    sources = inputs.sources(setting, config)[: setting.choose(quick=2, full=8)]
    raw = storages.prepare(setting.folder / "raw", sources, config)
    h264_config = PreparationConfig(validation_share=0.0, test_share=0.0)
    h264 = storages.prepare(setting.folder / "h264", sources, h264_config)
    num_clips = 2 * len(raw.pairs)
    clips = functools.partial(storages.single_clips, raw)
    mp4, webdataset = storages.mp4(setting.folder / "mp4", clips(), config)
    stores = {
        "raw": storages.ours(raw),
        "h264": storages.ours(h264),
        "pth_float": storages.pth(setting.folder / "pth-float", clips(), as_float=True),
        "pth_uint8": storages.pth(setting.folder / "pth-uint8", clips(), as_float=False),
        "mp4": mp4,
        "webdataset": webdataset,
    }
    contenders = {name: functools.partial(_rate, store, num_clips) for name, store in stores.items()}
    for name in ("raw", "h264", "pth_float"):
        contenders[f"{name}_shuffled"] = functools.partial(_shuffled_rate, stores[name], num_clips, iter(range(10**6)))
    contenders["raw_view"] = functools.partial(_rate, storages.viewed(raw), num_clips)
    for name, dataset in (("raw", raw), ("h264", h264)):
        contenders[f"{name}_in_training"] = functools.partial(_stream_rate, dataset)
    return stores, contenders, num_clips


def _rate(store: Store, num_clips: int) -> float:
    return rate_of(num_clips, lambda: _exhaust(store.read(range(num_clips))))


def _shuffled_rate(store: Store, num_clips: int, number: Iterator[int]) -> float:
    order = storages.shuffled(num_clips, next(number))
    return rate_of(num_clips, lambda: _exhaust(store.read(order)))


def _stream_rate(dataset: storages.Dataset) -> float:
    """Return the rate over some epochs, from making the stream on: nothing was read ahead when the clock starts."""
    began = time.perf_counter()
    num_clips = sum(len(batch["frames"]) for batch in storages.streamed(dataset, num_epochs=_STREAMED_EPOCHS))
    return num_clips / (time.perf_counter() - began)


def _exhaust(batches: Iterator[storages.Batch]) -> None:
    for batch in batches:
        frames = batch["frames"]
        assert not isinstance(frames, np.ndarray) or frames.flags.writeable
