"""Marking: how strongly, a pattern made for the very clip, and frames changed by it."""
