"""Presenters of verification: a verdict, a finding and an error, each one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.engine.texts import N_
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.verdicts import Code, Finding, SealingError, Verdict

# ---- a verdict, a finding, an error: what it means and what to do --------------------------------------------------
# Pages and the command line say the same; nothing here decides anything.

_MEGABYTE = 1024 * 1024
_QUOTED = frozenset({"authority", "issuer"})
"""Details that the file says itself, in whatever direction."""


@dataclass(frozen=True, slots=True)
class VerdictMessage:
    """Whether a file can be relied on, as one sentence, and a sentence for each finding."""

    title: str
    lines: tuple[str, ...]


def verdict_said(w: Wording, verdict: Verdict) -> VerdictMessage:
    lines = tuple(finding_message(w, finding) for finding in verdict.findings)
    if not verdict.is_sound or verdict.signer is None:
        return VerdictMessage(w._("This file can’t be relied on as it is."), lines)
    at = verdict.stamped_at or verdict.signed_at
    if at is None:
        sentence = w._("This file is whole, and unchanged since %(signer)s signed it.", signer=verdict.signer.name)
    else:
        sentence = w._(
            "This file is whole, and unchanged since %(signer)s signed it: %(moment)s.",
            signer=verdict.signer.name,
            moment=w.moment(at),
        )
    return VerdictMessage(sentence, lines)


def finding_message(w: Wording, finding: Finding) -> str:
    details = {key: _said(w, key, value) for key, value in finding.details.items()}
    return w._(FINDINGS[finding.code], **details)


def error_message(w: Wording, error: SealingError) -> str:
    """Why a document could not be sealed; what the error itself says is for the log."""
    return w._(ERRORS[error.code])


def _said(w: Wording, key: str, value: Any) -> str:
    if isinstance(value, datetime):
        return w.moment(value)
    if key in _QUOTED:
        return f"\u2068{bidi.plain(str(value))}\u2069"
    if key in ("most", "size"):
        return str(value // _MEGABYTE)
    return str(value)


FINDINGS: Mapping[Code, str] = {
    Code.TOO_LARGE: N_("This file is larger than %(most)s MB and was not read: choose the case file alone."),
    Code.TOO_LONG: N_(
        "Checking this file took longer than %(seconds)s seconds and was stopped, so nothing is known of it: check it "
        "with the command, which takes its time."
    ),
    Code.NOT_A_PDF: N_("This is not a PDF: choose the file exactly as it was received."),
    Code.ARCHIVE: N_("This is a ZIP archive, whatever its name says: unpack it, and check the PDF inside."),
    Code.UNREADABLE: N_("This PDF is damaged and can’t be read: ask for it to be sent again."),
    Code.ENCRYPTED: N_("This PDF is locked by a password, as no case file is: ask for the file as it was issued."),
    Code.TOO_MUCH: N_(
        "This file unpacks to far more than a case file holds and was not read to its end: do not open it, and ask for "
        "the file as it was issued."
    ),
    Code.JAVASCRIPT: N_(
        "This PDF contains a program (JavaScript), as no case file does: do not open it, and ask for the file as it "
        "was issued."
    ),
    Code.LAUNCH: N_(
        "This PDF would start another program, as no case file does: do not open it, and ask for the file as it was "
        "issued."
    ),
    Code.ACTIVE: N_(
        "This PDF contains parts that act by themselves, as no case file does: do not open it, and ask for the file as "
        "it was issued."
    ),
    Code.FOREIGN_FILE: N_(
        "This PDF carries files that no case file has: do not open them, and ask for the file as it was issued."
    ),
    Code.NOT_SIGNED: N_("This PDF is not signed, so nobody answers for it: ask for the signed file."),
    Code.SEVERAL_SIGNATURES: N_(
        "This PDF carries several signatures where a case file has one: ask for the file as it was issued."
    ),
    Code.FOREIGN_SIGNATURE: N_(
        "This PDF is signed in another way than case files are: ask the academy that it is said to come from."
    ),
    Code.SIGNATURE_UNREADABLE: N_(
        "The signature can’t be read, because the file was damaged or altered: ask for it to be sent again."
    ),
    Code.ALTERED: N_("The file was altered after it was signed: do not rely on it, and ask for it to be sent again."),
    Code.ADDED_AFTER: N_(
        "Something was added to the file after it was signed: do not rely on it, and ask for the file as it was issued."
    ),
    Code.NOT_WHOLE: N_(
        "The signature does not cover the whole file: do not rely on it, and ask for the file as it was issued."
    ),
    Code.CONTAINER_ALTERED: N_(
        "The signature itself was damaged or altered: do not rely on the file, and ask for it to be sent again."
    ),
    Code.UNKNOWN_AUTHORITY: N_(
        "The signature comes from an authority that is not known here (%(issuer)s): ask the academy for the "
        "authority’s certificate by another way, and check again."
    ),
    Code.AUTHORITY_OUT_OF_DATE: N_(
        "The authority’s own certificate (%(issuer)s) was not valid when the file was signed: ask the academy."
    ),
    Code.CERTIFICATE_UNFIT: N_(
        "The certificate behind the signature is not made for signing: ask the academy that it is said to come from."
    ),
    Code.WEAK: N_("The signature uses a method that is no longer safe: ask for the file to be issued again."),
    Code.NOT_YET_VALID: N_(
        "The certificate behind the signature is valid only from %(begins)s: check the clock of this computer, else "
        "ask the academy."
    ),
    Code.EXPIRED_BEFORE: N_(
        "The certificate had expired (%(ends)s) when the file was signed (%(signed)s): ask for it to be issued again."
    ),
    Code.EXPIRED: N_(
        "The certificate has expired (%(ends)s), and no timestamp proves that the signature is older: ask the academy "
        "to confirm it if much depends on it."
    ),
    Code.SIGNED_LATER: N_(
        "The signature’s moment (%(signed)s) is still to come: check the clock of this computer, and check again."
    ),
    Code.REVOKED: N_(
        "The certificate was revoked (%(since)s), and nothing proves that the file was signed before: ask the academy."
    ),
    Code.REVOKED_SINCE: N_(
        "The certificate was revoked later (%(since)s), and the timestamp proves that the file was signed before: "
        "nothing has to be done."
    ),
    Code.REVOCATION_UNKNOWN: N_(
        "The list at hand does not tell whether the certificate was revoked: ask the authority for its current list."
    ),
    Code.TIMESTAMP_BROKEN: N_(
        "The timestamp does not belong to this signature: do not rely on the file, and ask for it to be issued again."
    ),
    Code.TIMESTAMP_UNKNOWN: N_(
        "The timestamp comes from an authority that is not known here (%(authority)s): take the moment as the signer’s "
        "own word, or ask for that authority’s certificate."
    ),
    Code.RECORD_MISSING: N_(
        "The record (record.json) that this copy names is missing: ask for the file as it was issued."
    ),
    Code.RECORD_REPEATED: N_(
        "The file carries more than one record (record.json): do not rely on it, and ask for the file as it was issued."
    ),
    Code.RECORD_UNREADABLE: N_("The record (record.json) can’t be read: ask for the file as it was issued."),
    Code.RECORD_DIFFERS: N_(
        "The record (record.json) is not the one that this copy names: do not rely on it, and ask for the file as it "
        "was issued."
    ),
    Code.COPY_MISSING: N_(
        "What this copy says of itself (copy.json) is missing, so its number and reader are not known: ask for the "
        "file as it was issued."
    ),
    Code.COPY_REPEATED: N_(
        "The file says of itself in more than one way which copy it is (copy.json): ask for the file as it was issued."
    ),
    Code.COPY_UNREADABLE: N_(
        "What this copy says of itself (copy.json) can’t be read here: try with the newest version of this check, else "
        "ask for the file as it was issued."
    ),
    Code.RECORD_FALSE: N_(
        "The record (record.json) contradicts itself, as none that was issued does: do not rely on the file, and ask "
        "the academy."
    ),
    Code.RECORD_NEWER: N_(
        "The record was written by another version of this product, so it can’t be checked here: check with the newest "
        "version, or on the page of the academy that issued the file."
    ),
    Code.NO_RECORD: N_(
        "This document carries no record, as letters, notices and reports carry none: its signature alone speaks for "
        "it."
    ),
    Code.CASE_UNKNOWN: N_(
        "The case that this file speaks of is not known on this site: ask the academy that signed it, on its own page."
    ),
    Code.CASE_ERASED: N_(
        "The case that this file speaks of was erased here, as the law asks: whether this copy was taken back can’t be "
        "told any more."
    ),
    Code.JOURNAL_DIFFERS: N_(
        "The journal of the case does not have the place that this copy names: do not rely on the file, and ask the "
        "academy."
    ),
    Code.NOT_ISSUED: N_(
        "This very file was not handed out by this site, though its signature holds: do not rely on it, and ask the "
        "academy."
    ),
    Code.COPY_REVOKED: N_(
        "This copy was taken back (%(since)s) and is to be relied on no longer: ask the school or the academy for a "
        "current one."
    ),
}

ERRORS: Mapping[str, str] = {
    "key_lost": N_(
        "The academy’s key file was not found, so nothing can be signed: check the settings, or bring it back from its "
        "safe copy."
    ),
    "key_unreadable": N_(
        "The academy’s key file can’t be read: it must be PKCS#12, or PEM with the key and its certificate."
    ),
    "passphrase_wrong": N_("The passphrase does not open the academy’s key: check it in the settings."),
    "key_mismatch": N_(
        "The academy’s key does not belong to the certificate beside it: ask the authority for the pair that does."
    ),
    "key_unsuited": N_(
        "This key can’t sign case files: it must be P-256, or RSA from 2048 bits, with a certificate for signing."
    ),
    "key_exists": N_("A key file stands there already and was left as it is: choose another folder."),
    "certificate_not_yet_valid": N_(
        "The academy’s certificate is not valid yet, so nothing can be signed: check the clock of this computer, or "
        "wait for its first day."
    ),
    "certificate_expired": N_(
        "The academy’s certificate has expired, so nothing can be signed: ask the authority for a new one."
    ),
    "timestamp_refused": N_(
        "The timestamp authority gave no answer that holds, so nothing was issued: try again in some minutes."
    ),
    "trust_unreadable": N_(
        "A trusted certificate, or the list of revoked ones, can’t be read: check the files that were given."
    ),
    "not_sealable": N_("This document can’t be signed as it is: have it prepared again."),
    "stamp_unfit": N_("The copy’s own line can’t be laid on these pages: have the document prepared again."),
    "file_exists": N_("The document carries a file of this name already: have it prepared again."),
    "copy_unreadable": FINDINGS[Code.COPY_UNREADABLE],
}
