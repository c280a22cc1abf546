"""Images: the list, its refresh from DigitalOcean, and the switch of each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db

from ..models.accounts import Account
from ..models.images import Image
from ..services import catalog
from ..services.answers import explain
from ..services.api import DigitalOcean
from .pages import link, page


class ImagesController(Controller):
    """`/admin/modules/Product/VPSHosting/images`."""

    def index(self, request: Request) -> Any:
        """All images, and which of them new servers can be made with."""
        images = catalog.all_images()
        checked = max((one.checked_at for one in images if one.checked_at), default=None)
        return page(
            "images", __("Images"), images=images, checked=checked, accounts=_account() is not None
        )

    def refresh(self, request: Request) -> Any:
        """Ask DigitalOcean what it offers now."""
        account = _account()
        if account is None:
            flash(__("Add an account first: DigitalOcean answers only who has a token."), "bad")
            return redirect(link("images"))
        told = DigitalOcean(account).images()
        if not told.ok:
            flash(explain(told, account.name), "bad")
        elif not told.data:
            flash(
                __("DigitalOcean answered with no images at all, so the list was left as it is."),
                "bad",
            )
        else:
            new, gone = catalog.refresh(told.data)
            flash(
                __(
                    "The list is as DigitalOcean's now: :new new, :gone offered no more.",
                    {"new": new, "gone": gone},
                ),
                "good",
            )
        return redirect(link("images"))

    def switch(self, request: Request, id: str) -> Any:
        """Let new servers be made with an image, or no more."""
        image: Image | None = (
            db.session.get(Image, int(id)) if id.isdecimal() and len(id) < 10 else None
        )
        if image is None:
            abort(404)
        wanted = request.form.get("active") == "yes"
        with db.transaction() as session:
            session.execute(sa.update(Image).where(Image.id == image.id).values(active=wanted))
        flash(
            (
                __(":name is switched on.", {"name": image.name})
                if wanted
                else __(
                    ":name is switched off; servers that have it keep it.", {"name": image.name}
                )
            ),
            "good",
        )
        return redirect(link("images"))


def _account() -> Account | None:
    """An account to ask with, active ones first."""
    found: Account | None = db.session.scalar(
        sa.select(Account).order_by(Account.active.desc(), Account.id).limit(1)
    )
    return found
