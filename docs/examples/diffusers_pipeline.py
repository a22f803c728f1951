"""Stamp what a diffusers video pipeline makes, before it is ever encoded.

    pip install provenance-stamp diffusers transformers accelerate ftfy torch
    python diffusers_pipeline.py "a walk through a gallery" gallery.mp4

Keys are taken from ./keys (`provenance keys init`).  Any pipeline with `output.frames` will do, as
lists of PIL images (output_type="pil") or as floats from 0 to 1 (output_type="np").
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import provenance


def stamp_output(
    stamper: provenance.Stamper,
    output: Any,
    targets: Sequence[str],
    *,
    fps: float,
    claims: provenance.Claims,
) -> list[provenance.StampResult]:
    """Write each clip of a pipeline's output to its own file, marked and signed.

    Args:
        stamper: holds the keys and the registry.
        output: what the pipeline returned: `frames[clip][frame]` is (H, W, 3).
        targets: a file name for each clip.
        fps: frames a second.
        claims: what the manifests say.
    """
    results = []
    for frames, target in zip(output.frames, targets, strict=True):
        height, width = np.shape(frames[0])[:2]
        with stamper.open(target, width=width, height=height, fps=fps, claims=claims) as clip:
            clip.write_all(frames)
        results.append(clip.result)
    return results


def main(prompt: str, target: str) -> None:
    """Generate one clip, and stamp it."""
    import torch  # noqa: PLC0415 - only who runs a model needs them
    from diffusers import WanPipeline  # noqa: PLC0415

    model = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    pipeline = WanPipeline.from_pretrained(model, torch_dtype=torch.bfloat16).to("cuda")
    output = pipeline(prompt, num_frames=81, output_type="np")

    keyring = provenance.Keyring.load("keys")
    claims = provenance.Claims.of(
        keyring, model_name="Wan2.1-T2V-1.3B", model_version="2.1", prompt=prompt
    )
    with provenance.Registry("registry.db", create=True) as registry:
        stamper = provenance.Stamper(keyring, registry=registry)
        (result,) = stamp_output(stamper, output, [target], fps=16, claims=claims)
    print(result.stamp_id, result.output_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
