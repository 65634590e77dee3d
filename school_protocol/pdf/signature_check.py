"""Strict checks of a PDF signature: its container, the byte ranges that it covers, and its trust (pyHanko).

A signature does not cover the container that it lies in. Whatever a change there could leave unseen (a version number,
an algorithm's other name, certificates that nobody needs, figures after the end) is therefore held to one form.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import cms, core, tsp, x509
from pikepdf import Array, Dictionary, Name, String
from pikepdf.models.metadata import decode_pdf_date
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation import generic_cms
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureStatus, StandardCMSSignatureStatus, TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from school_protocol.pdf.signing_keys import Trust, certificates, done
from school_protocol.pdf.verdicts import Code, Finding, Signer, TimestampRefused

_SHA256 = "300d06096086480165030402010500"
_SIGNED_WITH = frozenset({"300a06082a8648ce3d040302", "300d06092a864886f70d01010b0500"})
"""SHA-256; ecdsa-with-SHA256 and sha256WithRSAEncryption: the one encoding of each that we sign with."""

_KIND = 0
"""Place of what a content says that it is, in every kind of content."""

_AMBIGUOUS = "rsassa_pkcs1v15"
_MOST_DEPTH, _MOST_FIGURES, _MOST_CERTIFICATES = 40, 512 * 1024, 10
"""More than any signature needs, and little enough for whoever reads one that was made to keep readers busy."""


class Unfit(Exception):
    """The container is not in its one form."""


def der_of(hole: bytes) -> bytes:
    """The container's bytes, from the hexadecimal figures that a PDF keeps it in. Raises Unfit."""
    if len(hole) > _MOST_FIGURES:
        raise Unfit("too long")
    if hole not in (hole.upper(), hole.lower()):
        raise Unfit("figures of two kinds")
    try:
        data = bytes.fromhex(hole.decode("ascii"))
    except ValueError:
        raise Unfit("not hexadecimal") from None
    if b" " in hole or b"\n" in hole or b"\r" in hole or b"\t" in hole:
        raise Unfit("spaces")
    end = _end(data)
    if any(data[end:]):
        raise Unfit("something after the end")
    return data[:end]


def _end(data: bytes) -> int:
    """Where the outermost value ends, every value in it having its shortest length."""
    waiting, at = [(0, len(data), True)], 0
    while waiting:
        start, stop, is_outermost = waiting.pop()
        if len(waiting) > _MOST_DEPTH:
            raise Unfit("too deep")
        if start == stop:
            continue
        first, last = _value(data, start, stop)
        if is_outermost:
            at = last
        else:
            waiting.append((last, stop, False))
        if data[start] & 0x20:
            waiting.append((first, last, False))
    return at


def _value(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Where the content of the value at `start` begins and ends."""
    if start + 2 > stop or data[start] & 0x1F == 0x1F:
        raise Unfit("no value")
    length, first = data[start + 1], start + 2
    if length >= 0x80:
        first += length & 0x7F
        figures = data[start + 2 : first]
        length = int.from_bytes(figures, "big")
        if not figures or figures[0] == 0 or length < 0x80:
            raise Unfit("not the shortest length")
    if first + length > stop:
        raise Unfit("too long")
    return first, first + length


def signed_data(der: bytes) -> cms.SignedData:
    """What the container holds. Raises Unfit."""
    try:
        return _signed(cms.ContentInfo.load(der, strict=True))
    except (ValueError, TypeError, KeyError) as problem:
        raise Unfit(str(problem)) from None


def token_of(data: cms.SignedData) -> cms.SignedData | None:
    """The timestamp beside a signature, if there is one. Raises Unfit: something else is there, or several."""
    beside = _only(data["signer_infos"])["unsigned_attrs"]
    if isinstance(beside, core.Void):
        return None
    attribute = _only(beside)
    if attribute["type"].native != "signature_time_stamp_token":
        raise Unfit("something beside the signature")
    _check_full(attribute)
    return _signed(_only(attribute["values"]))


def _signed(info: cms.ContentInfo) -> cms.SignedData:
    if info[_KIND].native != "signed_data":
        raise Unfit("no signature")
    data = info["content"]
    signer = _only(data["signer_infos"])
    if len(data["certificates"]) > _MOST_CERTIFICATES:
        raise Unfit("too many certificates")
    parts = (data["encap_content_info"], signer, signer["digest_algorithm"], signer["signature_algorithm"])
    for one in (info, data, *parts):
        _check_full(one)
    return data


def _check_full(sequence: core.Sequence) -> None:
    """That all that is there was understood: readers pass over what they do not know."""
    if b"".join(sequence[name].dump() for name in sequence) != sequence.contents:
        raise Unfit("something that nobody knows")


def told_time(token: cms.SignedData) -> tsp.TSTInfo:
    """What a timestamp states. Raises Unfit."""
    info = token["encap_content_info"]["content"].parsed
    if not isinstance(info, tsp.TSTInfo):
        raise Unfit("no timestamp")
    return info


def check_signature(data: cms.SignedData, path: Collection[bytes]) -> None:
    """That nothing but a signature of ours is there, with the certificates of `path` (DER). Raises Unfit."""
    _check(data, path, version="v1", content="data")
    signer = data["signer_infos"][0]
    if signer["digest_algorithm"].dump().hex() != _SHA256:
        raise Unfit("another digest")
    if signer["signature_algorithm"].dump().hex() not in _SIGNED_WITH:
        raise Unfit("another algorithm")
    if "signing_certificate_v2" not in {one["type"].native for one in signer["signed_attrs"]}:
        raise Unfit("no certificate is named")


def check_token(data: cms.SignedData, path: Collection[bytes]) -> None:
    """That nothing but a timestamp is there, with the certificates of `path` (DER). Raises Unfit."""
    _check(data, path, version="v3", content="tst_info")
    signer = data["signer_infos"][0]
    if not isinstance(signer["unsigned_attrs"], core.Void):
        raise Unfit("something beside the timestamp")
    if signer["signature_algorithm"]["algorithm"].native == _AMBIGUOUS and not _is_protected(signer):
        raise Unfit("an algorithm of two names")


def _check(data: cms.SignedData, path: Collection[bytes], version: str, content: str) -> None:
    signer = _only(data["signer_infos"])
    if (data["version"].native, signer["version"].native) != (version, "v1"):
        raise Unfit("another version")
    if data["encap_content_info"][_KIND].native != content:
        raise Unfit("signs something else")
    if _only(data["digest_algorithms"]).dump() != signer["digest_algorithm"].dump():
        raise Unfit("another digest")
    if not isinstance(data["crls"], core.Void):
        raise Unfit("lists of revoked certificates")
    certificates = [one.chosen for one in data["certificates"] if one.name == "certificate"]
    carried = [one.dump() for one in certificates]
    if len(carried) != len(data["certificates"]) or carried != sorted(set(carried)) or not set(carried) <= set(path):
        raise Unfit("certificates that nobody needs")
    named = [signer["sid"].chosen.dump()]
    if named != [_name(one) for one in certificates if _name(one) in named]:
        raise Unfit("names its certificate in another way")


def _name(certificate: x509.Certificate) -> bytes:
    """How a signature names its certificate, byte for byte: readers would take capitals for small letters."""
    named = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    return bytes(named.dump())


def only_needed(token: cms.ContentInfo, path: Collection[bytes]) -> cms.ContentInfo:
    """A timestamp as it came, without what nobody needs of all that its signature does not cover."""
    data = token["content"]
    signer = _only(data["signer_infos"])
    kept = [one for one in data["certificates"] if one.name == "certificate" and one.chosen.dump() in path]
    algorithm = signer["signature_algorithm"]
    if algorithm["algorithm"].native == _AMBIGUOUS and not _is_protected(signer):
        algorithm = cms.SignedDigestAlgorithm(
            {"algorithm": f"{signer['digest_algorithm']['algorithm'].native}_rsa", "parameters": core.Null()}
        )
    pruned = token.copy()
    pruned["content"] = cms.SignedData(
        {
            "version": data["version"].native,
            "digest_algorithms": [signer["digest_algorithm"]],
            "encap_content_info": data["encap_content_info"],
            "certificates": kept,
            "signer_infos": [
                {
                    "version": signer["version"].native,
                    "sid": signer["sid"],
                    "digest_algorithm": signer["digest_algorithm"],
                    "signed_attrs": signer["signed_attrs"],
                    "signature_algorithm": algorithm,
                    "signature": signer["signature"],
                }
            ],
        }
    )
    return pruned


def _is_protected(signer: cms.SignerInfo) -> bool:
    return "cms_algorithm_protection" in {one["type"].native for one in signer["signed_attrs"]}


def _only(several: core.SetOf) -> core.Asn1Value:
    if len(several) != 1:
        raise Unfit(f"{len(several)} instead of one")
    return several[0]


# ---- byte ranges: it covers all the rest ---------------------------------------------------------------------------
# Two ranges, and the hole between them.

PADES = "/ETSI.CAdES.detached"

_FIGURES = rb"\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]"
_RANGES = re.compile(rb"/ByteRange\s*" + _FIGURES)


@dataclass(frozen=True, slots=True)
class Placed:
    """A signature as its dictionary tells it. `contents`: None where the file could not be parsed."""

    ranges: tuple[int, int, int, int]
    contents: bytes | None
    signed_at: datetime | None = None
    is_pades: bool = True


class Misplaced(Exception):
    """What should be a signature's dictionary is none."""


def placed(signature: Dictionary) -> Placed:
    """A signature that a field holds. Raises Misplaced."""
    ranges, contents = signature.get(Name.ByteRange), signature.get(Name.Contents)
    if not isinstance(ranges, Array) or not isinstance(contents, String):
        raise Misplaced
    figures = re.fullmatch(_FIGURES, ranges.unparse())
    if figures is None:
        raise Misplaced
    first, length, second, rest = (int(figure) for figure in figures.groups())
    return Placed(
        (first, length, second, rest),
        bytes(contents),
        _moment(signature.get(Name.M)),
        str(signature.get(Name.SubFilter)) == PADES,
    )


def _moment(told: object) -> datetime | None:
    """When the signer says that it was; None if it says nothing that can be read."""
    try:
        moment = decode_pdf_date(str(told)) if isinstance(told, String) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None


def in_raw(data: bytes) -> Iterator[Placed]:
    """Signatures of a file that cannot be parsed any more: enough to say that it was altered, never that it was not."""
    for found in _RANGES.finditer(data):
        first, length, second, rest = (int(figure) for figure in found.groups())
        yield Placed((first, length, second, rest), None)


@dataclass(frozen=True, slots=True)
class Taken:
    """A signature taken out of its file: its container (DER), and the bytes that its ranges name."""

    der: bytes
    signed: bytes
    is_whole: bool
    """Whether the two ranges begin the file and leave out the container alone."""
    has_more: bool
    """Whether something comes after them."""


def taken(data: bytes, signature: Placed) -> Taken:
    """The container and what it signs. Raises Unfit."""
    first, begins, ends, rest = signature.ranges
    stop, hole = ends + rest, data[begins:ends]
    signed = data[first : first + begins] + data[ends:stop]
    is_hole = first == 0 < begins < ends < stop <= len(data) and hole[:1] == b"<" and hole[-1:] == b">"
    if not is_hole:
        return Taken(der_of((signature.contents or b"").hex().encode()), signed, False, False)
    der = der_of(hole[1:-1])
    is_own = signature.contents in (None, bytes.fromhex(hole[1:-1].decode("ascii")))
    return Taken(der, signed, is_own, stop < len(data))


def earliest(signatures: Iterable[Placed]) -> Placed | None:
    """The one that was there first: what came after it was added."""
    return min(signatures, key=lambda one: one.ranges[2] + one.ranges[3], default=None)


# ---- trust: who signed, whether they are trusted, when it was ------------------------------------------------------
# Nothing is ever fetched.

for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).addHandler(logging.NullHandler())  # what it finds is ours to say

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
    data = signed_data(der)
    token = token_of(data)
    certificate = extract_certificate_info(data).signer_cert
    stated = told_time(token)["gen_time"].native if token is not None else None
    at = _within(certificate, stated or signed_at or moment)
    status = done(_status(data, signed, trust, at, stated))
    if not (status.intact and status.valid):
        return Trusted((Finding(Code.ALTERED),))
    try:
        check_signature(data, _needed(data, status))
    except Unfit:
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
    check_token(token, _needed(token, stamp))
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
    context = ValidationContext(trust_roots=trusted, moment=told_time(data)["gen_time"].native)
    found = await generic_cms.validate_tst_signed_data(data, context, lambda _hash: digest)
    status = TimestampSignatureStatus(**found)
    if not status.trusted:
        raise TimestampRefused(str(status.trust_problem_indic or "it does not hold"))
    path = _needed(data, status)
    pruned = only_needed(token, path)
    check_token(signed_data(pruned.dump()), path)
    return pruned
