"""Clusters made by kind: real nodes in containers, real pods."""
