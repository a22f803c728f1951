"""Where a mark that was read is: which seconds and which part of the picture carry it."""
