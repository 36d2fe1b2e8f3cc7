"""The synthetic scenes keep what they promise: one heard object, exact in place and time."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.scenes.picture import height_and_dent
from datasets.scenes.scene import DIFFICULTIES, Level, Scene, draw_scene
from datasets.sources import synthetic
from infra.errors import InputError

LEVELS: tuple[Level, ...] = ("easy", "medium", "hard")


def make(
    seed: int,
    level: Level = "medium",
    *,
    seconds: float = 5.0,
    frame_rate: float = 15.0,
    size: int = 64,
    sample_rate: int = 16000,
) -> Scene:
    return draw_scene(
        seed,
        level=level,
        seconds=seconds,
        frame_rate=frame_rate,
        size=size,
        sample_rate=sample_rate,
    )


def stack(scene: Scene) -> np.ndarray:
    return np.stack(list(scene.frames()))


def visible(level: Level, count: int) -> list[Scene]:
    scenes = (make(seed, level) for seed in range(100))
    return [scene for scene in scenes if not scene.off_screen][:count]


@pytest.mark.parametrize("level", LEVELS)
def test_same_seed_gives_same_scene_and_another_seed_another(level: Level) -> None:
    first, again, other = make(3, level), make(3, level), make(4, level)
    np.testing.assert_array_equal(stack(first), stack(again))
    np.testing.assert_array_equal(first.waveform(), again.waveform())
    assert first.box == again.box
    assert (stack(first) != stack(other)).mean() > 0.5
    assert not np.array_equal(first.waveform(), other.waveform())


@pytest.mark.parametrize("frame_rate", [15.0, 29.97, 30.0])
@pytest.mark.parametrize("size", [32, 64, 96, 130])
def test_frames_and_samples_have_the_asked_number_and_size(frame_rate: float, size: int) -> None:
    scene = make(1, "hard", seconds=2.0, frame_rate=frame_rate, size=size, sample_rate=22050)
    frames, waveform = stack(scene), scene.waveform()
    assert frames.shape == (round(2.0 * frame_rate), size, size, 3)
    assert frames.dtype == np.uint8
    assert waveform.shape == (44100,)
    assert waveform.dtype == np.float32
    assert np.abs(waveform).max() <= 1.0


def test_size_and_rates_change_resolution_only() -> None:
    small, large = make(5), make(5, size=128, frame_rate=30.0, sample_rate=44100)
    np.testing.assert_array_equal(small.strike_seconds, large.strike_seconds)
    assert small.box is not None and large.box is not None
    np.testing.assert_allclose(small.box, large.box, atol=0.03)
    halved = stack(large)[::2].reshape(75, 64, 2, 64, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - stack(small)).mean() < 6.0


@pytest.mark.parametrize("level", LEVELS)
def test_box_holds_every_pixel_the_sounding_object_changes_and_little_else(level: Level) -> None:
    for scene in visible(level, 4):
        scene = replace(scene, occluder=None)
        others = tuple(s for i, s in enumerate(scene.strikers) if i != scene.sounding)
        # The sounding object last, so that no neighbor that overlaps it hides its pixels.
        alone = replace(scene, strikers=(*others, scene.strikers[scene.sounding or 0]))
        without = replace(scene, strikers=others)
        changed = (stack(alone) != stack(without)).any(axis=(0, 3))
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        true = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / scene.size
        assert scene.box is not None
        box = np.array(scene.box)
        assert (box[:2] <= true[:2] + 1e-9).all() and (box[2:] >= true[2:] - 1e-9).all()
        assert np.abs(box - true).max() < 2.5 / scene.size
        assert (box[2:] - box[:2] > 0.19).all() and (box[2:] - box[:2] < 0.40).all()


def test_contact_is_seen_at_each_heard_strike_within_half_a_frame() -> None:
    frame_rate = 60.0
    kinds = set()
    for seed in range(8):
        scene = make(seed, "easy", seconds=3.0, frame_rate=frame_rate, size=96)
        assert scene.sounding is not None
        striker = scene.strikers[scene.sounding]
        kinds.add(striker.kind)
        alone = stack(replace(scene, strikers=(striker,))).astype(float)
        empty = stack(replace(scene, strikers=()))[0]
        ink = np.abs(alone - empty).sum(axis=3)
        middle = (ink.sum(axis=2) * np.arange(96)).sum(axis=1) / ink.sum(axis=(1, 2))
        for strike in scene.strike_seconds:
            near = np.flatnonzero(np.abs(scene.frame_seconds - strike) < 0.12)
            if 0.12 < strike < 2.88:
                lowest = scene.frame_seconds[near[np.argmax(middle[near])]]
                assert abs(lowest - strike) <= 0.5 / 15.0
                # The true contact is exact; the pushed bar may hold the lowest frame one longer.
                assert abs(lowest - strike) <= 1.5 / frame_rate
    assert kinds == {"ball", "hammer", "mallet"}


@pytest.mark.parametrize("kind", ["ball", "hammer", "mallet"])
def test_objects_touch_their_bar_exactly_at_strikes_and_rise_between(kind: str) -> None:
    strikes = make(0).strike_seconds
    at_strikes, _ = height_and_dent(kind, strikes, times=strikes[:-1])  # type: ignore[arg-type]
    np.testing.assert_allclose(at_strikes, 0.0, atol=1e-9)
    between = 0.5 * (strikes[1:] + strikes[:-1])
    assert (height_and_dent(kind, strikes, times=between)[0] > 0.5).all()  # type: ignore[arg-type]


def test_sound_of_a_strike_starts_at_its_sample() -> None:
    scene = make(2, "easy", sample_rate=44100)
    source = scene.sounds[0]
    whole = scene.waveform()
    for index in np.flatnonzero((source.strikes > 0.0) & (source.strikes < scene.seconds - 0.1)):
        gains = source.strike_gains.copy()
        gains[index] = 0.0
        without = replace(scene, sounds=(replace(source, strike_gains=gains),)).waveform()
        changed = np.flatnonzero(np.abs(whole - without) > 1e-5)
        assert abs(changed[0] / 44100 - source.strikes[index]) < 1e-3


def test_motion_and_sound_run_on_before_the_start_and_after_the_end() -> None:
    for seed in range(20):
        scene = make(seed)
        for strikes in (s.strikes for s in (*scene.strikers, *scene.sounds)):
            gaps = np.diff(strikes)
            assert strikes[0] < -1.9 and strikes[-1] > scene.seconds
            assert gaps.min() >= 0.25 and gaps.max() <= 0.8
    loud_start = [np.abs(make(seed, "easy").waveform()[:160]).max() for seed in range(20)]
    assert np.mean(np.array(loud_start) > 1e-4) > 0.5


def test_strike_times_of_objects_are_independent_and_continuous() -> None:
    scene = make(7, "hard")
    first, second = scene.strikers[0].strikes, scene.strikers[1].strikes
    assert np.abs(first[:, None] - second[None, :]).min() > 0.0
    phase = np.concatenate([make(seed).strike_seconds * 15.0 % 1.0 for seed in range(60)])
    assert np.histogram(phase, bins=4, range=(0, 1))[0].min() > 0.2 * len(phase)


@pytest.mark.parametrize("level", ["medium", "hard"])
def test_sounding_object_is_placed_and_drawn_like_the_others(level: Level) -> None:
    scenes = [make(seed, level, seconds=1.0) for seed in range(600)]
    index = np.array([s.sounding for s in scenes if s.sounding is not None])
    num = len(scenes[0].strikers)
    counts = np.bincount(index, minlength=num)
    assert (np.abs(counts / len(index) - 1 / num) < 0.08).all()
    sounding, silent = [], []
    for scene in scenes:
        for i, striker in enumerate(scene.strikers):
            cell = (striker.x0, striker.y0, striker.x1, striker.y1, *striker.color / 255.0)
            (sounding if i == scene.sounding else silent).append(cell)
    np.testing.assert_allclose(np.mean(sounding, axis=0), np.mean(silent, axis=0), atol=0.06)
    np.testing.assert_allclose(np.std(sounding, axis=0), np.std(silent, axis=0), atol=0.06)
    centers = np.array([((a + c) / 2, (b + d) / 2) for a, b, c, d, *_ in sounding])
    np.testing.assert_allclose(centers.mean(axis=0), 0.5, atol=0.04)
    quarters = np.histogram2d(*centers.T, bins=2, range=[[0, 1], [0, 1]])[0] / len(centers)
    assert (np.abs(quarters - 0.25) < 0.07).all()


def test_silent_objects_move_as_much_as_the_sounding_one() -> None:
    moved: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(40):
        scene = make(seed, "easy")
        for index, striker in enumerate(scene.strikers):
            height, _ = height_and_dent(striker.kind, striker.strikes, times=scene.frame_seconds)
            moved[index == scene.sounding].append(float(np.abs(np.diff(height)).mean()))
    assert np.mean(moved[True]) == pytest.approx(np.mean(moved[False]), rel=0.1)


def test_sound_comes_from_the_named_object_alone() -> None:
    for scene in visible("medium", 5):
        assert scene.sounding is not None and len(scene.sounds) == 1
        assert scene.sounds[0].strikes is scene.strikers[scene.sounding].strikes


def test_off_screen_scenes_have_no_box_and_no_object_with_the_heard_strikes() -> None:
    for level, low, high in (("easy", 0.0, 0.0), ("medium", 0.06, 0.14), ("hard", 0.11, 0.19)):
        scenes = [make(seed, level, seconds=1.0) for seed in range(800)]  # type: ignore[arg-type]
        share = np.mean([scene.off_screen for scene in scenes])
        assert low <= share <= high
        for scene in scenes:
            assert (scene.box is None) == scene.off_screen
            if scene.off_screen:
                for striker in scene.strikers:
                    assert not np.isin(scene.strike_seconds, striker.strikes).any()


def test_levels_add_objects_noise_shake_occluder_and_another_source() -> None:
    quiet = {}
    for level in LEVELS:
        scene = visible(level, 1)[0]
        assert len(scene.strikers) == DIFFICULTIES[level].num_distractors + 1
        assert (scene.occluder is not None) == (level == "hard")
        assert len(scene.sounds) == (2 if level == "hard" else 1)
        quiet[level] = scene.noise_rms
        still = stack(replace(scene, strikers=(), occluder=None)).astype(float)
        changes = np.abs(np.diff(still, axis=0)).mean()
        low, high = {"easy": (0.0, 0.0), "medium": (0.3, 6.0), "hard": (1.0, 15.0)}[level]
        assert low <= changes <= high
    assert quiet["easy"] == 0.0 < quiet["medium"] < quiet["hard"]


def test_objects_hardly_overlap() -> None:
    for seed in range(100):
        cells = [(s.x0, s.y0, s.x1, s.y1) for s in make(seed, "hard").strikers]
        for i, a in enumerate(cells):
            for b in cells[:i]:
                wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
                assert max(wide, 0.0) * max(tall, 0.0) < 0.01


def test_right_step_and_right_object_show_at_half_of_64_pixels() -> None:
    """A simple statistic suffices: motion in an object's cell against onsets of the sound."""
    in_step, found = [], []
    for scene in visible("medium", 12):
        gray = stack(scene).reshape(75, 32, 2, 32, 2, 3).mean(axis=(2, 4, 5))
        motion = np.abs(np.diff(gray, axis=0, prepend=gray[:1]))
        motion -= np.median(motion, axis=(1, 2), keepdims=True)
        per_frame = np.abs(scene.waveform())[: 75 * 1066].reshape(75, 1066).mean(axis=1)
        onsets = np.maximum(np.diff(np.log(per_frame + 1e-4), prepend=0.0), 0.0)

        def score(number: int, begin: int, heard: int) -> float:
            s = scene.strikers[number]  # noqa: B023
            rows = slice(int(s.y0 * 32), int(s.y1 * 32) + 1)
            columns = slice(int(s.x0 * 32), int(s.x1 * 32) + 1)
            seen = motion[begin : begin + 31, rows, columns].mean(axis=(1, 2))  # noqa: B023
            sound = onsets[heard : heard + 30]  # noqa: B023
            return max(np.corrcoef(seen[lag : lag + 30], sound)[0, 1] for lag in (0, 1))

        numbers = range(len(scene.strikers))
        for begin in (1, 12):
            right = [score(number, begin, begin) for number in numbers]
            in_step.append(max(right) > max(score(number, begin, begin + 22) for number in numbers))
            found.append(int(np.argmax(right)) == scene.sounding)
    assert np.mean(in_step) > 0.85
    assert np.mean(found) > 0.85


def test_unknown_level_and_empty_scene_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="easy, medium, hard"):
        make(0, "extreme")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="size 0"):
        make(0, size=0)


DRAWN = {
    "easy": ([52.773, 63.683, 74.990], 63.207, 0.011917),
    "medium": ([175.844, 136.565, 135.621], 148.620, 0.055185),
    "hard": ([168.604, 151.177, 131.134], 152.828, 0.049459),
}
"""Of a scene: mean color, mean of the last frame's left half, mean of the absolute sound. Sums, since processors round pixels differently."""


@pytest.mark.parametrize("level", LEVELS)
def test_scenes_are_drawn_as_in_earlier_versions(level: Level) -> None:
    drawn = synthetic.scene(3, seed=1, level=level, seconds=1.0, size=32)
    frames, colors = stack(drawn), DRAWN[level][0]
    np.testing.assert_allclose(frames.mean(axis=(0, 1, 2)), colors, atol=0.002)
    np.testing.assert_allclose(frames[-1, :, :16].mean(), DRAWN[level][1], atol=0.002)
    np.testing.assert_allclose(np.abs(drawn.waveform()).mean(), DRAWN[level][2], rtol=1e-4)
