"""The pilot's thresholds, as rates of false alarm.

In noise the pilot's score at one place, that is under one map, is a standard normal
(:func:`.pilot.correlation.pilot_score`; a test draws it).  A search keeps the best of all its
places, so a threshold is said as the share of searches of noise that may reach it, and corrected
for the places (:func:`threshold`).  How many these are follows from the search, or was measured
where neighbours are so alike that it does not.

In pictures the share is larger: the maps that are located are those under which a spectrum is loud,
and textures are louder than noise.  ``scripts/calibrate`` searches pictures with wrong keys, and
prints which share reached each threshold (docs/false-finds.md); it is named beside it.  An alarm
costs a fit or a read that finds nothing, so a rate is a trade of seconds for finds; what marked
copies scored, and what was lost above, is named too.  That no id is read where none is, is seen to
elsewhere (:mod:`.read.evidence`).

Three scores are no such normals and have no rates: those along a path (``COURSES_PATH_SCORE``) and
in a power spectrum (``COURSES_SEEN``), and that of a weak mark (``WEAK_PILOT``), which by chance
nothing reaches, but a texture may.  They stand in :mod:`.tuning`.
"""

from __future__ import annotations

from statistics import NormalDist

from provenance.watermark.tuning import OUTLINES_OFF, OUTLINES_STRETCHES, PILOT_NEARBY


def threshold(rate: float, places: float) -> float:
    """The score that the best of some standard normals reaches at a rate, or more seldom.

    Each may then have ``rate / places`` (Bonferroni): a bound also where they are alike.

    Args:
        rate: over 0 and under 1.
        places: how many normals.
    """
    return -NormalDist().inv_cdf(rate / places)


# How many places a search has

EITHER_SIGN = 2
"""Places of one map, of either sign.  [geometry]"""

ANYWHERE = 4 * 512**2
"""All translations by whole pixels of the tile, as is and turned, of either sign.  [geometry]"""

NEARBY = (2 * PILOT_NEARBY) ** 2
"""Translations nearby, upright, of one sign.  [geometry]"""

CROPS = 1e7
"""Of the scales, mirrorings and translations of a crop.  [measured] As so many independent ones
did at the quartiles of 48 searches of clips: 5e6 to 1.1e7."""

OUTLINED = 4 * len(OUTLINES_STRETCHES) * len(OUTLINES_OFF) ** 2
"""Aspects and shifts of what fills an outline, mirrored or not, of either sign.  [geometry]"""

AROUND = 1e8
"""Of the maps that are drawn around a tilted one, in three rounds.  [measured] At the quartiles of
576 searches of clips: 4e7 to 2.8e8."""

# From likely to fitted (find/fits.py)

FITS_AUDIBLE = threshold(1e-3, ANYWHERE)
"""Pilot score from which a map that was located is fitted.  [measured] Reached by 26 % of the
likeliest maps without a mark.  All 22 that read on 223 copies had 7.5 and more, but 1 of 14 insets
of a third of the width was lost at 7."""

FITS_NEARBY = threshold(1e-5, NEARBY)
"""The same where only translations nearby were tried.  [measured] Reached by 1.1 % of the likeliest
maps without a mark; what read on 117 copies had 6.2 and more."""

FITS_PROMISING = threshold(1e-6, ANYWHERE)
"""Pilot score from which a fit goes on as long as it grows.  [measured] Reached by 16 % of the fits
without a mark; what reads has at least 7."""

FITS_READ_FROM = threshold(0.3, ANYWHERE)
"""Pilot score, after fitting, from which a map is read under.  [measured] Reached by 63 % of the
fits without a mark, so that this spares few reads.  All 39 that read on 223 copies had 9.6 and
more; of 14 insets of a third of the width in a textured picture, which read with 10 dB, 13 are
found from 5, 12 from 6 and 5 from 8."""

PANELS_HEARD = threshold(1e-3, ANYWHERE)
"""Pilot score, after fitting, from which a panel is looked at again with more frames (in
``provenance.verifying.search``).  [measured] What reads has 6.2 and more; insets in copies of six
clips were all read at the first look."""

# Step 1 (find/identity.py)

IDENTITY_READ_FROM = threshold(3e-3, ANYWHERE)
"""As ``FITS_READ_FROM``, of the small correction.  [measured] Reached by 11 % of the corrections
without a mark; those that read had 7.1 and more, and what lies where it lay is read without any."""

# Step 2 (find/spans.py)

SPANS_HEARD = threshold(5e-4, EITHER_SIGN)
"""Pilot score, of either sign, from which a stretch is read.  [measured] Reached by none of 272
stretches without a mark; what reads has 7 to 16, being of a pilot with a quarter of the energy."""

# Step 3 (find/crops.py)

CROPS_HEARD = threshold(0.2, CROPS)
"""Score from which a crop is fitted.  [measured] Reached by 21 % of the searches without a mark;
crops that read had 9.5 and more."""

CROPS_READ_FROM = threshold(0.01, CROPS)
"""As ``FITS_READ_FROM``.  [measured] Reached by 14 of the 24 crops without a mark that were
fitted; those that read had 6.2 and more."""

# Step 7 (find/outlines.py)

OUTLINES_SEEN = threshold(0.05, EITHER_SIGN)
"""Pilot score, of either sign, from which what fills an outline is read as it looks.  [hand]"""

OUTLINES_HEARD = threshold(0.1, OUTLINED)
"""Score of the best aspect, side and shift from which that is read, and fitted.  [measured] What
reads had 4.6 and more; without a mark the best of all outlines of a picture has 3.5 to 5.7."""

# Step 8 (find/tilts.py)

TILTS_HEARD = threshold(4e-3, AROUND)
"""Score from which what was found around a tilted map is fitted.  [measured] Reached by 30 % of
the searches without a mark.  Of 223 copies none was found by this step."""
