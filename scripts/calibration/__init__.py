"""How often the detector would find what is not there: see ``scripts/calibrate``."""
