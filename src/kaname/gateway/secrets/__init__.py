"""Credentials of providers, sealed in the database and named by `{secret: name}` in the configuration."""
