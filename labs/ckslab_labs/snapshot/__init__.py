"""Capture and restore a cluster's whole state."""
