"""Which files below a folder are video or sound, told by their endings; what is left out is counted and named."""

import os
from collections import Counter

from infra import storage
from infra.progress import Say

_ENDINGS = """
.264 .265 .3g2 .3ga .3gp .3gpp .amv .asf .avi .dav .divx .dv .dvr-ms .f4v .flv .gxf .h264 .h265 .hevc .ismv .ivf .m1v .m2p .m2t .m2ts
.m2v .m4v .mjpeg .mjpg .mj2 .mk3d .mkv .mod .mov .mp2v .mp4 .mp4v .mpe .mpeg .mpg .mpv .mts .mxf .nsv .nut .ogm .ogv .ogx .qt
.rm .rmvb .roq .tod .trp .ts .vob .vro .webm .wmv .wtv .xvid .y4m
.aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .dts .eac3 .flac .gsm .m4a .m4b .mka .mp2 .mp3 .mpa .mpc .oga .ogg .oma .opus .ra .snd
.spx .tak .tta .voc .w64 .wav .wave .wma .wv
"""
MEDIA_ENDINGS = frozenset(_ENDINGS.split())
"""FFmpeg's own lists will not do: those of its demuxers lack .qt, .m2t, .rmvb and .wtv, and have .txt and .sub."""


def find_media(folder: str, *, say: Say) -> tuple[list[str], list[dict[str, str]]]:
    """Return the video and sound files below a folder, sorted, and error rows for the folders that cannot be read.

    A file without an ending may be one, unless its name or a folder's begins with a dot. `say` is told how many of which endings are left out.
    """
    unread: dict[str, str] = {}
    files, others = [], Counter[str]()
    for path in storage.list_files(folder, unread=unread):
        ending = os.path.splitext(path)[1].lower()
        if ending in MEDIA_ENDINGS or not (ending or "/." in path[len(folder) :]):
            files.append(path)
        else:
            others[ending or "no ending"] += 1
    if others:
        counts = ", ".join(f"{count} {storage.shown(ending)}" for ending, count in others.most_common())
        say(f"files    {counts} not read: no ending of video or sound")
    return files, [_unread(place, why) for place, why in sorted(unread.items())]


def _unread(folder: str, why: str) -> dict[str, str]:
    detail = f"{why}; what lies in it is not known"
    return {"source": storage.shown(folder), "stage": "index", "reason": "folder cannot be read", "detail": detail}
