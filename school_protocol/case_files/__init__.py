"""What is handed out about a case: case file, letters, copies; issued, stamped, verified."""
