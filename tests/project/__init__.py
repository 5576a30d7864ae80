"""Whether the files around the code agree with the code."""
