"""The constants of the search, in one place: tune it here and run scripts/bench_robustness.

None of them is part of a layout (:mod:`.code.spec`): changing one changes what is found, and how
fast, never what a mark is.  None is shared with embedding (:mod:`.embed.profiles`).  Where a value
comes from is marked:

- [geometry] follows from sizes: of the picture, the tile, a DFT point, the pilot's frequencies
- [measured] lies clear of figures that were measured, which are named
- [cost] how much is tried: a trade of seconds for finds, set by hand
- [hand] set by hand while developing; no measurement is on record

Thresholds of the pilot's score are rates of false alarm and stand in :mod:`.alarms`.  The constants
of reading's proof stand in :mod:`.read.evidence`, those of where a mark is with what they
decide, in :mod:`.where`.
"""

from __future__ import annotations

import numpy as np

# Hearing the pilot (pilot/correlation.py)

PILOT_BLOCK = 64
"""Canonical pixels, side of the blocks whose phases are looked at.  [geometry] Four to nine
periods of a pilot point, short enough that a map to be fitted moves little within one."""

PILOT_POINT_CLIP = 4.0
"""Deviations one pilot point may add to a score: a weave or a grid hits one or two, not 16.
[hand]"""

PILOT_NEARBY = 48
"""Canonical pixels by which a picture that is seen whole is moved at most.  [hand]"""

PILOT_FAINT = 0.05
"""Share of its weight that a place without the pilot keeps when reading.  [hand]"""

# Fitting (pilot/fitting.py)

FIT_ROUNDS = 20
"""Steps of Fisher scoring at most, for each number of terms.  [cost]"""

FIT_ENOUGH = 0.01
"""Canonical pixels, the largest change of a term from which a fit has settled.  [geometry] A
hundredth of a radian at the pilot's frequencies."""

FIT_UNIT = 320.0
"""Canonical pixels by which coordinates are divided in the fit, so that its terms are of a
size.  [geometry] Half the long side at 16:9."""

# Peaks of the power spectrum (pilot/peaks.py)

PEAKS_SIZE = 1024
"""DFT points, side of the spectrum of the whole.  [geometry] The power of two over 16:9 at
360 lines."""

PEAKS_AXIS = 2
"""DFT points either side of an axis that hold straight edges, not the pilot.  [hand]"""

PEAKS_LOCAL_MEAN = 31
"""DFT points, side of the box over which a point's surroundings are averaged.  [hand]"""

PEAKS_CLIP = 4.0
"""Local means: a single strong line must not outvote the other fifteen points.  [hand]"""

PEAKS_LINE = 3.0
"""Local means beyond which a point is kept out of the mean.  [hand]"""

PEAKS_SPREAD_BOX = 61
"""DFT points, side of the box over which the deviation is taken.  [hand]"""

PEAKS_SCALES = (0.28, 3.2)
"""Stamped canonical pixels to an observed one, of the dense families.  [geometry] A copy
between a third of the frame and a crop to a quarter of the sides."""

PEAKS_SCALE_STEP = 0.004
"""Natural logarithm of scale between neighbours.  [geometry] At 0.15 cycles a pixel, half a
point of the spectrum of the whole."""

PEAKS_ANGLE_STEP = np.radians(0.25)
"""Radians between neighbours; half a point as well.  [geometry]"""

PEAKS_STRETCH = 1.5
"""Most that the two axes of a map differ in scale.  [hand] 4:3 shown as 16:9 is 1.33."""

PEAKS_TRACKED = 80
"""Peaks that the star tracker takes.  [cost] Of 16 that the pilot has."""

PEAKS_MAX_CONDITION = 1.7
"""Largest ratio of a map's two scales that the star tracker gives.  [hand]"""

# Tilts in tables (pilot/tables.py)

TABLES_STEP = 0.03
"""Of the grid of logarithms: at the pilot's frequencies less than a window can tell apart.
[geometry]"""

TABLES_SPANS = (17, 5, 3, 3)
"""Grid steps either side of the identity: scale, stretch, and both off-diagonal terms.
[cost]"""

TABLES_ROOM = (13, 7, 6, 6)
"""More of them in the tables, for what tilts add.  [geometry]"""

TABLES_TILT_STEP = 0.04
"""Change of scale, from the middle to the long edge, between neighbouring tilts.  [geometry]"""

TABLES_TILTS = 9
"""Tilt steps either side.  [cost]"""

TABLES_BEST = 4
"""Linear maps kept for each tilt.  [cost]"""

TABLES_APART = 2
"""Steps by which two candidates differ at least, in one of the six.  [hand]"""

# Spectra of windows (pilot/windows.py)

WINDOWS_SIDE = 224
"""Canonical pixels, side of a window.  [hand] Small enough for a keystone to be nearly linear
in it."""

WINDOWS_STEP = 96
"""Canonical pixels from window to window, about.  [cost]"""

WINDOWS_SIZE = 512
"""DFT points, side of a window's spectrum.  [geometry] The power of two over twice the
window."""

WINDOWS_LOCAL_MEAN = 31
"""DFT points, as ``PEAKS_LOCAL_MEAN``.  [hand]"""

WINDOWS_TILT = 0.30
"""Largest change of scale between the picture's middle and its long edge that is tried.
[hand]"""

WINDOWS_TILT_STEPS = 13
"""Tilts tried along either axis around a linear candidate.  [cost]"""

WINDOWS_TILTED = 48
"""Maps of tilted pictures that climb, beside those around linear candidates.  [cost]"""

WINDOWS_CLIMB = 9
"""Rounds of coordinate ascent.  [cost]"""

# From likely to fitted (find/fits.py)

FITS_MOST = 5
"""Maps of each kind that are fitted, after all were located.  [cost]"""

FITS_LONGER = 3
"""Fits more, then.  [cost]"""

# Step 1 (find/identity.py)

IDENTITY_CLEAR = 2000.0
"""Score of a codeword from which the map is taken for right: a picture turned by a degree
still reads where it lay, barely, and lies elsewhere.  [hand]"""

# Step 2 (find/spans.py)

SPANS_TOGETHER = 4
"""Neighbouring spans that are read as one, before each is by itself.  [hand]"""

# Step 3 (find/crops.py)

CROPS_SIZE = 2048
"""DFT points, side of the spectrum.  [geometry] Fine enough for phases to be read off it."""

CROPS_FITTED = 12
"""Crops that are fitted at most.  [cost]"""

CROPS_LOCAL_MEAN = 41
"""DFT points, side of the box over which a point's noise is measured.  [hand]"""

CROPS_SCALES = (0.28, 1.6)
"""Stamped canonical pixels to an observed one: under 1 where the picture was cropped.  [hand]"""

CROPS_SCALE_STEP = 0.004
"""Natural logarithm of scale between neighbours.  [geometry]"""

CROPS_STEP = 2
"""Canonical pixels between the translations tried.  [geometry] The pilot's frequencies ask
for no less."""

CROPS_APART = 0.012
"""Two candidates whose scales differ by less, relative, are one.  [hand]"""

CROPS_LIKELY_SCALES = 8
"""Scales of which translations are given.  [cost]"""

CROPS_PLACES = 4
"""Translations of each.  [cost]"""

CROPS_NEARBY = 4
"""Steps around a translation that belong to the same peak.  [hand]"""

CROPS_LONGEST = 2.4
"""Sides of the longest picture that a crop is taken to come from.  [hand] 21:9 is 2.33."""

CROPS_SLACK = 8.0
"""Canonical pixels by which a crop may reach beyond the picture.  [hand]"""

# Step 4 (find/linear.py)

LINEAR_MAPS = 8
"""Linear maps that are located.  [cost]"""

# Step 5 (find/windows.py)

PROJECTIVE_MIDDLE = 12
"""Linear candidates of the windows about the middle.  [cost]"""

PROJECTIVE_NEAR = 28
"""Projective maps that are located near where the picture lay.  [cost]"""

PROJECTIVE_ANYWHERE = 14
"""Those that are also tried turned, inverted and far off: of a part of the picture.  [cost]"""

# Step 6 (find/courses.py)

COURSES_GROUPS = 16
"""Groups of pieces at most.  [hand]"""

COURSES_LINEAR = 5
"""Linear maps under which a path is looked for.  [cost]"""

COURSES_SEEN = 31.0
"""Score of a linear map in the groups' spectra from which a path is looked for under it.
[measured] Without a mark the best stands at 26 to 30; slow pans and zooms of six clips, and
nothing else was looked at, had 38 to 110."""

COURSES_PROJECTIVE = 5
"""Projective ones.  [cost]"""

COURSES_STEP = 2
"""Canonical pixels between the translations of a surface.  [geometry] As ``CROPS_STEP``."""

COURSES_REACH = 5
"""Steps a path may move from one group to the next.  [hand] Ten pixels."""

COURSES_PATH_SCORE = 3.6
"""Mean deviations along a path from which it is followed.  [measured] Without a mark the best that
moves has 2.8 to 3.6, at 8 frames a second 4.3; what read had 4.0 to 17."""

COURSES_CLIP = 3.0
"""Deviations that one point of one moment counts at most.  [hand]"""

COURSES_ENOUGH = 0.02
"""Canonical pixels, the largest change of a term from which a course has settled.  [geometry]"""

COURSES_FOLLOWED = 2
"""Paths that are followed.  [cost] All that read was the first."""

COURSES_ROUNDS = 24
"""Steps of Fisher scoring at most, for each number of terms.  [cost]"""

COURSES_BEND = 0.6
"""Canonical pixels by which the displacement's second difference between pieces is expected.
[hand]"""

# Step 7 (find/outlines.py)

OUTLINES_SLOPES = tuple(np.arange(-0.24, 0.2401, 0.006))
"""Of lines, against the axis they follow.  [cost] To 13 degrees."""

OUTLINES_GRID = 32
"""Canonical pixels between the places where a line may begin or end.  [cost]"""

OUTLINES_SHORTEST = 0.25
"""Of a line and of a picture's side, relative to the frame's.  [hand]"""

OUTLINES_AROUND = 25
"""Canonical pixels over which texture is measured that edges must exceed.  [hand]"""

OUTLINES_CLIP = 3.0
"""Times the texture around it that an edge counts at most.  [hand]"""

OUTLINES_FAINTEST = 3.0
"""Score of a line from which it is kept.  [hand]"""

OUTLINES_LINES = 12
"""Lines of either direction that are kept.  [cost]"""

OUTLINES_APART = 5.0
"""Canonical pixels by which an end differs from that of a better line.  [hand]"""

OUTLINES_SAMPLES = 64
"""Places along a side where the edge is looked at.  [cost]"""

OUTLINES_FOUND = 8
"""Outlines that are looked into.  [cost]"""

OUTLINES_READ = 4
"""Outlines that are read as seen, and as heard.  [cost]"""

OUTLINES_MARGIN = 2.0
"""Canonical pixels within an outline that belong to the edge.  [hand]"""

OUTLINES_STRETCHES = np.exp(np.arange(-0.2, 0.2001, 0.01))
"""Of the picture's aspect, against what the outline looks like.  [cost]"""

OUTLINES_OFF = np.arange(-8.0, 8.1, 2.0)
"""Canonical pixels by which a border may be misplaced.  [hand]"""

# Panels (find/panels.py)

PANELS_SHORTEST = 0.18
"""Of a panel's sides, relative to the frame's.  [hand] A quarter of the width at 16:9 in a 4:3
frame is 0.19 of the height."""

PANELS_CLEAR = 4.0
"""Support of a side from which there is a border.  [measured] Borders of insets in clips stood at
8 to 22, those of unmarked clips' own pictures mostly under 4."""

PANELS_EDGE = 0.03
"""Share of the frame's side within which a line is the frame's own edge.  [hand]"""

PANELS_ALIKE = 0.8
"""Share of what two panels cover that both do, from which they are one.  [hand]"""

PANELS_WHOLE = 0.85
"""Share of the frame from which a panel is the whole picture.  [hand]"""

PANELS_FOUND = 6
"""Panels that are looked into.  [cost]"""

# Borders of insets (find/borders.py)

BORDERS_ALONG = 15
"""Canonical pixels along a border over which differences are averaged.  [hand]"""

BORDERS_NEAR = 16
"""Canonical pixels across it over which differences are usual.  [hand]"""

BORDERS_SIDES = 3
"""Of an inset's four sides, at least; what has fewer is a picture beside others.  [hand]"""

BORDERS_USUAL = 1.35
"""Times the usual difference that lines of a texture have here and there.  [hand]"""

BORDERS_CLIP = 4.0
"""Times the usual difference that a place counts at most.  [hand]"""

BORDERS_LINE = 12.0
"""Score of a line from which it is looked into.  [geometry] Of one that is as long as the shortest
side, and just clear enough."""

BORDERS_CLEAR = 1.6
"""What each border shows at least, and more than its lines beyond the corners do.  [measured] Of
12 insets of 25 to 60 % of the width the faintest border had 2.4, in a single frame mostly 1.6 and
more; what looked most like one in ten clips without had 1.2."""

BORDERS_EDGE = 0.01
"""Share of the frame's side within which a line is the frame's own edge.  [hand]"""

# Step 8 (find/tilts.py)

TILTS_AROUND = 12
"""Tilted maps around which better ones are looked for.  [cost]"""

TILTS_ROUNDS = ((12.0, 1024), (5.0, 256), (2.0, 256))
"""Canonical pixels at the edges, and how many maps: around the start, then around the best.
[cost]"""

TILTS_SHIFT = 48
"""Canonical pixels of translation tried either side.  [hand]"""

TILTS_SHIFT_STEP = 3
"""Canonical pixels between them.  [geometry]"""

# Step 9 (find/parts.py)

PARTS_MAPS = 3
"""Linear maps of each part that are located.  [cost] Of 223 copies none was found by this step, as
the steps before it found all insets."""

# Step 11 (find/following.py, detector.py)

FOLLOWING_MOMENTS = 8
"""Moments from which following is worth its while.  [hand]"""

# Reading (read/reader.py)

READ_REFINEMENTS = 3
"""Fits at most from a map that read, each as long as the score grows.  [cost]"""

FOLLOWING_MUCH_BETTER = 1.3
"""Times the score by which following must gain on a still map that read.  [hand]"""

FOLLOWING_MUCH_MORE = 1.25
"""Times the marked seconds that it must show: in a splice it gains in score, and nothing
else...  [hand]"""

FOLLOWING_FAR_BETTER = 3.0
"""...and there never this many times the score, which a camera held by hand does.  [hand]"""

# What is said (where/report.py)

WEAK_PILOT = 14.0
"""Pilot score, after fitting, from which an unread mark is suspected; 16 is the most there
is.  [measured] With wrong keys the best of the whole search stayed under 9 on clips and
reached 13.3 on a weave (docs/false-finds.md)."""
