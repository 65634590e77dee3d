"""Cases over several schools: what is asked of another school, who answers there, and what its own case may tell."""
