"""Figures of cases by unit and month: counted as cases go on, read, and made anew."""
