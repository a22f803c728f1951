"""Where the stamped picture may lie in what was observed, one file a strategy."""
