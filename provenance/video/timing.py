"""One clock for the reader and the writer: seconds as a player shows them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)


@dataclass(slots=True)
class Clock:
    """Presentation timestamps of a stream as seconds since ``origin``.

    The origin is where the container starts (a transport stream starts anywhere), but never below
    zero unless the picture itself starts there: the encoder delay of an audio track, which lies
    at negative times, must not move the picture's clock.
    """

    time_base: Fraction
    origin: Fraction
    step: Fraction
    _last: Fraction | None = None

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> Clock:
        """The clock of ``stream``; both must be freshly opened."""
        base = Fraction(stream.time_base or Fraction(1, 1000))
        first = Fraction(stream.start_time or 0) * base
        begin = Fraction(container.start_time or 0) * _MICROSECOND
        if container.start_time is None:
            begin = first
        if begin < 0:
            begin = min(first, Fraction(0))
        if abs(begin - first) < 2 * _MICROSECOND:
            begin = first  # the container's start is the stream's, rounded to microseconds
        rate = stream.average_rate or stream.guessed_rate
        return cls(base, begin, Fraction(1) / Fraction(rate) if rate else Fraction(1, 25))

    def seconds(self, frame: VideoFrame, stream: VideoStream) -> float:
        """Presentation time of ``frame``; frames without one follow the frame before."""
        if frame.pts is None:
            exact = Fraction(0) if self._last is None else self._last + self.step
        else:
            exact = frame.pts * Fraction(frame.time_base or self.time_base) - self.origin
        self._last = exact
        return float(exact)

    def ticks(self, seconds: float) -> int:
        """``seconds`` on this clock in units of the stream's time base, rounded down."""
        return int((Fraction(seconds) + self.origin) // self.time_base)
