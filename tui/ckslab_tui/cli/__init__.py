"""The ckslab command: one small file per verb."""
