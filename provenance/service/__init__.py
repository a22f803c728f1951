"""The verification desk: what ``provenance verify`` knows, for people with a browser and programs.

Everything here is handed what it works with; settings are the command line's to read.
"""
