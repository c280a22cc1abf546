"""Staff page of images: list, update from DigitalOcean, activate and deactivate."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db, n__

from ..models.accounts import Account
from ..models.images import Image
from ..services import catalog
from ..services.api import DigitalOcean
from ..services.responses import explain
from .pages import link, page


class ImagesController(Controller):
    """`/admin/modules/Product/VPSHosting/images`."""

    def index(self, request: Request) -> Any:
        """List the images."""
        images = catalog.all_images()
        return page(
            "images",
            __("Images"),
            rows=[_row(image) for image in images],
            checked_at=max((i.checked_at for i in images if i.checked_at), default=None),
            has_account=_account() is not None,
        )

    def refresh(self, request: Request) -> Any:
        """Update the list from DigitalOcean."""
        account = _account()
        if account is None:
            flash(__("Add an account first. DigitalOcean requires an API token."), "bad")
            return redirect(link("images"))
        response = DigitalOcean(account).images()
        if not response.ok:
            flash(explain(response, account.name), "bad")
        elif not response.data:
            flash(__("DigitalOcean returned no images, so the list was not changed."), "bad")
        else:
            new, withdrawn = catalog.refresh(response.data)
            counts = {
                "new": n__(":count new", ":count new", new),
                "withdrawn": n__(":count withdrawn", ":count withdrawn", withdrawn),
            }
            flash(__("Images updated: :new, :withdrawn.", counts), "good")
        return redirect(link("images"))

    def switch(self, request: Request, id: str) -> Any:
        """Activate or deactivate an image for new servers."""
        image: Image | None = None
        if id.isdecimal() and len(id) < 10:
            image = db.session.get(Image, int(id))
        if image is None:
            abort(404)
        active = request.form.get("active") == "yes"
        with db.transaction() as session:
            session.execute(sa.update(Image).where(Image.id == image.id).values(active=active))
        name = {"name": image.name}
        if active:
            flash(__(":name activated.", name), "good")
        else:
            flash(__(":name deactivated. Existing servers are not affected.", name), "good")
        return redirect(link("images"))


def _row(image: Image) -> dict[str, Any]:
    """Return what the list shows of an image."""
    if not image.offered:
        tone, icon, state = "warn", "circle-question", __("Withdrawn")
    elif image.active:
        tone, icon, state = "good", "check", __("Available")
    else:
        tone, icon, state = "mute", "stop", __("Inactive")
    return {
        "id": image.id,
        "name": image.name,
        "image_id": image.image_id,
        "slug": image.slug,
        "tone": tone,
        "icon": icon,
        "state": state,
        "button": __("Deactivate") if image.active else __("Activate"),
        "fields": {"active": "no" if image.active else "yes"},
    }


def _account() -> Account | None:
    """Return an account to send requests with, preferably an active one."""
    account: Account | None = db.session.scalar(
        sa.select(Account).order_by(Account.active.desc(), Account.id).limit(1)
    )
    return account
