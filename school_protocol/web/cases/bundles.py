"""The page of a bundle: for which service, in which language; pressed, it is made, signed and noted in the case."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask import current_app, render_template, request, send_file
from flask.typing import ResponseReturnValue

from school_protocol.documents import rendering
from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.document_rules import Document
from school_protocol.domain.engine import Reason, role_for
from school_protocol.domain.errors import Refused, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.papers.bundles import BundleOptions, issue_bundle, see_bundles
from school_protocol.services.views import CaseHead
from school_protocol.web import sessions
from school_protocol.web.cases.answering import new_token, one_for_each
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="bundles", asks=Permission.see_case, url_prefix="/cases")


@blueprint.app_template_global()
def bundles_offered(head: CaseHead) -> list[Document]:
    """The bundles that this person's roles may issue."""
    documents = (one for one in head.protocol.documents.values() if one.kind == "bundle" and not head.metadata_only)
    return [one for one in documents if role_for(head.protocol, one.for_, head.roles) is not None]


@blueprint.route("/<number>/bundles/<document>", methods=["GET", "POST"])
def bundle(number: str, document: str) -> ResponseReturnValue:
    options = next(
        (one for one in see_bundles(sessions.house(), sessions.actor(), number) if one.document.key == document), None
    )
    if options is None:
        raise Unseen(number)
    about, language = request.form.get("about", ""), request.form.get("language", "")
    if request.method != "POST" or rendering.missing() or not options.is_signed:
        return _page(options)
    try:
        issued = issue_bundle(
            sessions.house(),
            sessions.actor(),
            number,
            document,
            about,
            language,
            token=one_for_each(f"{about}.{language}"),
        )
    except SentBefore as error:
        return _page(options, before=error.outcome["copy"], about=about), 409
    except Refused as error:
        return _page(options, reasons=error.reasons, about=about), 409
    except SealingError as error:
        current_app.logger.exception("a bundle could not be sealed")
        return _page(options, unsealed=error_said(wording(), error), about=about), 503
    return send_file(BytesIO(issued.data), "application/zip", as_attachment=True, download_name=issued.name)


def _page(
    options: BundleOptions,
    *,
    before: int | None = None,
    reasons: Sequence[Reason] = (),
    unsealed: str = "",
    about: str = "",
) -> str:
    possible = [one.about for one in options.readers if one.refused is None]
    return render_template(
        "cases/bundle.html",
        head=options.head,
        bundle=options,
        missing=rendering.missing(),
        before=before,
        reasons=reasons,
        unsealed=unsealed,
        token=new_token(),
        chosen=about if about in possible else next(iter(possible), ""),
        no_key=Reason("bundle_unsigned"),
        nobody=Reason("no_service_told"),
    )
