"""What a scenario folder holds, and how it is read."""
