"""Service of bundles: case file, letters, record, definitions and register for an authority, in one signed ZIP."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from school_protocol.case_files import repository
from school_protocol.case_files.copy_scope import Reader, document_of, reader_chosen, readers_of
from school_protocol.case_files.letter_pages import paper, register_csv, register_json
from school_protocol.case_files.pieces import Letter, letters_to
from school_protocol.case_files.printing import Draft, draft, sources_of, versions_of
from school_protocol.case_files.service import (
    ATTEMPTS,
    Handed,
    Issued,
    copied,
    hand_out,
    handed_before,
    is_current,
    key_of,
    timestamps_of,
)
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, load
from school_protocol.cases.view_models import CaseHead
from school_protocol.config import LANGUAGES
from school_protocol.context import AppContext
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition_parts import Document, Profile
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import DocumentIssued
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.pdf.signed_archive import BundleFile, Manifest, bundled
from school_protocol.pdf.signing_keys import SigningKey
from school_protocol.storage import idempotency, journal
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy

OPENSSL = (
    "openssl cms -verify -binary -inform DER -in manifest.p7s -content manifest.json "
    "-CAfile root.pem -purpose any -out /dev/null"
)
COMMAND = "school-protocol case-file verify-bundle {name} --trust root.pem"


def _each(said: Callable[[Wording], str]) -> Mapping[str, str]:
    return {language: said(Wording(language)) for language in LANGUAGES}


def readmes_words(name: str) -> Iterator[BundleFile]:
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


# ---- the bundle of one case ----------------------------------------------------------------------------------------

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """A bundle that this person may issue, and for which services; `is_signed`: whether there is a key at all."""

    head: CaseHead
    document: Document
    readers: tuple[Reader, ...]
    languages: tuple[str, ...]
    is_signed: bool
    copies: int


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a bundle stands on: written meanwhile, it is made anew."""

    loaded: Loaded
    handed: Handed
    reader: Reader
    head: journal.Head
    file: Draft
    letters: tuple[Letter, ...]
    issuer: str


def see_bundles(ctx: AppContext, actor: Actor, number: str) -> tuple[BundleOptions, ...]:
    """The bundles that this person may issue; none: none is theirs."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        head = Seeing(loaded, {}).head()
        languages = tuple(one for one in ctx.settings.languages if one in loaded.protocol.languages)
        is_signed = ctx.settings.signing_folder is not None
        return tuple(
            BundleOptions(
                head,
                document,
                readers_of(ctx, session, loaded, _profile(loaded)),
                languages,
                is_signed,
                cases_repository.case_copies(session, loaded.case_id, document.key),
            )
            for document in bundles_of(loaded)
        )


def bundles_of(loaded: Loaded) -> tuple[Document, ...]:
    """The bundles that this person's roles may issue."""
    return tuple(
        document
        for document in loaded.protocol.documents.values()
        if document.kind == "bundle"
        and not loaded.metadata_only
        and role_for(loaded.protocol, document.for_, loaded.roles) is not None
    )


def _profile(loaded: Loaded) -> Profile:
    """The copy of the case file that goes to a service told."""
    profiles = document_of(loaded).profiles.values()
    return next(one for one in profiles if one.reader == "referral")


def issue_bundle(
    ctx: AppContext, actor: Actor, number: str, document: str, about: str, language: str, *, token: str | None = None
) -> Issued:
    """Everything for the service of that referral (`referral-2`; empty where there is one), as a signed ZIP.

    Pressed twice, it hands out the very same bundle again, unless something stands in the way by then. Raises Unseen,
    Refused (no such referral; no key to sign with), SentBefore, SealingError: nothing was issued.
    """
    press = idempotency.press(ctx.vault, actor.id, token or secrets.token_hex(16), number, document, about, language)
    for _attempt in range(ATTEMPTS):
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, actor, number)
            found = next((one for one in bundles_of(loaded) if one.key == document), None)
            if found is None or language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{document}")
            profile = _profile(loaded)
            reader = reader_chosen(profile, readers_of(ctx, session, loaded, profile), about)
            before = idempotency.spent(session, press)
            if before is not None:
                return _issued(loaded, language, *handed_before(ctx, session, loaded, document, before))
            key = _key(ctx, loaded)
            standing = _standing(ctx, session, loaded, found, profile, reader, language)
        files = _files(ctx, standing)
        data = _made(ctx, standing, files, key)
        copies = [one.data for one in files if one.media_type == PDF]
        laid = repository.lay(ctx.blobs, standing.loaded.case_id, data)
        with ctx.realm.writing() as session:
            if idempotency.spent(session, press) is None and is_current(session, standing.loaded, standing.handed):
                hand_out(ctx, session, standing.loaded, standing.handed, laid, press, copies)
                return _issued(loaded, language, data, standing.handed.copy)
    raise StorageBusy(f"{number}: written to each time while its bundle was being made")


def _key(ctx: AppContext, loaded: Loaded) -> SigningKey:
    """The academy's key: without it nobody could tell whether a file was taken out of a bundle."""
    if ctx.settings.signing_folder is None:
        raise Refused((Reason("bundle_unsigned"),))
    key = key_of(ctx, loaded.around.unit)
    key.check(loaded.now)
    return key


def _standing(
    ctx: AppContext,
    session: Session,
    loaded: Loaded,
    document: Document,
    profile: Profile,
    reader: Reader,
    language: str,
) -> _Standing:
    head, content = journal.head(session, loaded.case_id), journal.content_head(session, loaded.case_id)
    role = role_for(loaded.protocol, document.for_, loaded.roles)
    assert head is not None
    assert content is not None
    assert role is not None
    letters = tuple(letters_to(ctx, session, loaded, reader))
    issuer = account_names(ctx, [loaded.actor.id], language).get(loaded.actor.id, "—")
    file = draft(ctx, session, load(ctx, session, loaded.actor, loaded.case.number), profile, language, reader.about)
    handed = Handed(
        document=document.key,
        profile=reader.about,
        language=language,
        copy=cases_repository.case_copies(session, loaded.case_id, document.key) + 1,
        graves=cases_repository.graves(session, loaded.case_id),
        reader=reader.said(Wording(language), issuer),
        role=role,
        content_head=content.hash,
        note=f"bundle.{reader.about}",
        about=reader.about,
    )
    return _Standing(loaded, handed, reader, head, file, letters, issuer)


# ---- what stands in it -----------------------------------------------------------------------------------------------


def _files(ctx: AppContext, standing: _Standing) -> tuple[BundleFile, ...]:
    """What stands in the bundle, typeset: takes seconds, so nobody waits for it in a transaction."""
    name = _name(standing.loaded, standing.handed.language, standing.handed.copy)
    return (*readmes_words(name), *_papers(ctx, standing), *_data(ctx, standing))


def _made(ctx: AppContext, standing: _Standing, files: Sequence[BundleFile], key: SigningKey) -> bytes:
    """The bundle, signed."""
    handed, loaded = standing.handed, standing.loaded
    manifest = Manifest(
        case=loaded.case.number,
        copy=handed.copy,
        issued_at=loaded.now.replace(microsecond=0),
        issued_by=standing.issuer,
        issued_for=handed.reader,
        journal_head=standing.head.hash,
        journal_number=standing.head.seq,
        files=tuple(one.as_listed() for one in files),
    )
    return bundled(manifest, files, key, timestamps_of(ctx))


def _papers(ctx: AppContext, standing: _Standing) -> Iterator[BundleFile]:
    """The case file and the letters, each with this bundle's copy on its pages, signed."""
    handed, loaded = standing.handed, standing.loaded
    pages = standing.file.made().data
    data = copied(ctx, loaded, handed, standing.head, pages, has_record=True)
    yield BundleFile("case-file.pdf", data, PDF, _each(lambda w: w._("The case file, in the copy for the authority")))
    for one in standing.letters:
        language = one.issued.language
        wording = Wording(language)
        own = replace(handed, language=language, reader=standing.reader.said(wording, standing.issuer))
        stamped = copied(ctx, loaded, own, standing.head, paper(one.view, wording), has_record=False)
        name = f"letters/{one.issued.document}-{one.issued.copy}-{language}.pdf"
        yield BundleFile(name, stamped, PDF, _letter_words(one.view.document, one.issued))


def _data(ctx: AppContext, standing: _Standing) -> Sequence[BundleFile]:
    loaded, record = standing.loaded, standing.file.record
    versions = versions_of(loaded)
    definitions = [
        BundleFile(
            f"definition/{loaded.protocol.protocol}-{number}.yaml", text.encode(), "application/yaml",
            _definition_words(number),
        )
        for number, text in sorted(sources_of(ctx, versions).items())
    ]  # fmt: skip
    about_record = _each(lambda w: w._("The case as data: everything that the pages of the case file show"))
    about_evidence = _each(lambda w: w._("The register of evidence: digests, never an image"))
    return (
        BundleFile("record.json", record, "application/json", about_record),
        *definitions,
        BundleFile("evidence.csv", register_csv(record), "text/csv", about_evidence),
        BundleFile("evidence.json", register_json(record), "application/json", about_evidence),
    )


def _letter_words(document: Document, issued: DocumentIssued) -> Mapping[str, str]:
    """A letter that was sent before, and when."""
    return _each(
        lambda w: w._(
            "%(title)s, as copy %(copy)s said it on %(day)s",
            title=w.text(document.title),
            copy=issued.copy,
            day=w.day(issued.at),
        )
    )


def _definition_words(version: int) -> Mapping[str, str]:
    return _each(lambda w: w._("The protocol by which the case was handled, version %(number)s", number=version))


def _issued(loaded: Loaded, language: str, data: bytes, copy: int) -> Issued:
    return Issued(_name(loaded, language, copy), data, copy)


def _name(loaded: Loaded, language: str, copy: int) -> str:
    return f"{loaded.case.number}-bundle-{copy}-{language}.zip"
