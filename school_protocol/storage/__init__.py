"""Stores and what keeps them true: engines, migrations, keys and sealing, journal, blobs, backups. Everything of SQLAlchemy is in
here and in the `models` and `repository` modules of the packages.
"""
