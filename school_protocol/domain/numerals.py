"""Digits as people type them: Arabic-Indic and Persian ones are Latin ones to whoever compares or reckons."""

_LATIN = {ord(char): str(digit) for row in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for digit, char in enumerate(row)}


def latin(text: str) -> str:
    """The same text in Latin digits."""
    return text.translate(_LATIN)
