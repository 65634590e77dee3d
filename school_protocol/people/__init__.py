"""Units, staff, teams, imports, invitations, roster, certificates of training."""
