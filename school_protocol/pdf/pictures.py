"""A picture made ready for a page: fewer points, no transparency, nothing beside its points."""

from __future__ import annotations

from io import BytesIO
from threading import Lock

MEDIA_TYPE = "image/jpeg"
_POINTS_MOST = 4_000_000
_DECODED_MOST = 40_000_000
_QUALITY = 88
_TALLEST = 3
"""So many times its width a picture may be high: of a taller one nobody reads the words on one page."""
_ONE = Lock()
"""What Pillow takes for damaged is a setting of the whole process."""


def for_page(data: bytes) -> bytes | None:
    """A JPEG of a PNG or JPEG, in three colours on white; None where it is neither, too large, too tall, or damaged.

    The same picture, the same bytes.
    """
    from PIL import Image, ImageFile

    with _ONE:
        before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False  # WeasyPrint takes any
        try:
            with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as found:
                is_taken = found.width * found.height <= _DECODED_MOST and found.height <= _TALLEST * found.width
                return _written(found) if is_taken else None
        except Exception:  # whatever a reader of pictures says, it is none that can be printed
            return None
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _written(found: object) -> bytes:
    from PIL import Image

    assert isinstance(found, Image.Image)
    scale = (_POINTS_MOST / (found.width * found.height)) ** 0.5
    points = found.convert("RGBA") if found.has_transparency_data else found.convert("RGB")
    if scale < 1:
        size = max(1, int(found.width * scale)), max(1, int(found.height * scale))
        points = points.resize(size, Image.Resampling.LANCZOS)
    page = Image.new("RGB", points.size, "white")
    page.paste(points, mask=points if points.mode == "RGBA" else None)
    made = BytesIO()
    page.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()
