"""The helpdesks: how the connector talks to each of them."""
