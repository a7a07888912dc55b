"""A member of staff at their desk, and what axe finds there."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.product import Product

PASSWORD = "a password of the tests"
# A visitor at the other end: each of the two has each size, not each with each of the other's.
two_sizes = pytest.mark.parametrize(("page", "desk"), [("phone", "desktop"), ("desktop", "phone")], indirect=True)


def sign_in(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.address}/admin/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("heading", name="Today").first).to_be_attached()


def violations(page: Page, part: str | None = None) -> list[str]:
    """What axe finds in a page, or in one part of it."""
    found = Axe().run(page, context=part).response["violations"]
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]
