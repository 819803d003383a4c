"""One file per kind of probe; the registry is the list below."""
