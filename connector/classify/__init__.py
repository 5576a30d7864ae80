"""The thinking: what a submission is about, and how sure that is."""
