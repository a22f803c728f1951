"""The invisible watermark: numbers in, numbers out, no I/O."""
