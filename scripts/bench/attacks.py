"""What is done to a clip before the mark is looked for: the list, with fixed parameters.

Where nothing else is said, a row ends with H.264 CRF 23, preset medium.  Areas and sides are
shares of the picture's; sharing chains never enlarge.  All runs without the ``ffmpeg`` command.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from bench import effects, timing
from bench.render import REPEATABLE, Encode, Pass, x264, x264_rate
from bench.stages import (
    Crop,
    Filter,
    Pad,
    Paint,
    Resize,
    Speed,
    Stage,
    ThereAndBack,
    Turn,
    Warp,
)

GROUPS = (
    "plain", "codecs", "sharing", "geometry", "recapture", "colour", "time", "editing", "combined",
    "control",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Attributes:
        name: of the row.
        group: one of :data:`GROUPS`.
        passes: none at all leaves the file as it is.
        first: belongs to the short list of the end-to-end issue.
        source: what is attacked: the stamped clip, or the clip as it was.
        wrong_key: verify with a key the clip was not stamped with.
    """

    name: str
    group: str
    passes: tuple[Pass, ...] = ()
    first: bool = False
    source: str = "stamped"
    wrong_key: bool = False

    @property
    def expects_id(self) -> bool:
        """Whether the clip's id is to be found."""
        return self.source == "stamped" and not self.wrong_key


def attacks() -> tuple[Attack, ...]:
    """Every attack, in the order of the list."""
    listed = (
        *_plain(), *_codecs(), *_sharing(), *_geometry(), *_recapture(), *_colour(), *_time(),
        *_editing(), *_combined(),
    )  # fmt: skip
    names = [attack.name for attack in listed]
    if len(set(names)) != len(names):
        raise ValueError("two attacks have one name")
    return listed


def _row(
    group: str, name: str, *stages: Stage, encode: Encode | None = None, first: bool = False
) -> Attack:
    return Attack(name, group, (Pass(stages, encode or x264(23)),), first=first)


def _x265(crf: int) -> Encode:
    # x265 starts a pool of its own whatever libavcodec's threads say.
    bounded = ("x265-params", "log-level=none:pools=1:frame-threads=1")
    return Encode("libx265", (("crf", str(crf)), ("preset", "medium"), bounded))


def _plain() -> tuple[Attack, ...]:
    return (
        Attack("none", "plain", first=True),
        Attack("remux", "plain", (Pass((), Encode("copy")),), first=True),
        Attack("unmarked", "control", first=True, source="original"),
        Attack("wrong_key", "control", first=True, wrong_key=True),
    )


def _codecs() -> tuple[Attack, ...]:
    vp9 = Encode(
        "libvpx-vp9",
        (("crf", "40"), ("b", "0"), ("deadline", "good"), ("cpu-used", "4")),
        ".webm",
    )

    def av1(crf: int) -> Encode:
        options = (("crf", str(crf)), ("preset", "8"), ("svtav1-params", "lp=1"))
        return Encode("libsvtav1", options)

    three = tuple(Pass((), encode) for encode in (x264(28), _x265(30), x264(28)))
    rgb = Encode(
        "libx264rgb", (("crf", "30"), ("preset", "medium"), REPEATABLE), ".mkv", pix_fmt="rgb24"
    )
    return (
        *(
            _row("codecs", f"h264_crf{crf}", encode=x264(crf), first=crf == 28)
            for crf in (23, 28, 32, 36, 40, 45, 50)
        ),
        *(_row("codecs", f"h265_crf{crf}", encode=_x265(crf)) for crf in (28, 34, 40)),
        _row("codecs", "vp9_crf40", encode=vp9),
        *(_row("codecs", f"av1_crf{crf}", encode=av1(crf)) for crf in (45, 55)),
        _row("codecs", "mpeg4_q8", encode=Encode("mpeg4", suffix=".mp4", quantiser=8)),
        _row(
            "codecs",
            "mpeg2_q8",
            encode=Encode("mpeg2video", suffix=".mkv", quantiser=8, rate=Fraction(25)),
        ),
        Attack("three_generations", "codecs", three),
        _row("codecs", "h264rgb_crf30", encode=rgb),
    )


def _sharing() -> tuple[Attack, ...]:
    rates = ((1080, 3000), (720, 2000), (576, 1000), (480, 600), (360, 300), (240, 200))
    chain = (
        Pass((Resize(lines=576),), x264_rate(1_000_000)),
        Pass((Resize(width=480),), x264_rate(600_000)),
        Pass((Resize(lines=720, up=True),), x264_rate(2_000_000)),
    )
    return (
        _row("sharing", "360p_crf30", Resize(lines=360), encode=x264(30), first=True),
        *(
            _row("sharing", f"{n}p_{k}k", Resize(lines=n), encode=x264_rate(k * 1000))
            for n, k in rates
        ),
        Attack("576p_480w_720p", "sharing", chain),
    )


def _geometry() -> tuple[Attack, ...]:
    def g(name: str, *stages: Stage, first: bool = False) -> Attack:
        return _row("geometry", name, *stages, first=first)

    crops = []
    for area in (75, 50, 30, 10):
        side = math.sqrt(area / 100)
        for where, anchor in (("centre", (0.5, 0.5)), ("corner", (0.0, 0.0))):
            for back in (False, True):
                name = f"crop_{where}_{area}" + ("_back" if back else "")
                crops.append(g(name, Crop((side, side), anchor=anchor, back=back)))
    return (
        g("mirror", Turn("hflip"), first=True),
        g("crop_side70", Crop((0.7, 0.7)), first=True),
        g("scale_half_back", ThereAndBack(math.sqrt(0.5))),
        g("scale_quarter_back", ThereAndBack(0.5)),
        g("scale_150", Resize(factor=(1.5, 1.5))),
        g("aspect_80", Resize(factor=(0.8, 1.0))),
        g("aspect_120", Resize(factor=(1.2, 1.0))),
        *crops,
        g("cut_9x16", Crop(aspect=9 / 16), Resize(size=(720, 1280))),
        g("cut_1x1", Crop(aspect=1.0), Resize(size=(720, 720))),
        g("cut_4x5", Crop(aspect=4 / 5), Resize(size=(720, 900))),
        g("letterbox", Pad((1.0, 1.35))),
        g("pillarbox", Pad((1.35, 1.0))),
        g("blurred_fill", Resize(width=720), timing.Fill(9 / 16)),
        g("inset_50", timing.Inset(0.5)),
        g("inset_40", timing.Inset(0.4)),
        *(
            g(f"rotate_{degrees}", Warp(effects.rotation(degrees)))
            for degrees in (1, 2, 5, 10, 30, 45)
        ),
        g("rotate_90", Turn("90")),
        g("rotate_180", Turn("180")),
        g("flip_vertical", Turn("vflip")),
        g("shear_5", Warp(effects.shear(0.05))),
        *(
            g(f"keystone_{p}", Warp(effects.keystone(p / 100)), first=p == 10)
            for p in (3, 6, 10, 15)
        ),
        g("slow_zoom", Warp(effects.zoom(1.15), moving=True)),
        g("slow_pan", Warp(effects.pan(0.9), moving=True)),
    )


def _recapture() -> tuple[Attack, ...]:
    thirty = Filter(("fps=30",), Fraction(30))
    filmed = Filter(("lutyuv=y='16+219*pow(clip((val-16)/219,0,1),0.85)'", "gblur=sigma=0.8"))
    return (
        _row(
            "recapture",
            "screen_film",
            Warp(effects.screen(0.07, (0.93, 0.97))),
            filmed,
            Paint(effects.noise(4.0)),
            thirty,
            encode=x264(28),
        ),
        _row(
            "recapture",
            "screen_film_hard",
            Paint(effects.moire),
            Warp(effects.in_a_room(0.08, 3.0, 0.75)),
            Paint(effects.room(0.08, 3.0, 0.75)),
            filmed,
            Paint(effects.noise(4.0)),
            thirty,
            encode=x264(30),
        ),
        _row(
            "recapture",
            "screen_film_hand",
            Warp(effects.hand_held(0.07, 0.015), moving=True),
            filmed,
            Paint(effects.noise(4.0)),
            thirty,
            encode=x264(28),
        ),
    )


def _colour() -> tuple[Attack, ...]:
    def c(name: str, *chain: str) -> Attack:
        return _row("colour", name, Filter(chain))

    def each(expression: str) -> str:
        return f"lutrgb=r='{expression}':g='{expression}':b='{expression}'"

    rgb, yuv = "format=gbrp", "format=yuv420p"
    sepia = "colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131"
    ten = replace(x264(18), pix_fmt="yuv420p10le")
    return (
        *(
            c(f"brightness_{n}", rgb, each(f"clip(val*{n / 100},0,255)"), yuv)
            for n in (50, 150)
        ),
        *(
            c(f"contrast_{n}", rgb, each(f"clip((val-128)*{n / 100}+128,0,255)"), yuv)
            for n in (50, 150)
        ),
        *(c(f"saturation_{n}", f"hue=s={n / 100}") for n in (50, 150)),
        c("hue_90", "hue=h=90"),
        *(
            c(f"gamma_{n}", rgb, each(f"255*pow(val/255,{n / 100})"), yuv)
            for n in (70, 140)
        ),
        c("grayscale", "hue=s=0"),
        c("sepia", rgb, sepia, yuv),
        c("film_look", rgb, "curves=preset=vintage", yuv),
        *(c(f"blur_{s}", f"gblur=sigma={s}:steps=3") for s in (1, 2, 3)),
        *(c(f"median_{2 * r + 1}", f"median=radius={r}") for r in (1, 2)),
        c("unsharp", "unsharp=5:5:1.5"),
        *(_row("colour", f"noise_{s}", Paint(effects.noise(float(s)))) for s in (5, 10, 20)),
        _row("colour", "hqdn3d", Paint(effects.hqdn3d())),
        c("nlmeans", "nlmeans=s=3:p=5:r=9"),
        c("deband", "deband"),
        c("vignette", "vignette", yuv),
        _row("colour", "half_lanczos_up", ThereAndBack(0.5, "lanczos")),
        Attack("ten_to_eight_bits", "colour", (Pass((), ten), Pass())),
        c("full_to_limited", "scale=out_range=full", "scale=in_range=full:out_range=limited"),
    )  # fmt: skip


def _time() -> tuple[Attack, ...]:
    def t(name: str, *stages: Stage) -> Attack:
        return _row("time", name, *stages)

    rates = []
    for fps in (24, 15, 60):
        rate = Fraction(fps)
        rates += [
            t(f"fps{fps}_nearest", Filter((f"fps={fps}",), rate)),
            t(f"fps{fps}_blended", Filter((f"framerate=fps={fps}",), rate)),
            t(f"fps{fps}_motion", Filter((f"minterpolate=fps={fps}:mi_mode=mci",), rate)),
        ]
    return (
        *rates,
        *(t(f"speed_{f}", Speed(f)) for f in (0.5, 0.8, 1.25, 2.0)),
        *(t(f"trim_{s}s", timing.Trim(s)) for s in (2.0, 1.0, 0.5)),
        t("trim_one_frame", timing.Trim(0.0)),
        *(t(f"drop_{p}", timing.Drop(p / 100)) for p in (20, 50)),
        t("reverse", Filter(("reverse",))),
        t("shuffle_1s", timing.Shuffle()),
        *(t(f"joined_{p}", timing.Join(p / 100)) for p in (50, 25, 10)),
        *(t(f"mean_{n}", Filter((f"tmix=frames={n}",))) for n in (3, 5)),
    )


def _editing() -> tuple[Attack, ...]:
    shared, frame = Pass((), x264(23)), timing.Trim(0.0)
    png, webp = Encode("still", suffix=".png"), Encode("still", (("quality", "80"),), ".webp")

    def e(name: str, *stages: Stage) -> Attack:
        return _row("editing", name, *stages)

    def jpeg(quality: int) -> Encode:
        return Encode("still", (("quality", str(quality)),), ".jpg")

    def shot(name: str, encode: Encode, *stages: Stage) -> Attack:
        return Attack(name, "editing", (shared, Pass((frame, *stages), encode)))

    return (
        e("caption_bar", Paint(effects.caption_bar)),
        *(e(f"stickers_{p}", Paint(effects.stickers(p / 100))) for p in (10, 25)),
        e("logo", Paint(effects.logo)),
        e("face_blur", Paint(effects.face_blur)),
        Attack(
            "animated_gif",
            "editing",
            (
                shared,
                Pass(
                    (Resize(width=480), Filter(("fps=10",), Fraction(10))),
                    Encode("gif", suffix=".gif"),
                ),
            ),
        ),
        Attack("screenshot", "editing", (Pass((frame,), png),), first=True),
        shot("screenshot_png", png),
        *(shot(f"screenshot_jpeg{q}", jpeg(q)) for q in (90, 50)),
        shot("screenshot_webp", webp),
        shot("screenshot_crop70_jpeg50", jpeg(50), Crop((0.7, 0.7))),
    )


def _combined() -> tuple[Attack, ...]:
    dark = Filter(("format=gbrp", "lutrgb=r=val*0.5:g=val*0.5:b=val*0.5", "format=yuv420p"))
    return (
        *(
            Attack(
                f"videoseal_crf{crf}",
                "combined",
                (Pass((), x264(crf)), Pass((Crop((0.71, 0.71)), dark), x264(23))),
            )
            for crf in (23, 30, 40, 50)
        ),
        _row(
            "combined",
            "crop_caption_9x16_576p",
            Crop((0.85, 0.85)),
            Paint(effects.caption_bar),
            Crop(aspect=9 / 16),
            Resize(size=(576, 1024)),
            encode=x264_rate(1_000_000),
        ),
        _row(
            "combined",
            "mirror_speed_720p_crop75",
            Turn("hflip"),
            Speed(1.1),
            Crop((math.sqrt(0.75), math.sqrt(0.75))),
            Resize(lines=720),
            encode=x264_rate(2_000_000),
        ),
    )  # fmt: skip
