"""What is kept, kept safe: master keys and their recovery copy, backups, restoring, and the drill of it."""
