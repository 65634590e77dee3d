"""A bundle's verdict in the reader's words: each finding one sentence, what it means and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.documents.sealing.bundles import MOST, BundleVerdict, Fault, Found
from school_protocol.documents.sealing.saying import VerdictSaid, finding_said
from school_protocol.wording import N_, Wording

_MEGABYTE = 1024 * 1024


def bundle_said(w: Wording, verdict: BundleVerdict) -> VerdictSaid:
    """Whether a bundle can be relied on, and a sentence for each finding."""
    lines = tuple(found_said(w, one) for one in verdict.found)
    manifest, signer = verdict.manifest, verdict.signer
    if not verdict.is_sound or manifest is None or signer is None:
        return VerdictSaid(w._("This archive can’t be relied on as it is."), lines)
    title = w._(
        "This archive is whole: %(count)s files, as %(signer)s signed them (%(moment)s; case %(case)s, copy %(copy)s).",
        count=len(manifest.files),
        signer=signer.name,
        moment=w.moment(verdict.stamped_at or manifest.issued_at),
        case=manifest.case,
        copy=manifest.copy,
    )
    return VerdictSaid(title, lines)


def found_said(w: Wording, found: Found) -> str:
    known = {fault.value for fault in Fault}
    if found.code not in known and found.finding is not None:
        return finding_said(w, found.finding)
    places = {
        "name": f"\u2066{found.name}\u2069",
        "other": f"\u2066{found.other}\u2069",
        "most": str(MOST // _MEGABYTE),
    }
    return w._(FAULTS[Fault(found.code)], **places)


FAULTS: Mapping[Fault, str] = {
    Fault.TOO_LARGE: N_("This archive is larger than %(most)s MB and was not read: no bundle is that large."),
    Fault.NOT_A_ZIP: N_("This is not a ZIP archive: choose the bundle exactly as it was received."),
    Fault.UNREADABLE: N_("This archive is damaged and can’t be read: ask for it to be sent again."),
    Fault.TOO_MANY: N_("This archive holds more files than any bundle does: do not open it."),
    Fault.ENCRYPTED: N_("“%(name)s” is locked by a password, as no file of a bundle is: nothing was read."),
    Fault.COMPRESSED: N_(
        "“%(name)s” is compressed, as no file of a bundle is: nothing was unpacked. Ask for it as it was issued."
    ),
    Fault.REPEATED: N_("“%(name)s” stands there twice, and programs would show one or the other: nothing was read."),
    Fault.UNSAFE_NAME: N_(
        "“%(name)s” is a name that no bundle has and that could write outside its folder: do not unpack this archive."
    ),
    Fault.NO_MANIFEST: N_("The list of files (manifest.json) is missing: ask for the archive as it was issued."),
    Fault.NO_SIGNATURE: N_("The signature (manifest.p7s) is missing, so nobody answers for this archive."),
    Fault.MANIFEST_UNREADABLE: N_(
        "The list of files (manifest.json) can’t be read here: try with the newest version of this check."
    ),
    Fault.MANIFEST_ALTERED: N_(
        "The list of files (manifest.json) was altered after it was signed: do not rely on anything in this archive."
    ),
    Fault.FILE_ALTERED: N_("“%(name)s” was altered after the archive was issued: do not rely on it."),
    Fault.FILE_MISSING: N_("“%(name)s” was taken out of the archive: ask for it as it was issued."),
    Fault.FILE_ADDED: N_("“%(name)s” was put into the archive later: it does not come from the academy."),
    Fault.FILE_RENAMED: N_("“%(name)s” was given another name (%(other)s); its content is as it was issued."),
    Fault.PACKED_OTHERWISE: N_(
        "The files are as they were issued, but the archive around them was made anew: ask for it as it was issued."
    ),
}
