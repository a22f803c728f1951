"""The invisible watermark: numbers in, numbers out, no I/O.

The rooms, each of which imports only from those before it: :mod:`.code` what a mark is,
:mod:`.picture` what a picture shows and hides, :mod:`.embed` marking and :mod:`.pilot` hearing the
pilot, :mod:`.read` reading under a map and :mod:`.find` finding it, :mod:`.where` the mark is, and
:mod:`.detector`, which runs the steps of docs/watermark.md.
"""
