"""pyHanko, for verifying: who signed, whether they are trusted, and when it was. Nothing is ever fetched."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import cms, x509
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation import generic_cms
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureStatus, StandardCMSSignatureStatus, TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from school_protocol.documents.sealing import container
from school_protocol.documents.sealing.errors import TimestampRefused
from school_protocol.documents.sealing.loops import done
from school_protocol.documents.sealing.trust import Trust, certificates
from school_protocol.documents.sealing.verdicts import Code, Finding, Signer

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).addHandler(logging.NullHandler())  # what it finds is ours to say

_SIGNS = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
_TOLERANCE = timedelta(minutes=5)
"""By how much two clocks may differ."""

_NAME = 200
"""Letters of a name that are told."""

_FAILURES: Mapping[object, Code] = {
    AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE: Code.CERTIFICATE_UNFIT,
    AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE: Code.WEAK,
    AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE_NO_POE: Code.WEAK,
}
"""Everything else that is wrong with a chain makes its authority one that nobody knows."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was found of a signature; `stamped_at` only where a timestamp proves it."""

    findings: tuple[Finding, ...]
    signer: Signer | None = None
    stamped_at: datetime | None = None


def examined(der: bytes, signed: bytes, trust: Trust, moment: datetime, signed_at: datetime | None) -> Trusted:
    """The container `der` against the bytes that it signs. Raises nothing, whatever the container."""
    try:
        return _examined(der, signed, trust, moment, signed_at)
    except Exception:  # whatever a damaged container makes its readers raise, wherever they come to it
        return Trusted((Finding(Code.CONTAINER_ALTERED),))


def _examined(der: bytes, signed: bytes, trust: Trust, moment: datetime, signed_at: datetime | None) -> Trusted:
    data = container.signed_data(der)
    token = container.token_of(data)
    certificate = extract_certificate_info(data).signer_cert
    stated = container.told_time(token)["gen_time"].native if token is not None else None
    at = _within(certificate, stated or signed_at or moment)
    status = done(_status(data, signed, trust, at, stated))
    if not (status.intact and status.valid):
        return Trusted((Finding(Code.ALTERED),))
    try:
        container.check_signature(data, _needed(data, status))
    except container.Unfit:
        if status.trusted:
            raise
        return Trusted(tuple(_chain(data, status, at)))  # sound, but nobody's here: it need not be made as ours are
    timed = _timed(status, token, stated)
    findings = [*timed.findings, *_chain(data, status, at)]
    if Code.TIMESTAMP_BROKEN not in {finding.code for finding in timed.findings}:
        findings += _dated(certificate, timed.stamped_at, signed_at, moment)
    if status.trusted and trust.revocation_lists:
        findings += _revocation(data, signed, trust, certificate, moment, timed.stamped_at)
    return Trusted(tuple(findings), _signer(certificate), timed.stamped_at)


async def _status(
    data: cms.SignedData, signed: bytes, trust: Trust, at: datetime, stated: datetime | None
) -> StandardCMSSignatureStatus:
    roots = _loaded(trust.roots)
    return await generic_cms.async_validate_detached_cms(
        signed,
        data,
        signer_validation_context=ValidationContext(trust_roots=roots, moment=at),
        ts_validation_context=ValidationContext(
            trust_roots=_loaded(trust.timestamp_roots or trust.roots), moment=stated or at
        ),
        key_usage_settings=_SIGNS,
    )


def _loaded(roots: Iterable[bytes]) -> list[x509.Certificate]:
    return [x509.Certificate.load(one) for one in roots]


def _within(certificate: x509.Certificate, moment: datetime) -> datetime:
    """The moment, or the nearest at which the certificate holds: its dates are judged apart from its issuers."""
    begins: datetime = certificate.not_valid_before
    ends: datetime = certificate.not_valid_after
    return min(max(moment, begins), ends)


def _signer(certificate: x509.Certificate) -> Signer:
    return Signer(
        name=_called(certificate.subject),
        issuer=_called(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.sha256.hex(),
        valid_from=certificate.not_valid_before,
        valid_until=certificate.not_valid_after,
    )


def _called(name: x509.Name) -> str:
    known = name.native
    return str(known.get("common_name") or known.get("organization_name") or name.human_friendly)[:_NAME]


def _timed(status: StandardCMSSignatureStatus, token: cms.SignedData | None, stated: datetime | None) -> Trusted:
    """What the timestamp proves."""
    stamp = status.timestamp_validity
    if token is None:
        return Trusted(())
    assert stamp is not None, "pyHanko sees the timestamp that we see"
    if not (stamp.intact and stamp.valid):
        return Trusted((Finding(Code.TIMESTAMP_BROKEN),))
    container.check_token(token, _needed(token, stamp))
    if not stamp.trusted:
        return Trusted((Finding(Code.TIMESTAMP_UNKNOWN, {"authority": _called(stamp.signing_cert.subject)}),))
    return Trusted((), stamped_at=stated)


def _needed(data: cms.SignedData, status: SignatureStatus) -> set[bytes]:
    """The certificates that may be carried (DER): the signer's own, and those towards a root; the root itself may not.

    Where somebody trusts a certificate below the root, those above it may come along. Of a chain that leads nowhere,
    nobody knows which of them belong to it.
    """
    carried = [one.chosen for one in data["certificates"]]
    if status.validation_path is None:
        return {one.dump() for one in carried}
    path = [one for one in status.validation_path if isinstance(one, x509.Certificate)]
    top: x509.Certificate | None = path[0] if path else status.signing_cert
    while top is not None and not _is_root(top):
        top = next((one for one in carried if one not in path and one.subject == top.issuer), None)
        path += [top] if top is not None else []
    return {status.signing_cert.dump(), *(one.dump() for one in path if not _is_root(one))}


def _is_root(certificate: x509.Certificate) -> bool:
    return bool(certificate.subject == certificate.issuer)


def _chain(data: cms.SignedData, status: StandardCMSSignatureStatus, at: datetime) -> list[Finding]:
    if status.trusted:
        return []
    details = {"issuer": _called(status.signing_cert.issuer)}
    code = _FAILURES.get(status.trust_problem_indic, Code.UNKNOWN_AUTHORITY)
    issuers = [one.chosen for one in data["certificates"] if one.chosen.dump() != status.signing_cert.dump()]
    if code is Code.UNKNOWN_AUTHORITY and status.validation_path is not None and issuers:
        out_of_date = [one for one in issuers if not one.not_valid_before <= at <= one.not_valid_after]
        if out_of_date:
            return [Finding(Code.AUTHORITY_OUT_OF_DATE, {"issuer": _called(out_of_date[0].subject)})]
    return [Finding(code, details)]


def _dated(
    certificate: x509.Certificate, stamped_at: datetime | None, signed_at: datetime | None, moment: datetime
) -> list[Finding]:
    """The certificate's time against the moment of signing and against now."""
    begins, ends = certificate.not_valid_before, certificate.not_valid_after
    at = stamped_at or signed_at or moment
    findings = []
    if min(at, moment) < begins:
        findings.append(Finding(Code.NOT_YET_VALID, {"begins": begins}))
    elif at > ends:
        findings.append(Finding(Code.EXPIRED_BEFORE, {"ends": ends, "signed": at}))
    elif moment > ends and stamped_at is None:
        findings.append(Finding(Code.EXPIRED, {"ends": ends}))
    if at > moment + _TOLERANCE:
        findings.append(Finding(Code.SIGNED_LATER, {"signed": at}))
    return findings


def _revocation(
    data: cms.SignedData,
    signed: bytes,
    trust: Trust,
    certificate: x509.Certificate,
    moment: datetime,
    stamped_at: datetime | None,
) -> list[Finding]:
    """The same chain once more, as of now and by the lists at hand.

    Without a timestamp a revoked certificate counts for nothing, whatever moment the signer states: whoever took the
    key can state any.
    """
    context = ValidationContext(
        trust_roots=_loaded(trust.roots),
        moment=_within(certificate, moment),
        crls=list(trust.revocation_lists),
        revocation_mode="require",
        retroactive_revinfo=True,
    )
    status = done(
        generic_cms.async_validate_detached_cms(
            signed,
            data,
            signer_validation_context=context,
            ts_validation_context=ValidationContext(trust_roots=_loaded(trust.roots), moment=moment),
            key_usage_settings=_SIGNS,
        )
    )
    if status.trusted:
        return []
    if status.revocation_details is None:
        return [Finding(Code.REVOCATION_UNKNOWN)]
    since = status.revocation_details.revocation_date
    is_before = stamped_at is not None and stamped_at < since
    return [Finding(Code.REVOKED_SINCE if is_before else Code.REVOKED, {"since": since})]


async def checked_token(token: cms.ContentInfo, digest: bytes, roots: Iterable[bytes]) -> cms.ContentInfo:
    """A timestamp of `digest` (SHA-256) that whoever verifies will take, without what they could not check.

    Raises TimestampRefused, and whatever a damaged one makes its readers raise.
    """
    data = token["content"]
    trusted = _loaded(one for root in roots for one in certificates(root))
    context = ValidationContext(trust_roots=trusted, moment=container.told_time(data)["gen_time"].native)
    found = await generic_cms.validate_tst_signed_data(data, context, lambda _hash: digest)
    status = TimestampSignatureStatus(**found)
    if not status.trusted:
        raise TimestampRefused(str(status.trust_problem_indic or "it does not hold"))
    path = _needed(data, status)
    pruned = container.only_needed(token, path)
    container.check_token(container.signed_data(pruned.dump()), path)
    return pruned
