"""Is it any good: labels as ground truth, honest measures, thresholds that keep their word."""
