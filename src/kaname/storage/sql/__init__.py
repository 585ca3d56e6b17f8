"""Metadata store: SQLite by default, PostgreSQL by URL, one dialect-neutral SQLAlchemy Core for both."""
