"""Control-plane binaries, built from source."""
