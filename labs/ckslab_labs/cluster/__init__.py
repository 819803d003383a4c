"""The cluster port and its one client."""
