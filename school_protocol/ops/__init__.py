"""Running an installation: doctor, going live, worker and queue, backups, demo and samples."""
