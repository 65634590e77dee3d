"""Installations as released versions of the program left them: packed, opened again, and made for the next release.

Every person in them is made up; keys and passwords are thrown away with them, and stand here for everybody to read.
"""
