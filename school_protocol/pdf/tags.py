"""The tree by which a PDF is read aloud, searched and reflowed: one element of it for each element of the page.

WeasyPrint makes an element of each box of each page: a table that goes on is another table, its repeated head is read
again, no passage has a language, and what runs at the head of each page is tagged as text of nothing. Here the tree
follows the HTML: what goes on over pages is one, what is only there for the eye is an artifact, and languages, scopes
and alternative texts are those that the template says (`lang`, `scope`, `alt`, `aria-label`, `aria-hidden`). A table
that only puts things in their place (`role="presentation"`) is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

_SVG = "{http://www.w3.org/2000/svg}svg"
_ROLES = {
    "section": "Sect", "article": "Art", "blockquote": "BlockQuote", "p": "P", "ul": "L", "ol": "L", "li": "LI",
    "table": "Table", "caption": "Caption", "thead": "THead", "tbody": "TBody", "tfoot": "TFoot", "tr": "TR",
    "th": "TH", "td": "TD", "img": "Figure", _SVG: "Figure", "a": "Link",
    **{f"h{level}": f"H{level}" for level in range(1, 7)},
}  # fmt: skip
_SCOPES = {"col": "Column", "row": "Row", "colgroup": "Column", "rowgroup": "Row"}
_TABLE = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"})
_INLINE = frozenset({"span", "bdi", "br", "b", "i", "em", "strong", "small", "code", "abbr", "q", "cite", "time"})
_PIXEL = 0.75
"""Points."""


@dataclass(slots=True, eq=False)
class Node:
    """One element of the tree, with what it says of itself."""

    role: str
    pdf: Any
    language: str
    kids: list[Any] = field(default_factory=list)
    """Elements, pieces of content as page and number, and references to annotations."""
    page: int | None = None

    def add(self, page: int, number: int) -> None:
        if self.page is None:
            self.page = page
        self.kids.append((page, number))


def add_tags(pdf: Any, document: Any, streams: Sequence[Any], root: Element) -> None:
    """Give `pdf` its tree, and tell the text of each page's stream from what is only there for the eye.

    In the place of `weasyprint.pdf.tags.add_tags`; `root` is the page's own `<html>`.
    """
    tree = _Tree(pdf, root)
    for number, (page, stream) in enumerate(zip(document.pages, streams, strict=True)):
        tree.read(number, page._page_box, stream)
    tree.write()


class _Tree:
    def __init__(self, pdf: Any, root: Element) -> None:
        self.pdf = pdf
        self.parents = {child: parent for parent in root.iter() for child in parent}
        self.nodes: dict[Element, Node] = {}
        self.items: dict[Node, tuple[Node, Node]] = {}
        """Bodies of list items, with their list and their item."""
        self.ids: dict[str, Node] = {}
        self.named: dict[Element, str] = {}
        self.annotations: list[tuple[Any, Node]] = []
        self.pages: list[list[Node]] = []
        self.heads: dict[Element, int] = {}
        """Heads and feet of tables, and the page on which each stands first."""
        self.top = self._made("Document", None, root.get("lang", ""))
        self.order = [self.top]

    # ---- reading the pages -----------------------------------------------------------------------------------

    def read(self, number: int, page_box: Any, stream: Any) -> None:
        """Every piece of one page's content, in the order of the boxes, which is that of the HTML."""
        self.pages.append([])
        told: dict[int, tuple[str, Mapping[str, Any]]] = {}
        for box, why in self._boxes(page_box, number):
            mark = stream._tags.pop(box, None)
            if mark is not None:
                told[mark["mcid"]] = self._artifact(why) if why else self._content(box, number, page_box)
            elif why is None and self._is_cell(box.element):
                self._node(box.element)  # an empty one is one too
            if box.link_annotation and why is None:
                self._link(box, number)
        _retell(stream, told)

    def _boxes(self, top: Any, number: int) -> Iterator[tuple[Any, str | None]]:
        """Each box, and why it is none of the text, if it isn't."""
        from weasyprint.formatting_structure import boxes
        from weasyprint.layout.absolute import AbsolutePlaceholder

        waiting: list[tuple[Any, str | None]] = [(top, None)]
        while waiting:
            box, why = waiting.pop()
            if isinstance(box, AbsolutePlaceholder):
                box = box._box
            why = self._why_not(box, number, boxes) or why
            yield box, why
            if isinstance(box, boxes.ParentBox):
                waiting.extend((child, why) for child in reversed(box.children))

    def _why_not(self, box: Any, number: int, boxes: Any) -> str | None:
        """Why a box, by itself, is none of the text."""
        element = box.element
        if isinstance(box, boxes.MarginBox):
            return "Header" if box.at_keyword.startswith("@top") else "Footer"
        if isinstance(box, boxes.TableRowGroupBox) and (box.is_header or box.is_footer):
            return "Again" if self.heads.setdefault(element, number) != number else None
        if (element is not None and element.get("aria-hidden") == "true") or (
            isinstance(box, boxes.ReplacedBox) and element.tag == "img" and element.get("alt") == ""
        ):
            return "Layout"
        return None

    def _artifact(self, why: str) -> tuple[str, Mapping[str, Any]]:
        if why == "Layout":
            return "Artifact", {"Type": "/Layout"}
        return "Artifact", {"Type": "/Pagination", **({"Subtype": f"/{why}"} if why != "Again" else {})}

    def _content(self, box: Any, number: int, page_box: Any) -> tuple[str, Mapping[str, Any]]:
        node = self._node(box.element)
        if str(box.element_tag).endswith("::marker"):
            node = self._label(box.element, node)
        if node.role == "Figure":
            self._place(node, box, page_box)
        here = self.pages[number]
        node.add(number, len(here))
        here.append(node)
        return node.role, {"MCID": len(here) - 1}

    def _label(self, element: Element, body: Node) -> Node:
        """The bullet or number of a list's item, before what the item says; its list says which of the two."""
        if body not in self.items:
            return body
        around, item = self.items[body]
        kind = "Decimal" if self.parents[element].tag == "ol" else "Disc"
        around.pdf["A"] = self._dictionary({"O": "/List", "ListNumbering": f"/{kind}"})
        label = self._made("Lbl", item, item.language)
        item.kids.insert(0, item.kids.pop())
        return label

    def _place(self, node: Node, box: Any, page_box: Any) -> None:
        left, top = box.content_box_x() * _PIXEL, (page_box.margin_height() - box.content_box_y()) * _PIXEL
        corners = (left, top - box.height * _PIXEL, left + box.width * _PIXEL, top)
        node.pdf["A"] = self._dictionary({"O": "/Layout", "Placement": "/Block", "BBox": self._array(corners)})

    def _link(self, box: Any, number: int) -> None:
        node = self._node(box.element)
        reference = {"Type": "/OBJR", "Obj": box.link_annotation.reference, "Pg": self.pdf.page_references[number]}
        node.kids.append(self._dictionary(reference))
        self.annotations.append((box.link_annotation, node))

    # ---- elements --------------------------------------------------------------------------------------------

    def _node(self, element: Element) -> Node:
        """The element of the tree that holds what stands in an element of the HTML."""
        found = self.nodes.get(element)
        if found is None:
            around = self._node(self.parents[element]) if element in self.parents else self.top
            found = self.nodes[element] = self._for(element, around)
        return found

    def _for(self, element: Element, around: Node) -> Node:
        language = element.get("lang") or around.language
        label = element.get("aria-label")
        role = None if self._only_places(element) else _ROLES.get(element.tag)
        if role is None and _has_words(element):
            role = "P"
        if role is None and (label or language != around.language) and element in self.parents:
            role = "Span" if element.tag in _INLINE else "Div"
        if role is None:
            return around
        node = self._made(role, around, language)
        if label or role == "Figure":
            node.pdf["Alt"] = self._string(label or _alternative(element))
        if role == "LI":
            body = self._made("LBody", node, language)
            self.items[body] = around, node
            return body
        if role in ("TH", "TD"):
            self._describe_cell(element, node)
        return node

    def _is_cell(self, element: Element | None) -> bool:
        """Whether it is a cell, or a row, of a table that says something."""
        return element is not None and element.tag in ("tr", "th", "td") and not self._only_places(element)

    def _only_places(self, element: Element) -> bool:
        """Whether it is part of a table that puts things in their place, and says nothing by that."""
        if element.tag not in _TABLE:
            return False
        if element.tag == "table":
            return element.get("role") == "presentation"
        return element in self.parents and self._only_places(self.parents[element])

    def _describe_cell(self, cell: Element, node: Node) -> None:
        attributes: dict[str, Any] = {"O": "/Table"}
        for name, key in (("colspan", "ColSpan"), ("rowspan", "RowSpan")):
            if int(cell.get(name, "1")) > 1:
                attributes[key] = int(cell.get(name, "1"))
        if node.role == "TH":
            attributes["Scope"] = f"/{_SCOPES.get(cell.get('scope', ''), 'Column')}"
            self.named[cell] = name = f"h{len(self.named):06}"
            node.pdf["ID"] = self._string(name)
            self.ids[name] = node
        elif (header := self._own_header(cell)) is not None:
            attributes["Headers"] = self._array([self._string(header)])
        if len(attributes) > 1:
            node.pdf["A"] = self._dictionary(attributes)

    def _own_header(self, cell: Element) -> str | None:
        """In a row of several labels, each with its value: the label before this value."""
        row = list(self.parents[cell])
        labels = [other for other in row if other.tag == "th" and other.get("scope") == "row"]
        before = [other for other in row[: row.index(cell)] if other in labels]
        return self.named.get(before[-1]) if len(labels) > 1 and before else None

    def _made(self, role: str, around: Node | None, language: str) -> Node:
        dictionary = self._dictionary({"Type": "/StructElem", "S": f"/{role}"})
        self.pdf.add_object(dictionary)
        node = Node(role, dictionary, language)
        if around is not None:
            dictionary["P"] = around.pdf.reference
            if language != around.language:
                dictionary["Lang"] = self._string(language)
            around.kids.append(node)
            self.order.append(node)
        return node

    # ---- writing ---------------------------------------------------------------------------------------------

    def write(self) -> None:
        for node in self.order:
            self._write_kids(node)
        numbers = self._array([])
        for place, nodes in enumerate(self.pages):
            numbers.extend([place, self._array([node.pdf.reference for node in nodes])])
        for place, (annotation, node) in enumerate(self.annotations, start=len(self.pages)):
            annotation["StructParent"] = place
            numbers.extend([place, node.pdf.reference])
        parents = self._object({"Nums": numbers})
        root = {"Type": "/StructTreeRoot", "K": self._array([self.top.pdf.reference]), "ParentTree": parents.reference}
        root["ParentTreeNextKey"] = len(self.pages) + len(self.annotations)
        if self.ids:
            names = self._array([])
            for name in sorted(self.ids):
                names.extend([self._string(name), self.ids[name].pdf.reference])
            root["IDTree"] = self._object({"Names": names}).reference
        written = self._object(root)
        self.top.pdf["P"] = written.reference
        catalog = self.pdf.catalog
        catalog["StructTreeRoot"] = written.reference
        catalog["ViewerPreferences"] = self._dictionary({"DisplayDocTitle": "true"})
        catalog["MarkInfo"] = self._dictionary({"Marked": "true"})

    def _write_kids(self, node: Node) -> None:
        pages = self.pdf.page_references
        kids = self._array([])
        for kid in node.kids:
            if isinstance(kid, Node):
                kids.append(kid.pdf.reference)
            elif not isinstance(kid, tuple):
                kids.append(kid)
            elif kid[0] == node.page:
                kids.append(kid[1])
            else:
                kids.append(self._dictionary({"Type": "/MCR", "Pg": pages[kid[0]], "MCID": kid[1]}))
        node.pdf["K"] = kids
        if node.page is not None:
            node.pdf["Pg"] = pages[node.page]

    def _object(self, values: Mapping[str, Any]) -> Any:
        made = self._dictionary(values)
        self.pdf.add_object(made)
        return made

    @staticmethod
    def _dictionary(values: Mapping[str, Any]) -> Any:
        from weasyprint.pdf import pydyf

        return pydyf.Dictionary(values)

    @staticmethod
    def _array(values: Sequence[Any]) -> Any:
        from weasyprint.pdf import pydyf

        return pydyf.Array(values)

    @staticmethod
    def _string(value: str) -> Any:
        from weasyprint.pdf import pydyf

        return pydyf.String(value)


def _has_words(element: Element) -> bool:
    """Whether a block that has no role of its own holds text itself, and so is a paragraph."""
    if element.tag in _INLINE or any(child.tag not in _INLINE for child in element):
        return False
    return len(element) > 0 or bool((element.text or "").strip())


def _alternative(element: Element) -> str:
    if element.tag == _SVG:
        return (element.findtext("{http://www.w3.org/2000/svg}title") or "").strip()
    return element.get("alt", "")


def _retell(stream: Any, told: Mapping[int, tuple[str, Mapping[str, Any]]]) -> None:
    """Name each piece of marked content by what it is."""
    items = stream.stream
    for place, item in enumerate(items):
        if item == b"BDC" and "MCID" in items[place - 1]:
            role, properties = told[items[place - 1]["MCID"]]
            items[place - 2] = f"/{role}"
            items[place - 1].clear()
            items[place - 1].update(properties)


# ---- the claim -----------------------------------------------------------------------------------------------------

_CLAIM = b"""\
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates, which part of ISO 14289 standard is followed</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
_END = b"</rdf:RDF>"


def claim(pdf: Any) -> bool:
    """Say in a finished PDF that it is PDF/UA-1 as well, unless a glyph or an alternative text is missing in it."""
    elements = [one for one in pdf.objects if isinstance(one, dict) and one.get("Type") == "/StructElem"]
    if any(one["S"] == "/Figure" and not one["Alt"].string for one in elements):
        return False
    if any(isinstance(one, dict) and one.get("Encoding") not in (None, "/Identity-H") for one in pdf.objects):
        return False  # the map by which WeasyPrint shows a missing glyph
    packet = next(one for one in pdf.objects if getattr(one, "extra", {}).get("Type") == "/Metadata")
    packet.stream = [part.replace(_END, _CLAIM + _END) for part in packet.stream]
    return True
