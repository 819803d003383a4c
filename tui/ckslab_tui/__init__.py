"""Everything that a person types or sees."""
