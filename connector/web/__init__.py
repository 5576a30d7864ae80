"""The endpoint for the helpdesk's webhooks: signed hints which ticket to read now (extra `web`)."""
