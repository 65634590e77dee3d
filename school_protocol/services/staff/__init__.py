"""People who work: who administers whom, accounts and appointments, training certificates, lists brought in."""
