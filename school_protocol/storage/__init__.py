"""Stores and what keeps them true: engines, migrations, keys and sealing, journal, blobs, backups."""
