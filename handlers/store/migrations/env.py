"""Runs migrations on the connection that `handlers.store.migrate` hands over; there is no other way in."""

from alembic import context

from handlers.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
