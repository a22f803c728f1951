"""What the kept searches and keys say together, as JSON and as a page."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import pilots, sizes, tail, words
from provenance.watermark.code.spec import INFORMATION_BITS, LAYOUT_1
from provenance.watermark.read import evidence
from provenance.watermark.tuning import WEAK_PILOT

CLAIM = 1e-9
CHARGED = 1 << 15
"""Words a key of a file is charged with, however early it reads: the chances of all the moments at
which a file might read then add up to no more than the claim."""
KEYS = (1, 2, 10)
TAIL_SHARE = 0.01
COMPARED = (140.0, 145.0, 150.0, 155.0)
SAME_PILOT = "stamped, same pilot"
EULER = 0.5772156649


def of(out: Path) -> dict[str, Any]:
    """Everything measured so far in a folder of ``scripts/calibrate``."""
    rows = [json.loads(p.read_text("utf-8")) for p in sorted((out / "searches").glob("*.json"))]
    chunks = []
    for path in sorted((out / "words").glob("*.npz")):
        with np.load(path) as kept:
            chunks.append({name: kept[name] for name in kept.files})
    result: dict[str, Any] = {"sizes": [asdict(row) for row in sizes.table()]}
    if rows:
        result["searches"] = of_searches(rows)
    if chunks:
        result["keys"] = of_keys(chunks)
    return result


def of_searches(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Words, scores and pilots of whole searches; pilots only where none was embedded."""
    by_material = defaultdict(list)
    for row in rows:
        by_material[row["material"]].append(row)
    unmarked = [row for row in rows if row["material"] != SAME_PILOT]
    best = np.array([row["pilot"] for row in unmarked])
    return {
        "searches": len(rows),
        "ids_found": sum(row["found"] for row in rows),
        "decodes": sum(row["decodes"] for row in rows),
        "words_median": float(np.median([row["words"] for row in rows])),
        "words_most": max(row["words"] for row in rows),
        "best_score": max(row["best"] for row in rows),
        "pilot_searches": len(unmarked),
        "pilot_most": float(best.max()),
        "weak": int((best >= WEAK_PILOT).sum()),
        "weak_bound_95": tail.rule_of_three(len(unmarked)),
        "weak_gumbel": gumbel_beyond(best, WEAK_PILOT),
        "pilot_nulls": pilots.table(row["heard"] for row in unmarked),
        "materials": {
            name: {
                "searches": len(group),
                "words_most": max(row["words"] for row in group),
                "best_score": max(row["best"] for row in group),
                "pilot_most": max(row["pilot"] for row in group),
                "weak": sum(row["status"] == "weak" for row in group),
                "ids_found": sum(row["found"] for row in group),
            }
            for name, group in sorted(by_material.items())
        },
    }


def of_keys(chunks: list[dict[str, NDArray[Any]]]) -> dict[str, Any]:
    """The tail of the best word's score over wrong keys."""
    drawn = np.concatenate([chunk["drawn"] for chunk in chunks])
    derived = np.concatenate([chunk["derived"] for chunk in chunks])
    everything = np.concatenate([drawn, derived])
    fitted = tail.fit(everything, max(TAIL_SHARE, 10.5 / everything.size))
    most = {
        str(int(level)): float(max(chunk["inflation"][i] for chunk in chunks))
        for i, level in enumerate(words.LEVELS)
    }
    least = tail.least_score(CLAIM, CHARGED)
    scale = np.sqrt(1.0 / drawn.size + 1.0 / derived.size)
    return {
        "keys": everything.size,
        "derived": derived.size,
        "authenticated": int(sum(int(chunk["authenticated"]) for chunk in chunks)),
        "best_score": float(everything.max()),
        "drawn_against_derived": distance(drawn, derived) / scale,
        "tail": {
            "share": fitted.share,
            "threshold": fitted.threshold,
            "shape": fitted.shape,
            "scale": fitted.scale,
            "exceedances": fitted.exceedances,
            "distance": fitted.distance,
        },
        "claim": CLAIM,
        "words_charged": CHARGED,
        "least_score": {str(keys): tail.least_score(CLAIM, keys * CHARGED) for keys in KEYS},
        "stated_at_least": evidence.false_positive_probability(least, CHARGED),
        "beyond_least_fitted": fitted.beyond(least),
        "beyond_least_cautious": fitted.cautious(least),
        "beyond_least_bound": 2.0 ** evidence.log2_chance_of_any_word(least),
        "compared": [
            {
                "score": value,
                "measured": float(np.mean(everything >= value)),
                "sphere_any_word": 2.0
                ** (INFORMATION_BITS + tail.log2_sphere(value, LAYOUT_1.coded_bits)),
            }
            for value in COMPARED
        ],
        "inflation_bits": most,
        "kurtosis": [float(f(c["kurtosis"] for c in chunks)) for f in (min, max)],
        "correlation_most": float(max(chunk["correlation"] for chunk in chunks)),
    }


def distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Kolmogorov's distance between two samples."""
    at = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(s), at, side="right") / s.size for s in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def gumbel_beyond(maxima: NDArray[Any], value: float) -> float:
    """P(maximum >= value) by a Gumbel distribution with the sample's mean and deviation."""
    scale = float(maxima.std()) * np.sqrt(6.0) / np.pi
    if scale == 0.0:
        return float(maxima[0] >= value)
    return float(-np.expm1(-np.exp(-(value - (maxima.mean() - EULER * scale)) / scale)))


def markdown(result: dict[str, Any]) -> str:
    """A page of the figures."""
    lines = [
        "# Calibration",
        "",
        "log2 of the chance that one given codeword reaches a score, by the sizes of soft bits: "
        "as it is, by Chernoff's bound for those sizes, as it is charged, and for a random "
        "direction.",
        "",
        "| sizes | score | as it is | Chernoff | charged | random direction |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['sizes']} | {row['score']:.0f} | {row['log2_true']:.1f} +- {row['error']:.1f} | "
        f"{row['log2_chernoff']:.1f} | {row['log2_charged']:.1f} | {row['log2_sphere']:.1f} |"
        for row in result["sizes"]
    ]
    if "searches" in result:
        found = result["searches"]
        lines += [
            "",
            f"{found['searches']} whole searches, {found['ids_found']} ids; {found['decodes']} "
            f"decodes; words a search: median {found['words_median']:.0f}, most "
            f"{found['words_most']}; largest score {found['best_score']:.1f}.",
            f"Pilot over {found['pilot_searches']} searches: most {found['pilot_most']:.2f}, "
            f"{found['weak']} weak (95 % bound if none: {found['weak_bound_95']:.2g}; Gumbel "
            f"{found['weak_gumbel']:.2g}).",
            "", "| the pilot is looked for as | times | median | nine in ten under | most | "
            "independent places | reached |",
            "|---|--:|--:|--:|--:|--:|---|",
        ]  # fmt: skip
        lines += [
            f"| {row['search']} | {row['count']} | {row['median']:.2f} | {row['ninety']:.2f} | "
            f"{row['most']:.2f} | {row['places']:.2g} | "
            + ", ".join(f"{least}: {share:.2g}" for least, share in row["reached"].items())
            + " |"
            for row in found["pilot_nulls"]
        ]
        lines += [
            "", "| material | searches | ids | words | best score | pilot | weak |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]  # fmt: skip
        lines += [
            f"| {name} | {row['searches']} | {row['ids_found']} | {row['words_most']} | "
            f"{row['best_score']:.1f} | {row['pilot_most']:.2f} | {row['weak']} |"
            for name, row in found["materials"].items()
        ]
    if "keys" in result:
        keys = result["keys"]
        fitted = keys["tail"]
        lines += [
            "",
            f"{keys['keys']} wrong keys ({keys['derived']} truly derived, of which "
            f"{keys['authenticated']} authenticated); largest score {keys['best_score']:.1f}. "
            f"Drawn against derived: Kolmogorov {keys['drawn_against_derived']:.2f} (1.36 at 5 %).",
            f"Generalised Pareto over {fitted['threshold']:.1f} ({fitted['exceedances']} values): "
            f"shape {fitted['shape']:.3f}, scale {fitted['scale']:.2f}, distance "
            f"{fitted['distance']:.4f}.",
            f"Beyond the least score: fitted {keys['beyond_least_fitted']:.2g}, exponential "
            f"{keys['beyond_least_cautious']:.2g}, stated {keys['beyond_least_bound']:.2g}.",
            f"Least score that keeps {keys['claim']:g} at {keys['words_charged']} words a key: "
            + ", ".join(f"{value:.1f} ({n} keys)" for n, value in keys["least_score"].items())
            + ".",
            f"Inflation over the sphere, most bits: {keys['inflation_bits']}; soft bits' fourth "
            f"moment {keys['kurtosis'][0]:.3f} to {keys['kurtosis'][1]:.3f}; neighbours' "
            f"correlation at most {keys['correlation_most']:.2f} of white's.",
            "", "| score | measured share | 2^96 x sphere |", "|--:|--:|--:|",
        ]  # fmt: skip
        lines += [
            f"| {row['score']:.0f} | {row['measured']:.2g} | {row['sphere_any_word']:.2g} |"
            for row in keys["compared"]
        ]
    return "\n".join(lines) + "\n"
