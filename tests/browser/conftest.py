"""A running product of its own, and a real Chromium in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.staff import PASSWORD
from tests.product import Product, serve

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "test-artifacts"
# Of two such lists Chromium takes the last: hence Playwright's own (its chromiumSwitches.ts), and what makes two
# renderers more with each window, for a list under an address bar that nobody sees. They cost as much as the page.
WITHOUT = [
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
]  # fmt: skip
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join(WITHOUT)}",
]  # fmt: skip


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    with serve() as made:
        yield made


@pytest.fixture(scope="session")
def address(product: Product) -> str:
    """Where it is."""
    return product.address


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:  # once a process
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(params=["phone", "desktop"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A visitor's page, on a phone and on a desktop. A script's error or a refused resource fails the test."""
    with opened(browser, request.param) as page:
        yield page
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{request.node.name.replace('/', '_')}.png")


@pytest.fixture(params=["phone", "desktop"])
def desk(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A staff member's browser, as `page`."""
    with opened(browser, request.param) as page:
        yield page


@contextmanager
def opened(browser: Browser, size: str) -> Iterator[Page]:
    """A page in a browser without a past; dark on a phone. Its errors fail the test."""
    phone = size == "phone"
    context = browser.new_context(
        viewport={"width": 390, "height": 780} if phone else {"width": 1280, "height": 800},
        color_scheme="dark" if phone else "light",
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def team(product: Product) -> Product:
    """An operator, Grace, and a canned answer."""
    product.run(f"""
from django.contrib.auth import get_user_model
from bots.models import Membership, Workspace
from conversations.models import CannedAnswer
users, workspace = get_user_model().objects, Workspace.default()
users.filter(username__in=["grace", "root"]).delete()
grace = users.create_user("grace", password="{PASSWORD}", first_name="Grace", is_staff=True)
Membership.objects.create(user=grace, workspace=workspace, role="operator")
users.create_superuser("root", password="{PASSWORD}")
CannedAnswer.objects.get_or_create(workspace=workspace, name="Opening hours", text="We open at nine.")
""")
    return product
