"""Video and images in and out.  The only package that imports PyAV.

:func:`probe` says what a file is, :func:`read_luma` streams its luma planes, :func:`transcode`
streams a video through a marking function into a new file that keeps everything else.
"""

from provenance.video.geometry import Orientation
from provenance.video.luma import LumaPlane
from provenance.video.probe import MediaInfo, TrackInfo, VideoInfo, probe
from provenance.video.reader import LumaFrame, ReadStats, read_luma

__all__ = [
    "LumaFrame",
    "LumaPlane",
    "MediaInfo",
    "Orientation",
    "ReadStats",
    "TrackInfo",
    "VideoInfo",
    "probe",
    "read_luma",
]
