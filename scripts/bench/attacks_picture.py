"""Attacks on the picture: geometry, recapture, colour and filters."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from bench import effects, timing
from bench.attack import Attack, row
from bench.render import Pass, x264
from bench.stages import Crop, Filter, Pad, Paint, Resize, Stage, ThereAndBack, Turn, Warp


def geometry() -> tuple[Attack, ...]:
    """The group of that name."""

    def g(name: str, *stages: Stage, first: bool = False) -> Attack:
        return row("geometry", name, *stages, first=first)

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


def recapture() -> tuple[Attack, ...]:
    """The group of that name."""
    thirty = Filter(("fps=30",), Fraction(30))
    lens = Filter(("lutyuv=y='16+219*pow(clip((val-16)/219,0,1),0.85)'", "gblur=sigma=0.8"))
    filmed = (lens, Paint(effects.noise(4.0)), thirty)
    return (
        row(
            "recapture",
            "screen_film",
            Warp(effects.screen(0.07, (0.93, 0.97))),
            *filmed,
            encode=x264(28),
        ),
        row(
            "recapture",
            "screen_film_hard",
            Paint(effects.moire),
            Warp(effects.in_a_room(0.08, 3.0, 0.75)),
            Paint(effects.room(0.08, 3.0, 0.75)),
            *filmed,
            encode=x264(30),
        ),
        row(
            "recapture",
            "screen_film_hand",
            Warp(effects.hand_held(0.07, 0.015), moving=True),
            *filmed,
            encode=x264(28),
        ),
    )


def colour() -> tuple[Attack, ...]:
    """The group of that name."""

    def c(name: str, *chain: str) -> Attack:
        return row("colour", name, Filter(chain))

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
        *(row("colour", f"noise_{s}", Paint(effects.noise(float(s)))) for s in (5, 10, 20)),
        row("colour", "hqdn3d", Paint(effects.hqdn3d())),
        c("nlmeans", "nlmeans=s=3:p=5:r=9"),
        c("deband", "deband"),
        c("vignette", "vignette", yuv),
        row("colour", "half_lanczos_up", ThereAndBack(0.5, "lanczos")),
        Attack("ten_to_eight_bits", "colour", (Pass((), ten), Pass())),
        c("full_to_limited", "scale=out_range=full", "scale=in_range=full:out_range=limited"),
    )  # fmt: skip
