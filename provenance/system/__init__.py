"""The machine: files, containers, processes, object stores, text for people.  Knows no stamps."""
