"""What is handed out about a case: case file, letters, bundles, copies; issued, stamped, verified."""
