"""Is the task done? Outcomes, probes, the engine, suites."""
