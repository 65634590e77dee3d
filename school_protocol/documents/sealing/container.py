"""The signature's container, read strictly: no byte of it may be there, or be otherwise, without being told.

A signature does not cover the container that it lies in. Whatever a change there could leave unseen (a version number,
an algorithm's other name, certificates that nobody needs, figures after the end) is therefore held to one form.
"""

from __future__ import annotations

from collections.abc import Collection

from asn1crypto import cms, core, tsp, x509

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
