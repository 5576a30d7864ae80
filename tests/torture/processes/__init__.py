"""Real processes of the connector, really killed, stopped and asked to end."""
