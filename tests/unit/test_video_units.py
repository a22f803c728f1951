"""The video package's plain logic: plans, numbers, matrices, box structure."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import UsageError
from provenance.system.extent import Extent, extent_of
from provenance.video import EncoderOptions, Orientation, container_for
from provenance.video.aperture import cropped_by_container
from provenance.video.colour import MasteringDisplay
from provenance.video.edits import edits_of
from provenance.video.encoders import choose_pix_fmt, parse_bitrate, plan_encoder
from provenance.video.exif import exif_orientation
from provenance.video.foreign import sniff
from provenance.video.geometry import orientation
from provenance.video.luma import luma_depth, planar_twin
from provenance.video.timetable import SeenTimes, Timetable, units_for
from provenance.video.timing import Clock
from provenance.video.tracks import moved


@pytest.mark.parametrize(
    ("name", "container"),
    [("a.mp4", "mp4"), ("A.M4V", "mp4"), ("a.mov", "mov"), ("a.b.mkv", "matroska"),
     ("a.webm", "webm")],
)  # fmt: skip
def test_the_suffix_chooses_the_container(name: str, container: str) -> None:
    assert container_for(Path("folder") / name) == container


@pytest.mark.parametrize("name", ["a", "a.avi", "a.mp4.part"])
def test_an_unknown_suffix_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match=r"end it in one of \.mp4"):
        container_for(name)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("2M", 2_000_000), ("600k", 600_000), ("1.5m", 1_500_000), (250000, 250_000), ("9000", 9000)],
)
def test_bit_rates_are_read_with_decimal_suffixes(text: Any, rate: int) -> None:
    assert parse_bitrate(text) == rate


@pytest.mark.parametrize("text", ["", "2X", "-5M", "fast", 3, "900G"])
def test_nonsense_bit_rates_are_usage_errors(text: Any) -> None:
    with pytest.raises(UsageError):
        parse_bitrate(text)


@pytest.mark.parametrize(
    ("source", "library", "expected"),
    [
        ("yuv420p10le", "libx264", "yuv420p10le"),
        ("yuv420p10le", "libx265", "yuv420p10le"),
        ("yuv422p", "libx264", "yuv422p"),
        ("yuv420p12le", "libx264", "yuv420p10le"),
        ("yuvj420p", "libsvtav1", "yuv420p"),
        ("p010le", "libx265", "yuv420p10le"),
        ("rgb24", "libx264", "yuv420p"),
        ("pal8", "libx264", "yuv420p"),
        ("yuv420p", "prores_ks", "yuv422p10le"),
        ("yuva444p12le", "prores_ks", "yuva444p10le"),
        ("yuv411p", "libx264", "yuv422p"),
    ],
)
def test_the_nearest_pixel_format_is_chosen(source: str, library: str, expected: str) -> None:
    assert choose_pix_fmt(source, library) == expected


def test_defaults_are_the_documented_ones() -> None:
    plan = plan_encoder(
        EncoderOptions(), source_codec="hevc", source_pix_fmt="yuv420p", container="mp4"
    )
    assert (plan.codec, plan.library, plan.bit_rate) == ("h264", "libx264", None)
    assert plan.options == {"preset": "medium", "crf": "18"}


@given(st.integers(0, 3), st.booleans(), st.integers(2, 9), st.integers(2, 9))
def test_orientation_undoes_what_a_display_matrix_describes(
    quarter: int, mirrored: bool, height: int, width: int
) -> None:
    """Place every pixel where the matrix says and compare with the view of ``apply``."""
    angle = np.pi / 2 * quarter
    cos, sin = round(np.cos(angle)), round(np.sin(angle))
    flip = -1 if mirrored else 1
    a, b, c, d = flip * cos, sin, flip * -sin, cos
    fixed = tuple(65536 * n for n in (a, b, 0, c, d, 0, 0, 0, 16384))
    plane = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    places = {(a * x + c * y, b * x + d * y): plane[y, x] for y in range(height)
              for x in range(width)}  # fmt: skip
    left, top = min(x for x, _ in places), min(y for _, y in places)
    shown = orientation(fixed).apply(plane)
    assert orientation(fixed) == Orientation(quarter * 90, mirrored)
    assert all(shown[y - top, x - left] == value for (x, y), value in places.items())


@pytest.mark.parametrize(
    ("pix_fmt", "depth"),
    [("yuv420p", 8), ("nv12", 8), ("gray", 8), ("yuv422p10le", 10), ("gray12le", 12),
     ("yuv420p10be", None), ("p010le", None), ("rgb24", None), ("gbrp", None), ("pal8", None),
     ("yuyv422", None), ("yuva444p", 8), ("monow", None), ("grayf32le", None), ("ya8", None),
     ("yuv444p16le", 16), ("uyvy422", None), ("y210le", None), ("yuv444p10msble", None)],
)  # fmt: skip
def test_only_planar_native_luma_is_read_in_place(pix_fmt: str, depth: int | None) -> None:
    assert luma_depth(pix_fmt) == depth
    assert luma_depth(planar_twin(pix_fmt)) is not None


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x00\x00\x00\x20ftypisom", "mov"),
        (b"\x00\x00\x00\x08wide\x00\x00", "mov"),
        (b"\x1aE\xdf\xa3\x01", "matroska"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "png_pipe"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x00acTL", "apng"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp_pipe"),
        (b"#EXTM3U\n", None),
        (b"ffconcat version 1.0", None),
        (b"", None),
    ],
)
def test_the_first_bytes_choose_the_demuxer(head: bytes, demuxer: str | None) -> None:
    assert sniff(head) == demuxer


@given(st.binary(max_size=64))
def test_the_completeness_check_survives_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for head in (b"", b"\x00\x00\x00\x10ftyp", b"\x1aE\xdf\xa3"):
        path.write_bytes(head + data)
        assert min(extent_of(path).missing, extent_of(path).behind) >= 0


def test_missing_bytes_are_counted(tmp_path: Path) -> None:
    box = (20).to_bytes(4, "big") + b"ftyp" + bytes(12)
    path = tmp_path / "boxes"
    path.write_bytes(box + (100).to_bytes(4, "big") + b"mdat" + bytes(42))
    assert extent_of(path) == Extent(missing=50)


def test_mastering_display_is_written_in_each_encoders_units() -> None:
    third = Fraction(1, 4)
    point = (third, third)
    display = MasteringDisplay((point,) * 3, point, (Fraction(1, 10000), Fraction(1000)))
    expected = "G(12500,12500)B(12500,12500)R(12500,12500)WP(12500,12500)L(10000000,1)"
    assert display.as_x265() == expected
    assert display.as_svtav1().endswith("L(1000.0000,0.0001)")


def test_the_clock_counts_from_its_origin() -> None:
    clock = Clock(Fraction(1, 90000), Fraction(1, 2), Fraction(1, 25))
    assert clock.ticks(1.0) == 135000


def test_chapters_move_with_the_film_and_none_begins_before_it() -> None:
    chapters: Any = [
        {"id": n, "start": s, "end": e, "time_base": Fraction(1, 1000), "metadata": {}}
        for n, (s, e) in enumerate([(0, 59_000), (59_000, 61_000), (61_000, 62_000)])
    ]
    times = [(one["start"], one["end"]) for one in moved(chapters, Fraction(60))]
    assert times == [(0, 1000), (1000, 2000)]
    assert moved(chapters, Fraction(0)) == chapters


def element(number: int, body: bytes) -> bytes:
    identifier = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return identifier + (len(body) | 1 << 56).to_bytes(8, "big") + body


@pytest.mark.parametrize(("pixels", "cropped"), [(8, True), (0, False), (None, False)])
@pytest.mark.parametrize("size", ["known", "unknown"])
def test_a_crop_by_matroska_is_seen(
    tmp_path: Path, pixels: int | None, cropped: bool, size: str
) -> None:
    picture = element(0xB0, b"\xa0") + element(0xBA, b"\x78")
    if pixels is not None:
        picture += element(0x54CC, bytes((pixels,)))
    tracks = element(0x1654AE6B, element(0xAE, element(0xD7, b"\1") + element(0xE0, picture)))
    inside = element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40")) + tracks
    segment = element(0x18538067, inside)
    if size == "unknown":
        segment = segment[:4] + b"\x01" + b"\xff" * 7 + inside
    path = tmp_path / "a.mkv"
    path.write_bytes(element(0x1A45DFA3, element(0x4282, b"matroska")) + segment)
    assert cropped_by_container(path, 160, 120) is cropped


@given(st.binary(max_size=300))
def test_looking_for_crops_survives_any_bytes(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "a")
        for head in (b"\x1a\x45\xdf\xa3", b"\0\0\0\x10ftyp"):
            path.write_bytes(head + data)
            assert cropped_by_container(path, 160, 120) in (True, False)
            assert edits_of(path) is not None
            assert exif_orientation(path) is None


MS = Fraction(1, 1000)
NTSC = Fraction(30000, 1001)


def seen(times: list[int], rates: list[Fraction], *, coarse: bool = True) -> SeenTimes:
    found = SeenTimes(MS, coarse, rates)
    for time in times:
        found.add(time, 33)
    return found


def rounded(rate: Fraction, count: int, first: Fraction = Fraction(0)) -> list[int]:
    return [round((first + n / rate) / MS) for n in range(count)]


@given(
    st.sampled_from([Fraction(24000, 1001), Fraction(25), NTSC, Fraction(50), Fraction(120)]),
    st.integers(2, 400),
    st.fractions(0, 9),
)
def test_times_rounded_from_a_grid_are_put_back_on_it(
    rate: Fraction, count: int, first: Fraction
) -> None:
    times = rounded(rate, count, first)
    grid = seen(times, [rate]).grid(rate)
    assert grid is not None
    assert (grid.rate, grid.whole) == (rate, True)
    table = Timetable(Fraction(0), units_for(grid, MS), rate, True, None, grid)
    steps = [table.shown(time * MS) * table.time_base for time in times]
    assert {b - a for a, b in itertools.pairwise(steps)} == {1 / rate}
    assert all(abs(step - time * MS) <= MS for step, time in zip(steps, times, strict=True))


def test_a_rate_that_a_file_names_badly_is_taken_for_the_usual_one_near_it() -> None:
    grid = seen(rounded(NTSC, 300), [Fraction(2997, 100)]).grid(Fraction(2997, 100))
    assert grid is not None
    assert grid.rate == NTSC


@pytest.mark.parametrize("times", [[0, 33, 69, 100], [0, 33, 33, 67], [0]])
def test_times_off_the_grid_twice_on_it_or_alone_are_on_none(times: list[int]) -> None:
    assert seen(times, [NTSC]).grid(NTSC) is None


def test_a_clock_of_its_own_is_constant_only_where_it_is_exactly() -> None:
    exact = seen([0, 40, 80, 120], [Fraction(25)], coarse=False).grid(Fraction(25))
    assert exact is not None
    assert exact.tick == 0
    assert seen([0, 40, 81, 120], [Fraction(25)], coarse=False).grid(Fraction(25)) is None


def test_an_end_that_is_no_step_of_the_grid_stays_where_it_is() -> None:
    grid = seen(rounded(NTSC, 30), [NTSC]).grid(NTSC)
    assert grid is not None
    held = Timetable(Fraction(0), units_for(grid, MS), NTSC, True, Fraction(3), grid)
    start = held.shown(967 * MS)
    assert (start + held.last(start)) * held.time_base == 3
    soon = Timetable(Fraction(0), units_for(grid, MS), NTSC, True, 1001 * MS, grid)
    assert soon.last(start) * soon.time_base == 1 / NTSC
