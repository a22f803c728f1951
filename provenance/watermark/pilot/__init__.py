"""The pilot in a residual: as peaks of the power spectrum, by its phases over every translation,
and a map fitted to its local phases."""
