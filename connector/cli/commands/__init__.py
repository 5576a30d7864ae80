"""Every command with its options and help; the work is in the module each command imports when it runs."""
