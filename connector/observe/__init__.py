"""What the connector tells about itself while it works."""
