"""The whole of a protocol as a picture: laid out once as plain values, then written as SVG for a browser or a paper."""

from school_protocol.definitions.drawing.layout import drawn
from school_protocol.definitions.drawing.picture import Arrow, Box, Drawing, Entry, Lane
from school_protocol.definitions.drawing.scheme import begun_in, kind_of
from school_protocol.definitions.drawing.writing import fragment, key_of, svg

__all__ = ["Arrow", "Box", "Drawing", "Entry", "Lane", "begun_in", "drawn", "fragment", "key_of", "kind_of", "svg"]
