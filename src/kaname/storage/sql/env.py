"""What Alembic runs for every migration. `migrations.py` hands over an open connection; there is no other way in."""

from alembic import context

from kaname.storage.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # `migrations.py` holds the whole upgrade in one transaction; SQLite's DDL is transactional too.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
