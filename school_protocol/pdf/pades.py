"""pyHanko, for signing: each of its classes that is turned here says why."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from asn1crypto import cms, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers, timestamps
from pyhanko.sign.signers import constants
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

from school_protocol.pdf.signature_check import checked_token
from school_protocol.pdf.signing import TimestampAuthority
from school_protocol.pdf.signing_keys import SigningKey, done
from school_protocol.pdf.verdicts import NotSealable, SealingError, TimestampRefused

_HASH = "sha256"
_FRAME, _TOKEN = 2048, 16 * 1024
"""Bytes kept free for a signature beside its certificates, and for a timestamp."""


def signed(
    pdf: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None, *, field: str, label: str
) -> bytes:
    """The signed document. Raises NotSealable, TimestampRefused, and whatever pyHanko raises."""
    writer = _Writer(BytesIO(pdf))
    if writer.security_handler is not None:
        raise NotSealable("encrypted")
    meta = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm=_HASH,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
    )
    outside = fields.InvisSigSettings(box_out_of_bounds=True)
    signer = _Certifier(
        meta,
        _Holder(key),
        timestamper=_Timestamper(authority) if authority else None,
        new_field_spec=fields.SigFieldSpec(field, readable_field_name=label, invis_sig_settings=outside),
    )
    session = signer.init_signing_session(writer)
    session.system_time = moment.astimezone(UTC)
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=_reserved(key, authority))
    output = BytesIO()
    digest, _ = document.digest_tbs_document(output=output)
    done(document.perform_signature(digest.document_digest, PdfCMSSignedAttributes()))
    return output.getvalue()


def signature_beside(data: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None) -> bytes:
    """A signature beside the bytes that it signs, DER. Raises TimestampRefused, and whatever pyHanko raises."""
    timestamper = _Timestamper(authority) if authority else None
    told = PdfCMSSignedAttributes(signing_time=moment.astimezone(UTC))
    signature = _Holder(key).async_sign_general_data(
        data, _HASH, detached=True, use_cades=True, timestamper=timestamper, signed_attr_settings=told
    )
    found: bytes = done(signature).dump()
    return found


def _reserved(key: SigningKey, authority: TimestampAuthority | None) -> int:
    """Hexadecimal figures kept free for the signature; those not used stay zero."""
    certificates = sum(len(one.public_bytes(Encoding.DER)) for one in (key.certificate, *key.chain))
    return 2 * (_FRAME + certificates + (_TOKEN if authority else 0))


class _Writer(IncrementalPdfFileWriter):
    """Leaves the metadata as it is: pyHanko would take out our extension schemas and name moments of its own."""

    def _update_meta(self) -> None:
        return None


class _Certifier(signers.PdfSigner):
    """Declares PAdES alone: for P-256 pyHanko would call the document a PDF 2.0, which no PDF/A-3 can be."""

    def register_extensions(self, pdf_out: Any, *, md_algorithm: str) -> None:
        pdf_out.register_extension(constants.ESIC_EXTENSION_1)


class _Holder(signers.Signer):
    """Signs with a key that is open already; pyHanko's own opens it for every signature."""

    def __init__(self, key: SigningKey) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(_translated(one) for one in key.chain)
        super().__init__(signing_cert=_translated(key.certificate), cert_registry=store, embed_roots=False)
        self._key = key.key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _translated(certificate: Any) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(Encoding.DER))


class _Timestamper(timestamps.TimeStamper):
    """Asks in our own way, and takes no token that whoever verifies would not take."""

    def __init__(self, authority: TimestampAuthority) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._authority = authority

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._authority.ask(req.dump()))

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        try:
            token = await super().async_timestamp(message_digest, md_algorithm)
            return await checked_token(token, message_digest, self._authority.roots)
        except SealingError:
            raise
        except Exception as problem:  # no answer, a refusal, or something that is neither
            raise TimestampRefused(f"{type(problem).__name__}: {problem}") from problem
