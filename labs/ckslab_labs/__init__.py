"""What a lab is and where it runs: scenarios, the cluster port, providers, binaries, snapshots and sessions."""

__version__ = "0.1.0"
