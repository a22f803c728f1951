"""Video and images in and out.  The only package that imports PyAV.

:func:`probe` says what a file is, :func:`read_luma` streams its luma planes, :func:`transcode`
streams a video through a marking function into a new file that keeps everything else.
"""

from typing import TYPE_CHECKING

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.video.copy import copied, shrunk
    from provenance.video.encoders import Container, EncoderOptions, container_for
    from provenance.video.foreign import Packed, packed
    from provenance.video.foresight import Foresight, foresee
    from provenance.video.geometry import Orientation
    from provenance.video.luma import LumaPlane, at_depth
    from provenance.video.opening import MAX_PIXELS
    from provenance.video.pipeline import FrameInfo, Mark
    from provenance.video.probing import MediaInfo, TrackInfo, VideoInfo, probe
    from provenance.video.reader import (
        LumaFrame,
        ReadStats,
        Skip,
        key_times,
        picture_count,
        read_luma,
        read_runs,
    )
    from provenance.video.sound import SoundStats, read_sound
    from provenance.video.spool import Spool
    from provenance.video.stills import Still, read_stills
    from provenance.video.tags import TagPlan, read_tags
    from provenance.video.writer import Progress, TranscodeResult, transcode

__all__ = [
    "MAX_PIXELS",
    "Container",
    "EncoderOptions",
    "Foresight",
    "FrameInfo",
    "LumaFrame",
    "LumaPlane",
    "Mark",
    "MediaInfo",
    "Orientation",
    "Packed",
    "Progress",
    "ReadStats",
    "Skip",
    "SoundStats",
    "Spool",
    "Still",
    "TagPlan",
    "TrackInfo",
    "TranscodeResult",
    "VideoInfo",
    "at_depth",
    "container_for",
    "copied",
    "foresee",
    "key_times",
    "packed",
    "picture_count",
    "probe",
    "read_luma",
    "read_runs",
    "read_sound",
    "read_stills",
    "read_tags",
    "shrunk",
    "transcode",
]

__getattr__ = lazily(
    __name__,
    {
        "copy": ("copied", "shrunk"),
        "encoders": ("Container", "EncoderOptions", "container_for"),
        "foreign": ("Packed", "packed"),
        "foresight": ("Foresight", "foresee"),
        "geometry": ("Orientation",),
        "luma": ("LumaPlane", "at_depth"),
        "opening": ("MAX_PIXELS",),
        "pipeline": ("FrameInfo", "Mark"),
        "probing": ("MediaInfo", "TrackInfo", "VideoInfo", "probe"),
        "reader": (
            "LumaFrame",
            "ReadStats",
            "Skip",
            "key_times",
            "picture_count",
            "read_luma",
            "read_runs",
        ),
        "sound": ("SoundStats", "read_sound"),
        "spool": ("Spool",),
        "stills": ("Still", "read_stills"),
        "tags": ("TagPlan", "read_tags"),
        "writer": ("Progress", "TranscodeResult", "transcode"),
    },
)
