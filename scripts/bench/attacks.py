"""What is done to a clip before the mark is looked for: the list, with fixed parameters.

Where nothing else is said, a row ends with H.264 CRF 23, preset medium.  Areas and sides are
shares of the picture's; sharing chains never enlarge.  All runs without the ``ffmpeg`` command.
"""

from __future__ import annotations

import math
from fractions import Fraction

from bench import attacks_picture, effects, hostile, timing
from bench.attack import Attack, row
from bench.render import REPEATABLE, Encode, Pass, x264, x264_rate
from bench.stages import Crop, Filter, Paint, Resize, Speed, Stage, Turn


def attacks() -> tuple[Attack, ...]:
    """Every attack, in the order of the list."""
    listed = (
        *_plain(), *_codecs(), *_sharing(), *attacks_picture.geometry(),
        *attacks_picture.recapture(), *attacks_picture.colour(), *_time(), *_editing(),
        *_combined(), *hostile.adversarial(),
    )  # fmt: skip
    names = [attack.name for attack in listed]
    if len(set(names)) != len(names):
        raise ValueError("two attacks have one name")
    return listed


def _x265(crf: int) -> Encode:
    # x265 starts a pool of its own whatever libavcodec's threads say.
    bounded = ("x265-params", "log-level=none:pools=1:frame-threads=1")
    return Encode("libx265", (("crf", str(crf)), ("preset", "medium"), bounded))


def _plain() -> tuple[Attack, ...]:
    return (
        Attack("none", "plain", first=True),
        Attack("remux", "plain", (Pass((), Encode("copy")),), first=True),
        Attack("unmarked", "control", first=True, source="original"),
        Attack(
            # Without its manifest, which names a key that this reader does not hold.
            "wrong_key",
            "control",
            (Pass((), Encode("copy")),),
            first=True,
            wrong_key=True,
        ),
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
            row("codecs", f"h264_crf{crf}", encode=x264(crf), first=crf == 28)
            for crf in (23, 28, 32, 36, 40, 45, 50)
        ),
        *(row("codecs", f"h265_crf{crf}", encode=_x265(crf)) for crf in (28, 34, 40)),
        row("codecs", "vp9_crf40", encode=vp9),
        *(row("codecs", f"av1_crf{crf}", encode=av1(crf)) for crf in (45, 55)),
        row("codecs", "mpeg4_q8", encode=Encode("mpeg4", suffix=".mp4", quantiser=8)),
        row(
            "codecs",
            "mpeg2_q8",
            encode=Encode("mpeg2video", suffix=".mkv", quantiser=8, rate=Fraction(25)),
        ),
        Attack("three_generations", "codecs", three),
        row("codecs", "h264rgb_crf30", encode=rgb),
    )


def _sharing() -> tuple[Attack, ...]:
    rates = ((1080, 3000), (720, 2000), (576, 1000), (480, 600), (360, 300), (240, 200))
    chain = (
        Pass((Resize(lines=576),), x264_rate(1_000_000)),
        Pass((Resize(width=480),), x264_rate(600_000)),
        Pass((Resize(lines=720, up=True),), x264_rate(2_000_000)),
    )
    return (
        row("sharing", "360p_crf30", Resize(lines=360), encode=x264(30), first=True),
        *(
            row("sharing", f"{n}p_{k}k", Resize(lines=n), encode=x264_rate(k * 1000))
            for n, k in rates
        ),
        Attack("576p_480w_720p", "sharing", chain),
    )


def _time() -> tuple[Attack, ...]:
    def t(name: str, *stages: Stage) -> Attack:
        return row("time", name, *stages)

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
        return row("editing", name, *stages)

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
        row(
            "combined",
            "crop_caption_9x16_576p",
            Crop((0.85, 0.85)),
            Paint(effects.caption_bar),
            Crop(aspect=9 / 16),
            Resize(size=(576, 1024)),
            encode=x264_rate(1_000_000),
        ),
        row(
            "combined",
            "mirror_speed_720p_crop75",
            Turn("hflip"),
            Speed(1.1),
            Crop((math.sqrt(0.75), math.sqrt(0.75))),
            Resize(lines=720),
            encode=x264_rate(2_000_000),
        ),
    )  # fmt: skip
