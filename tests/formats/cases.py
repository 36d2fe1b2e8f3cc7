"""The sources that are tried: every case is a file that differs from an ordinary one in what its fields say."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

PART_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One source, and what must come of it."""

    name: str
    """File name; its ending chooses the container."""
    oddity: str = ""
    """What is special about it, in words."""
    video: str = "libx264"
    """Encoder of the picture; none where there is no picture."""
    audio: str = "aac"
    """Encoder of the sound; none where there is no sound."""
    layout: str = "stereo"
    sample_rate: int = 48000
    frame_rate: Fraction = Fraction(30)
    variable: bool = False
    size: tuple[int, int] = (128, 96)
    pixels: str = "yuv420p"
    matrix: Literal["", "bt601", "bt709", "bt2020"] = ""
    """Tagged so; untagged is BT.601, and BT.709 from 720 lines on, as players guess."""
    full_range: bool = False
    transfer: Literal["", "pq", "hlg"] = ""
    rotation: int = 0
    """Degrees counterclockwise from what is stored to what is shown."""
    mirrored: bool = False
    """Shown with left and right exchanged, after the rotation."""
    pixel_aspect: Fraction = Fraction(1)
    picture: tuple[float, float] = (0.0, 5.0)
    sound: tuple[float, float] = (0.0, 5.0)
    """Seconds in which there is picture, and sound."""
    clocks: tuple[float, ...] = (0.0,)
    """Where the clock stands at the beginning of each part of 5 s."""
    skipped: tuple[float, float] | None = None
    """Seconds that the edit list leaves out."""
    tracks: Literal["", "silent first", "foreign first", "cover last", "cover first", "gray last", "gray first"] = ""
    """A further stream; the right one is flagged default."""
    encoder: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Options of the picture's encoder."""
    muxer: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Options of the container."""
    num_windows: int = 2
    left_out: float | None = 0.0
    """Seconds that no window may show; not measured where picture or sound alone is missing."""
    error: str = ""
    """Reason of the one line that a user gets in place of clips."""

    @property
    def joined(self) -> bool:
        """Whether its parts are files of their own, joined byte by byte; otherwise the clock jumps within one file."""
        return len(self.clocks) > 1 and self.name.endswith((".ts", ".mpg"))

    @property
    def roles(self) -> list[str]:
        """What its streams hold, in their order."""
        further, _, place = self.tracks.partition(" ")
        streams = [role for role, codec in (("picture", self.video), ("sound", self.audio)) if codec]
        at = {"first": 1 if further in ("silent", "foreign") else 0, "last": len(streams)}.get(place)
        return streams if at is None else [*streams[:at], further, *streams[at:]]

    @property
    def shown(self) -> tuple[int, int] | None:
        """Width and height as a player shows it; none where nothing comes of it."""
        width, height = round(self.size[0] * self.pixel_aspect), self.size[1]
        return None if self.error else (height, width) if self.rotation % 180 else (width, height)

    def seconds(self, span: tuple[float, float], part: int | None) -> tuple[float, float]:
        """Return what a part has of picture or sound, or all of it; the last part ends with the others if nothing else is said."""
        begin, end = span
        if len(self.clocks) > 1 and end == PART_SECONDS:
            end *= len(self.clocks)
        if part is None:
            return begin, end
        return max(begin, part * PART_SECONDS), min(end, (part + 1) * PART_SECONDS)

    def clock_at(self, time: float, part: int | None) -> float:
        """Return by how many seconds the file's clock is ahead of what is written at a time."""
        index = min(max(0, int((time + 1e-6) // PART_SECONDS)), len(self.clocks) - 1) if part is None else part
        return self.clocks[index] - index * PART_SECONDS


def _codings() -> list[Case]:
    """Return one case for every container with the codecs that it takes."""
    table = {
        "mp4": [
            "libx264 aac", "libx265 aac", "libvpx-vp9 libopus", "libsvtav1 aac", "mpeg4 aac", "mpeg2video mp2",
            "mpeg1video libmp3lame", "mjpeg aac", "libx264 ac3", "libx264 eac3", "libx264 libmp3lame", "libx264 flac",
            "libx264 alac", "libx264 libopus", "libvpx-vp9 aac", "libsvtav1 libopus",
        ],
        "mov": [
            "libx264 pcm_s16le", "libx264 pcm_s24le", "libx264 pcm_f32le", "prores_ks pcm_s16le", "mjpeg pcm_s16be",
            "qtrle pcm_s16be", "png pcm_s16le", "dnxhd pcm_s16le", "libx264 pcm_mulaw", "libx265 alac", "mpeg4 aac",
        ],
        "mkv": [
            "libx264 aac", "libx264 flac", "libx264 vorbis", "libx264 pcm_s16le", "libx264 pcm_s24le", "libx264 pcm_f32le",
            "libx264 ac3", "libx264 eac3", "libx264 mp2", "libx264 libmp3lame", "libx264 wavpack", "libx264 tta",
            "libx265 libopus", "libvpx libopus", "libvpx-vp9 flac", "libsvtav1 aac", "mpeg4 libmp3lame", "mpeg2video ac3",
            "mjpeg pcm_s16le", "ffv1 flac", "prores_ks flac", "snow aac",
        ],
        "webm": ["libvpx vorbis", "libvpx libopus", "libvpx-vp9 libopus", "libvpx-vp9 vorbis", "libsvtav1 libopus"],
        "avi": [
            "libx264 libmp3lame", "mpeg4 libmp3lame", "mpeg4 pcm_s16le", "mjpeg pcm_s16le", "msmpeg4 libmp3lame",
            "mpeg4 ac3", "libx264 pcm_s16le", "ffv1 pcm_s16le", "huffyuv pcm_s16le", "utvideo adpcm_ms", "libx264 aac", "rawvideo pcm_u8",
        ],
        "ts": [
            "libx264 aac", "libx264 mp2", "libx264 ac3", "libx264 eac3", "libx264 libmp3lame", "libx265 aac",
            "mpeg2video mp2", "mpeg2video ac3", "libx264 libopus", "mpeg4 aac",
        ],
        "m2ts": ["libx264 ac3", "libx264 pcm_bluray", "mpeg2video ac3"],
        "mpg": ["mpeg1video mp2", "mpeg2video mp2", "mpeg2video ac3"],
        "vob": ["mpeg2video ac3", "mpeg2video pcm_dvd"],
        "flv": ["libx264 aac", "flv libmp3lame", "flashsv adpcm_swf", "libx265 aac", "libsvtav1 aac"],
        "wmv": ["wmv2 wmav2", "wmv1 wmav1", "msmpeg4 wmav2"],
        "3gp": ["libx264 aac", "mpeg4 aac", "h263 aac"],
        "ogv": ["libvpx libopus", "libvpx flac"],
        "mxf": ["mpeg2video pcm_s16le"],
    }  # fmt: skip
    return [
        Case(name=f"{row.replace(' ', '_')}.{ending}", **_needs(*row.split()))
        for ending, rows in table.items()
        for row in rows
    ]


def _needs(video: str, audio: str) -> dict[str, Any]:
    """Return encoders, and what they cannot do without."""
    needs = {
        "mjpeg": {"pixels": "yuvj420p", "full_range": True},
        "prores_ks": {"pixels": "yuv422p10le"},
        "qtrle": {"pixels": "rgb24"},
        "png": {"pixels": "rgb24"},
        "huffyuv": {"pixels": "rgb24"},
        "flashsv": {"pixels": "bgr24"},
        "utvideo": {"pixels": "gbrp"},
        "dnxhd": {"pixels": "yuv422p", "size": (256, 144), "matrix": "bt709"},
        "adpcm_swf": {"sample_rate": 44100},
        # Its packets of half a second have no durations, so that nobody knows when the last one ends.
        "wavpack": {"left_out": 0.5},
    }
    return {"video": video, "audio": audio} | needs.get(video, {}) | needs.get(audio, {})


def _layouts() -> list[Case]:
    """Return the numbers of channels that coders take."""
    table = {
        "pcm_s16le": "mono 2.1 3.0 quad 5.0 5.1 6.1 7.1",
        "flac": "mono quad 5.0 5.1 7.1",
        "aac": "mono 3.0 4.0 5.1 7.1",
        "libopus": "mono quad 5.1 7.1",
        "ac3": "mono 5.0(side) 5.1(side)",
        "eac3": "mono 5.1(side)",
        "libmp3lame": "mono",
    }
    return [
        Case(name=f"{audio}_{layout}.mkv", audio=audio, layout=layout, oddity=f"{layout} sound")
        for audio, layouts in table.items()
        for layout in layouts.split()
    ]


def _rates() -> list[Case]:
    """Return sample rates and frame rates."""
    table = {
        "pcm_s16le": (8000, 11025, 16000, 22050, 32000, 44100, 96000, 192000),
        "aac": (8000, 16000, 44100, 96000),
        "libmp3lame": (16000, 44100),
        "flac": (96000, 192000),
    }
    sounds = [
        Case(name=f"{audio}_{rate}.mov" if audio != "flac" else f"{audio}_{rate}.mkv", audio=audio, sample_rate=rate,
             oddity=f"{rate / 1000:g} kHz")
        for audio, rates in table.items()
        for rate in rates
    ]  # fmt: skip
    names = {"15": 15, "23.976": Fraction(24000, 1001), "25": 25, "29.97": Fraction(30000, 1001), "50": 50,
             "59.94": Fraction(60000, 1001), "120": 120}  # fmt: skip
    return sounds + [
        Case(name=f"{name}_fps.{ending}", frame_rate=Fraction(rate), oddity=f"{name} frames a second")
        for name, rate in names.items()
        for ending in ("mp4", "ts")
    ]


def _pictures() -> list[Case]:
    """Return what concerns the picture alone."""
    shapes: list[tuple[str, str, dict[str, Any]]] = [
        *((f"rotated_{degrees}.{ending}", f"rotated by {degrees} degrees", {"rotation": degrees})
          for degrees in (90, 180, 270) for ending in ("mp4", "mov")),
        ("mirrored.mp4", "mirrored by its display matrix", {"mirrored": True}),
        ("rotated_mirrored.mp4", "rotated by 90 degrees and mirrored", {"rotation": 90, "mirrored": True}),
        ("wide_pixels.mp4", "pixels 4:3", {"pixel_aspect": Fraction(4, 3)}),
        ("narrow_pixels.mkv", "pixels 10:11", {"pixel_aspect": Fraction(10, 11)}),
        ("anamorphic_rotated.mp4", "pixels 4:3, rotated by 90 degrees", {"pixel_aspect": Fraction(4, 3), "rotation": 90}),
        ("odd_size.webm", "127 x 95 pixels", {"video": "libvpx-vp9", "audio": "libopus", "size": (127, 95)}),
        ("odd_size.avi", "125 x 97 pixels", {"video": "mpeg4", "audio": "pcm_s16le", "size": (125, 97)}),
        ("cropped.mp4", "124 x 100 pixels, cropped from whole blocks", {"size": (124, 100)}),
        ("b_frames.mp4", "B-frames", {"encoder": {"preset": "medium"}}),
        ("b_frames.ts", "B-frames, open groups", {"encoder": {"preset": "medium", "x264-params": "open-gop=1"}}),
        ("b_frames.avi", "B-frames without presentation times", {"encoder": {"preset": "medium"}, "audio": "pcm_s16le"}),
        ("b_frames_mpeg4.avi", "B-frames without presentation times", {"video": "mpeg4", "encoder": {"bf": "2"}, "audio": "pcm_s16le"}),
        ("b_frames.flv", "B-frames", {"encoder": {"preset": "medium"}}),
        ("one_key_frame.mp4", "one key frame in 5 s", {"encoder": {"g": "1000"}}),
        ("interlaced.ts", "interlaced", {"encoder": {"x264-params": "tff=1"}}),
        ("interlaced.mpg", "interlaced MPEG-2", {"video": "mpeg2video", "audio": "mp2", "encoder": {"flags": "+ildct+ilme"}}),
        *((f"variable.{ending}", "variable frame rate", {"variable": True}) for ending in ("mp4", "mkv", "flv", "ts")),
        ("variable.webm", "variable frame rate", {"variable": True, "video": "libvpx-vp9", "audio": "libopus"}),
    ]  # fmt: skip
    colors: list[tuple[str, str, dict[str, Any]]] = [
        ("bt709.mp4", "BT.709", {"matrix": "bt709"}),
        ("bt709.mkv", "BT.709", {"matrix": "bt709", "video": "libx265"}),
        ("bt709.webm", "BT.709", {"matrix": "bt709", "video": "libvpx-vp9", "audio": "libopus"}),
        ("bt709.ts", "BT.709", {"matrix": "bt709", "video": "mpeg2video", "audio": "mp2"}),
        ("bt709_av1.mp4", "BT.709", {"matrix": "bt709", "video": "libsvtav1"}),
        ("bt601.mp4", "BT.601", {"matrix": "bt601"}),
        ("bt2020.mp4", "BT.2020 without high dynamic range", {"matrix": "bt2020", "pixels": "yuv420p10le", "video": "libx265"}),
        ("hd_untagged.mp4", "720 lines, no color tags", {"size": (1280, 720), "frame_rate": Fraction(15)}),
        ("hd_bt601.mp4", "720 lines, BT.601", {"size": (1280, 720), "frame_rate": Fraction(15), "matrix": "bt601"}),
        ("full_range.mp4", "full range", {"full_range": True}),
        ("full_range_bt709.mkv", "full range, BT.709", {"full_range": True, "matrix": "bt709"}),
        ("full_range.webm", "full range", {"full_range": True, "video": "libvpx-vp9", "audio": "libopus"}),
        ("full_range_j.mov", "full range, JPEG pixel format", {"full_range": True, "pixels": "yuvj420p"}),
        ("ten_bit.mp4", "10 bit", {"pixels": "yuv420p10le"}),
        ("ten_bit_hevc.mkv", "10 bit", {"pixels": "yuv420p10le", "video": "libx265"}),
        ("ten_bit_422.mkv", "10 bit, 4:2:2", {"pixels": "yuv422p10le"}),
        ("ten_bit_av1.mp4", "10 bit", {"pixels": "yuv420p10le", "video": "libsvtav1"}),
        ("yuv422.mp4", "4:2:2", {"pixels": "yuv422p"}),
        ("yuv444.mkv", "4:4:4", {"pixels": "yuv444p"}),
        ("yuv444_vp9.webm", "4:4:4", {"pixels": "yuv444p", "video": "libvpx-vp9", "audio": "libopus"}),
        ("rgb.mkv", "RGB in H.264", {"pixels": "rgb24", "video": "libx264rgb"}),
        ("rgb_555.avi", "RGB of 15 bit", {"pixels": "rgb555le", "video": "rawvideo", "audio": "pcm_s16le"}),
        ("alpha_prores.mov", "alpha", {"pixels": "yuva444p10le", "video": "prores_ks", "audio": "pcm_s16le"}),
        ("alpha_png.mov", "alpha", {"pixels": "rgba", "video": "png", "audio": "pcm_s16le"}),
        ("alpha_ffv1.mkv", "alpha", {"pixels": "yuva420p", "video": "ffv1"}),
        ("alpha_vp9.webm", "alpha", {"pixels": "yuva420p", "video": "libvpx-vp9", "audio": "libopus"}),
    ]  # fmt: skip
    refused = {
        "num_windows": 0,
        "error": "high dynamic range",
        "left_out": None,
        "matrix": "bt2020",
        "pixels": "yuv420p10le",
    }
    dynamic: list[tuple[str, str, dict[str, Any]]] = [
        ("pq.mp4", "high dynamic range, PQ", {"video": "libx265", "transfer": "pq"}),
        ("pq.mkv", "high dynamic range, PQ", {"video": "libx265", "transfer": "pq"}),
        ("pq_av1.mp4", "high dynamic range, PQ", {"video": "libsvtav1", "transfer": "pq"}),
        ("hlg.mov", "high dynamic range, HLG", {"video": "libx265", "transfer": "hlg"}),
        ("hlg.ts", "high dynamic range, HLG", {"video": "libx265", "transfer": "hlg"}),
    ]  # fmt: skip
    return [
        *(Case(name=name, oddity=oddity, **fields) for name, oddity, fields in shapes + colors),
        *(Case(name=name, oddity=oddity, **refused, **fields) for name, oddity, fields in dynamic),
    ]


def _time_lines() -> list[Case]:
    """Return what concerns clocks, beginnings and ends, and tracks."""
    wrap = 2**33 / 90000 - 1.4  # FFmpeg begins a transport stream 1.4 s after its clock
    uneven: list[tuple[str, str, dict[str, Any]]] = [
        *((f"late_sound.{e}", "sound 1.2 s late", {"sound": (1.2, 5.0), "left_out": 1.2}) for e in ("mp4", "mkv", "ts", "flv", "mov")),
        *((f"late_picture.{e}", "picture 1.2 s late", {"picture": (1.2, 5.0), "left_out": 1.2}) for e in ("mp4", "mkv", "ts", "flv", "mov")),
        *((f"short_sound.{e}", "sound 1.5 s shorter", {"sound": (0.0, 3.5), "left_out": 1.5}) for e in ("mp4", "mkv", "ts", "flv")),
        *((f"short_picture.{e}", "picture 1.5 s shorter", {"picture": (0.0, 3.5), "left_out": 1.5}) for e in ("mp4", "mkv", "ts")),
        ("hardly_sound.mp4", "1 s of sound", {"sound": (0.0, 1.0), "num_windows": 0, "error": "too short", "left_out": None}),
        ("one_window.mp4", "2.2 s of sound", {"sound": (0.0, 2.2), "num_windows": 1, "left_out": 2.8}),
        ("no_sound.mp4", "no sound", {"audio": "", "left_out": None, "num_windows": 0, "error": "no audio stream"}),
        ("no_picture.mkv", "no picture", {"video": "", "left_out": None, "num_windows": 0, "error": "no video stream"}),
    ]  # fmt: skip
    clocks: list[tuple[str, str, dict[str, Any]]] = [
        ("late_clock.ts", "clock begins at 1 h", {"clocks": (3600.0,)}),
        ("late_clock.mkv", "clock begins at 10 s", {"clocks": (10.0,)}),
        ("late_clock.flv", "clock begins at 10 s", {"clocks": (10.0,)}),
        ("before_wrap.ts", "33-bit clock begins 20 s before it wraps", {"clocks": (wrap - 20,)}),
        ("wrap.ts", "33-bit clock wraps after 2.5 s", {"clocks": (wrap - 2.5,)}),
        ("wrap.mpg", "33-bit clock wraps after 2.5 s", {"clocks": (wrap - 2.5,), "video": "mpeg2video", "audio": "mp2"}),
        ("negative.mp4", "edit list begins 0.5 s after the first picture", {"skipped": (0.0, 0.5)}),
        ("edit_start.mov", "edit list begins 0.7 s after the first picture", {"skipped": (0.0, 0.7), "audio": "pcm_s16le"}),
        ("edit_middle.mp4", "edit list leaves out a piece of 0.5 s", {"skipped": (2.2, 2.7)}),
        ("edit_b_frames.mp4", "edit list leaves out a piece of 0.5 s, B-frames", {"skipped": (2.2, 2.7), "encoder": {"preset": "medium"}}),
        *((f"gap.{e}", "clock jumps by 1000 s", {"clocks": (0.0, 1005.0), "left_out": 1000.0, **more})
          for e, more in (("ts", {}), ("mkv", {}), ("mp4", {}), ("flv", {}), ("mpg", {"video": "mpeg2video", "audio": "mp2", "left_out": 999.5}))),
        *((f"gap_end.{e}", "clock jumps by 60 s, then 0.7 s", {"clocks": (0.0, 65.0), "picture": (0.0, 5.7), "sound": (0.0, 5.7), "left_out": 60.7})
          for e in ("ts", "mkv", "mp4")),
        *((f"restart.{e}", "clock begins again", {"clocks": (0.0, 0.0), **more})
          for e, more in (("ts", {}), ("mpg", {"video": "mpeg2video", "audio": "mp2"}))),
        ("back.ts", "clock goes back by 95 s, as if it wrapped", {"clocks": (100.0, 10.0), "left_out": 2**33 / 90000 - 95}),
        ("restart_end.ts", "clock begins again, then 0.7 s", {"clocks": (0.0, 0.0), "picture": (0.0, 5.7), "sound": (0.0, 5.7), "left_out": 0.7}),
        ("fragmented.mp4", "fragmented", {"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
        ("fragmented_b_frames.mp4", "fragmented, B-frames", {"muxer": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}, "encoder": {"preset": "medium"}}),
        ("fast_start.mp4", "index at the beginning", {"muxer": {"movflags": "faststart"}}),
        ("no_edit_list.mp4", "no edit list", {"muxer": {"use_editlist": "0"}, "audio": "pcm_s16le"}),
        ("no_index.mkv", "no index, as live", {"muxer": {"live": "1"}}),
    ]  # fmt: skip
    tracks: list[tuple[str, str, dict[str, Any]]] = [
        (f"{kind.replace(' ', '_')}.{ending}", oddity, {"tracks": kind})
        for kind, oddity, endings in (
            ("silent first", "silent first track, the second is default", ("mp4", "mkv", "mov")),
            ("foreign first", "first track of another sound, the second is default", ("mp4", "mkv")),
            ("cover last", "cover art", ("mp4", "mov")),
            ("cover first", "cover art before the picture", ("mp4",)),
            ("gray last", "a second, gray picture", ("mp4", "mkv")),
            ("gray first", "first track a gray picture, the second is default", ("mp4", "mkv")),
        )
        for ending in endings
    ]
    return [Case(name=name, oddity=oddity, **fields) for name, oddity, fields in uneven + clocks + tracks]


CASES = [*_codings(), *_layouts(), *_rates(), *_pictures(), *_time_lines()]
