"""What cases ask of other schools: rows for whoever answers there."""
