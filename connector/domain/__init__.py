"""What the connector talks about: frozen values without behaviour that could fail."""
