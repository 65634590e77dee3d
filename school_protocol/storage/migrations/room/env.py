"""Runs on the connection that `storage.migrate` hands in; there is no other way to call it."""

from alembic import context

from school_protocol.storage.migrate import run_on_given_connection

run_on_given_connection(context)
