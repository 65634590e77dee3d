"""The one room that turns HTML into PDF, and prepares the fonts for it."""
