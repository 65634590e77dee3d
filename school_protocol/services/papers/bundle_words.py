"""What a bundle says of its files and how to verify it, in every language of the product at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from school_protocol.config import LANGUAGES
from school_protocol.documents.sealing.bundles import BundleFile
from school_protocol.domain.document_rules import Document
from school_protocol.domain.events import DocumentIssued
from school_protocol.wording import Wording

OPENSSL = (
    "openssl cms -verify -binary -inform DER -in manifest.p7s -content manifest.json "
    "-CAfile root.pem -purpose any -out /dev/null"
)
COMMAND = "school-protocol case-file verify-bundle {name} --trust root.pem"


def _each(said: Callable[[Wording], str]) -> Mapping[str, str]:
    return {language: said(Wording(language)) for language in LANGUAGES}


def case_file() -> Mapping[str, str]:
    return _each(lambda w: w._("The case file, in the copy for the authority"))


def letter(document: Document, issued: DocumentIssued) -> Mapping[str, str]:
    """A letter that was sent before, and when."""
    return _each(
        lambda w: w._(
            "%(title)s, as copy %(copy)s said it on %(day)s",
            title=w.text(document.title),
            copy=issued.copy,
            day=w.day(issued.at),
        )
    )


def record() -> Mapping[str, str]:
    return _each(lambda w: w._("The case as data: everything that the pages of the case file show"))


def definition(version: int) -> Mapping[str, str]:
    return _each(lambda w: w._("The protocol by which the case was handled, version %(number)s", number=version))


def evidence() -> Mapping[str, str]:
    return _each(lambda w: w._("The register of evidence: digests, never an image"))


def readmes(name: str) -> Iterator[BundleFile]:
    """How to verify the bundle of that name, in each language."""
    for language in LANGUAGES:
        w = Wording(language)
        yield BundleFile(
            f"README-{language}.txt",
            _readme(w, name),
            "text/plain; charset=utf-8",
            _each(lambda w: w._("Read this first")),
        )


def _readme(w: Wording, name: str) -> bytes:
    lines = (
        w._("This archive holds all that goes to the authority about one case, and nothing else: no image."),
        w._("manifest.json names each file with its size and its SHA-256; manifest.p7s is the academy’s signature."),
        "",
        w._("To verify it, take the authority’s certificate (root.pem) from the academy by another way, then either:"),
        "",
        f"    {COMMAND.format(name=name)}",
        "",
        w._("or, with tools that anybody has, check the signature, then compare the SHA-256 of each file:"),
        "",
        f"    {OPENSSL}",
        "    sha256sum case-file.pdf record.json",
        "",
        w._(
            "A file that is not listed there, or is listed there with another SHA-256, does not come from the academy."
        ),
        w._("Addresses and names of accounts stand here as text: do not open them, intimate content least of all."),
        w._("Keep it as the law asks of personal data of minors, and destroy what you no longer need."),
    )
    return ("\r\n".join(lines) + "\r\n").encode()
