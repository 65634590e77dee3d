"""Why a document could not be sealed. Each has a code; `saying.error_said` has its words.

SealingError
├── KeyLost                no key file stands there, or it may not be read
├── KeyUnreadable          it holds no key or no certificate that can be read
├── PassphraseWrong        its passphrase is missing or does not open it
├── KeyMismatch            the key belongs to none of the certificates
├── KeyUnsuited            neither P-256 nor RSA from 2048 bits, or a certificate that is not for signing
├── KeyExists              a key file stands there already: nothing is overwritten
├── CertificateNotYetValid
├── CertificateExpired
├── TimestampRefused       the timestamp authority gave no answer, or none that holds
├── TrustUnreadable        what should be a trusted certificate, or a list of revoked ones, is neither
├── NotSealable            the document is no PDF, is encrypted or signed already, or lacks its record
├── StampUnfit             the overlay is no PDF of exactly one page
├── FileExists             a file of that name is attached already
└── CopyUnreadable         what should be copy.json cannot be read
"""

from school_protocol.domain.errors import SchoolProtocolError


class SealingError(SchoolProtocolError):
    """A document could not be sealed; `code` says why."""

    code = "sealing"


class KeyLost(SealingError):
    """No key file stands there, or it may not be read."""

    code = "key_lost"


class KeyUnreadable(SealingError):
    """The file holds no key, or no certificate, that can be read."""

    code = "key_unreadable"


class PassphraseWrong(SealingError):
    """The passphrase is missing, or does not open the key."""

    code = "passphrase_wrong"


class KeyMismatch(SealingError):
    """The key belongs to none of the certificates beside it."""

    code = "key_mismatch"


class KeyUnsuited(SealingError):
    """Neither P-256 nor RSA from 2048 bits, or a certificate that is not for signing."""

    code = "key_unsuited"


class KeyExists(SealingError):
    """A key file stands there already: nothing was overwritten."""

    code = "key_exists"


class CertificateNotYetValid(SealingError):
    """The certificate's time has not come."""

    code = "certificate_not_yet_valid"


class CertificateExpired(SealingError):
    """The certificate's time is over."""

    code = "certificate_expired"


class TimestampRefused(SealingError):
    """The timestamp authority gave no answer, or none that holds."""

    code = "timestamp_refused"


class TrustUnreadable(SealingError):
    """What should be a trusted certificate, or a list of revoked ones, is neither."""

    code = "trust_unreadable"


class NotSealable(SealingError):
    """No PDF, an encrypted one, one that is signed already, or one without its record."""

    code = "not_sealable"


class StampUnfit(SealingError):
    """The overlay is no PDF of exactly one page."""

    code = "stamp_unfit"


class FileExists(SealingError):
    """A file of that name is attached already."""

    code = "file_exists"


class CopyUnreadable(SealingError):
    """What should be copy.json cannot be read, or is of another version."""

    code = "copy_unreadable"
