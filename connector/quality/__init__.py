"""Is it any good, and is it getting worse: labels as ground truth, and what follows from them."""
