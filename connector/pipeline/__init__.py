"""The flow in reading order: intake, triage, write-back, and the pass that runs them."""
