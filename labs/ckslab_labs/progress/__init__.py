"""What a learner has done, kept in one file. Nothing here knows what a check is, or what is shown of it."""
