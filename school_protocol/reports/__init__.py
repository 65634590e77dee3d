"""What pupils, parents and witnesses report (signalement): public form, receipt, triage, posters."""
