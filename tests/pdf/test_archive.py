"""Archival and accessible: what the validators find is nothing but what is named here; each can find a fault."""

import io
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pikepdf
import pytest
from programs import needs

from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf.rendering import render

from .archive import LEVEL_A, not_accessible, not_archival, not_sound, without_claim
from .made_up import MadeUp, profiles
from .printed import case_pdf

LANGUAGES = ("fr", "ar", "en")
MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
Change = Callable[[pikepdf.Pdf], None]


@pytest.fixture(scope="module")
def printed(small: Protocol) -> bytes:
    return case_pdf(MadeUp(small).file(profiles(small)[True]), Wording("ar"))


def changed(data: bytes, change: Change) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        written = io.BytesIO()
        pdf.save(written)
    return written.getvalue()


def made(body: str, *, accessible: bool = True) -> bytes:
    html = f'<!DOCTYPE html><html lang="fr"><head><title>T</title></head><body>{body}</body></html>'
    return render(html, title="T", language="fr", identifier="x", moment=MOMENT, accessible=accessible)


@pytest.mark.exhaustive(but=("True-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identified", [True, False])
def test_the_validators_find_nothing(moroccan: Protocol, tmp_path: Path, language: str, identified: bool) -> None:
    data = case_pdf(MadeUp(moroccan).file(profiles(moroccan)[identified]), Wording(language))
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert not_sound(data) == []


def without_output_intent(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.OutputIntents


def with_a_script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def of_level_u(pdf: pikepdf.Pdf) -> None:
    packet = pdf.Root.Metadata.read_bytes()
    assert b'conformance="A"' in packet
    pdf.Root.Metadata.write(packet.replace(b'conformance="A"', b'conformance="B"'))


@pytest.mark.parametrize("fault", [without_output_intent, with_a_script, of_level_u])
def test_a_fault_against_the_archive_is_found(printed: bytes, tmp_path: Path, fault: Change) -> None:
    assert not_archival(changed(printed, fault), tmp_path) != set()


def without_language(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.Lang


def without_tree(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.StructTreeRoot


def without_scopes(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/TH":
            del one.A


@pytest.mark.parametrize(
    ("fault", "rule"), [(without_language, "UA-06-001"), (without_tree, "UA-01-005"), (without_scopes, "UA-15")]
)
def test_a_fault_against_access_is_found(printed: bytes, tmp_path: Path, fault: Change, rule: str) -> None:
    assert any(found.startswith(rule) for found in not_accessible(changed(printed, fault), tmp_path))


def test_a_broken_file_is_found(printed: bytes) -> None:
    assert not_sound(printed[: len(printed) // 2]) != []
    assert not_sound(printed.replace(b"endstream", b"endstrean", 1)) != []


@needs("pdfinfo")
def test_pdfinfo_has_no_complaint(printed: bytes, tmp_path: Path) -> None:
    def said(data: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "one.pdf").write_bytes(data)
        return subprocess.run(["pdfinfo", tmp_path / "one.pdf"], capture_output=True, text=True, check=False)

    sound = said(printed)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert re.search(r"^Tagged: +yes$", sound.stdout, re.MULTILINE)
    assert re.search(r"^Suspects: +no$", sound.stdout, re.MULTILINE)
    assert said(printed[: len(printed) // 2]).stderr != ""


# ---- the claim to PDF/UA -------------------------------------------------------------------------------------------

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SCHEMA = "{http://www.aiim.org/pdfa/ns/schema#}"
_PROPERTY = "{http://www.aiim.org/pdfa/ns/property#}"


def packet_of(data: bytes) -> ElementTree.Element:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return ElementTree.fromstring(pdf.Root.Metadata.read_bytes())


def claims(data: bytes) -> list[str]:
    return [one.text or "" for one in packet_of(data).iter("{http://www.aiim.org/pdfua/ns/id/}part")]


def test_the_claim_stands_beside_the_archive_with_its_schema(printed: bytes) -> None:
    packet = packet_of(printed)
    assert claims(printed) == ["1"]
    assert [one.get("{http://www.aiim.org/pdfa/ns/id/}part") for one in packet.iter(f"{_RDF}Description")].count(
        "3"
    ) == 1
    (schema,) = packet.iter("{http://www.aiim.org/pdfa/ns/extension/}schemas")
    assert [one.text for one in schema.iter(f"{_SCHEMA}namespaceURI")] == ["http://www.aiim.org/pdfua/ns/id/"]
    assert [one.text for one in schema.iter(f"{_SCHEMA}prefix")] == ["pdfuaid"]
    about = [one.text for name in ("name", "valueType", "category") for one in schema.iter(f"{_PROPERTY}{name}")]
    assert about == ["part", "Integer", "internal"]
    assert claims(without_claim(printed)) == []


def test_what_cannot_be_true_is_not_claimed(tmp_path: Path) -> None:
    """Not asked for, or a picture that says nothing."""
    figure = '<svg width="9" height="9" xmlns="http://www.w3.org/2000/svg">{}<rect width="9" height="9"/></svg>'
    assert claims(made("<h1>T</h1>")) == ["1"]
    assert claims(made("<h1>T</h1>", accessible=False)) == []
    assert claims(made("<h1>T</h1>" + figure.format("<title>Un carré</title>"))) == ["1"]
    assert claims(made("<h1>T</h1>" + figure.format(""))) == []
    assert LEVEL_A not in not_archival(made("<h1>T</h1>", accessible=False), tmp_path)
