"""A mail's HTML becomes what its reader sees, with quotations marked as in plain mails."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.replies import own_words
from connector.helpdesk.html_text import html_to_text, plain_text

GMAIL = """<div dir="ltr">The <b>export</b> fails since <a href="https://x.test">this \
morning</a>.<div><br></div><div class="gmail_signature" data-smartmail="gmail_signature">Jane \
Doe<br>Acme</div></div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Tue, Nov \
3, 2026 at 9:12 AM Acme Support &lt;<a href="mailto:help@acme.test">help@acme.test</a>&gt; \
wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid \
rgb(204,204,204)"><p>Have you tried<br>another browser?</p></blockquote></div>"""
GMAIL_BETWEEN = """<div class="gmail_quote"><div class="gmail_attr">On Tue, Nov 3, 2026 at 9:12 AM \
A &lt;a@b.test&gt; wrote:<br></div><blockquote class="gmail_quote">Which \
browser?</blockquote><div>Firefox.</div><blockquote class="gmail_quote">Which \
system?</blockquote><div>Linux.</div></div>"""
GMAIL_FORWARD = """<div dir="ltr">FYI<br><br><div class="gmail_quote"><div dir="ltr" \
class="gmail_attr">---------- Forwarded message ---------<br>From: <b>Bank</b> \
&lt;x@bank.test&gt;<br>Date: Tue<br>Subject: Lock<br>To: me<br></div><br><p>Your account was \
locked.</p></div></div>"""
OUTLOOK = """<html><head><style>p{margin:0}</style><title>x</title></head><body lang="DE"><p \
class="MsoNormal">Die Rechnung stimmt nicht.<o:p></o:p></p><hr \
style="display:inline-block;width:98%"><div id="divRplyFwdMsg"><font><b>Von:</b> Acme Support \
&lt;help@acme.test&gt;<br><b>Gesendet:</b> Dienstag, 3. November 2026 09:12<br><b>An:</b> \
Kundin<br><b>Betreff:</b> AW: Rechnung</font></div><div><p>Wir haben sie \
gepr&uuml;ft.</p></div></body></html>"""
THUNDERBIRD = """<html><body><p>Still broken.</p><div class="moz-cite-prefix">Den 03.11.26 klokka \
09:12, reknte Acme:<br></div><blockquote type="cite" cite="mid:1"><p>Is it \
fixed?</p></blockquote></body></html>"""
APPLE_FORWARD = """<html><body>See below.<br><div><br><blockquote type="cite"><div>Begin forwarded \
message:</div><br><div><b>From: </b>Bank &lt;x@bank.test&gt;</div><div><b>Subject: \
</b>Lock</div><div><b>Date: </b>today</div><div><b>To: </b>me</div><br><div>Your account was \
locked.</div></blockquote></div></body></html>"""


@pytest.mark.parametrize(
    ("html", "own"),
    [
        (GMAIL, "The export fails since this morning."),
        (OUTLOOK, "Die Rechnung stimmt nicht."),
        (THUNDERBIRD, "Still broken."),
    ],
    ids=["gmail", "outlook", "thunderbird in a language that nobody listed"],
)
def test_the_quotation_of_a_reply_is_marked_so_that_it_can_be_cut(html: str, own: str) -> None:
    assert own_words(html_to_text(html)) == own
    assert len(html_to_text(html)) > 2 * len(own)


def test_answers_between_quotations_stay() -> None:
    own = own_words(html_to_text(GMAIL_BETWEEN))

    assert [line for line in own.split("\n") if line and not line.startswith(">")] == ["Firefox.", "Linux."]


@pytest.mark.parametrize("html", [GMAIL_FORWARD, APPLE_FORWARD], ids=["gmail", "apple"])
def test_a_forwarded_mail_is_read(html: str) -> None:
    assert own_words(html_to_text(html)).endswith("Your account was locked.")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<div>One</div><div>Two &amp; &lt;b&gt;</div>", "One\nTwo & <b>"),
        ("Do: <ul><li>one</li><li>two</li></ul>now", "Do:\n\n- one\n- two\n\nnow"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
        (
            "<table><tr><td>Order</td><td>4711</td></tr><tr><td>Sum</td><td>3</td></tr></table>",
            "Order 4711\nSum 3",
        ),
        ("<p>a\n   b&nbsp;&nbsp;c</p>", "a b c"),
        ("<pre>def f():\n    return 1</pre>", "def f():\n    return 1"),
        ("<a href='https://evil.test'>click <i>here</i></a>", "click here"),
        ("<blockquote style='margin:0 0 0 40px;border:none;padding:0px'>indented</blockquote>", "indented"),
        ("<blockquote style='border:none;border-left:solid #CCC 1pt'>quoted</blockquote>", "> quoted"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"),
        ("<p>seen</p><script>alert(1)</script><style>p{}</style><!-- x --><textarea>y</textarea>", "seen"),
        (
            "<div style='display:none'>a</div><p hidden>b</p><i style='font-size:0px'>c</i>seen",
            "seen",
        ),
        ("", ""),
        ("<img src='x.png'>", ""),
    ],
)
def test_what_a_reader_sees_is_what_there_is(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "a < b and b > c",
        "<p>your tag</p> is broken on our page",
        "Our page has <div>this</div>",
        "<thread.lock> in my log\n<end>",
        "<3 your product</3>",
        "",
    ],
)
def test_a_text_that_only_mentions_html_stays(text: str) -> None:
    assert plain_text(text) == text


def test_a_text_that_is_a_mail_in_html_is_converted() -> None:
    assert plain_text(f"<!DOCTYPE html>\n{OUTLOOK}").startswith("Die Rechnung stimmt nicht.\n")
    assert plain_text("<div><img src='x'></div>") == "<div><img src='x'></div>"  # better than nothing at all


HOSTILE = {
    "deep": "<div>" * 40_000,
    "deep quotations": "<blockquote>x" * 15_000,
    "closed by nothing": "<div></i>" * 22_000,
    "open tables": "<table><tr><td>" * 13_000,
    "open formatting": "<b><i><u>x" * 20_000,
    "one attribute": f"<div class='{'x' * 200_000}'>y</div>",
    "many attributes": f"<div {'a=b ' * 50_000}>y</div>",
    "no tag at all": "<" * 200_000,
    "open comments": "<!--" * 50_000,
    "entities": "&amp" * 50_000,
    "open script": "<script>" * 25_000,
}


def test_hostile_html_is_read_in_bounded_time_and_memory() -> None:
    """In a process of its own, which may neither work for longer than a minute nor overflow its stack."""
    code = (
        "import re, resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (60, 60));"
        "from connector.helpdesk.html_text import html_to_text;"
        "from tests.helpdesk.test_html_text import HOSTILE;"
        "sizes = [len(html_to_text(each)) for each in HOSTILE.values()];"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1];"
        "print(max(sizes), peak)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr[-500:]
    longest, memory_kb = map(int, ended.stdout.split())
    assert (longest < 1_000_000, memory_kb < 1_000_000) == (True, True)


def test_a_mail_of_many_parts_is_read_to_its_end() -> None:
    html = "<div><p>" + "<p>words and more words</p>" * 20_000 + "<p>I will sue you.</p></div>"

    assert html_to_text(html).endswith("\n\nI will sue you.")


@given(st.text(alphabet="<>/=\"' abdivpreulol&;#!-", max_size=200))
def test_any_html_is_read(html: str) -> None:
    assert "\0" not in html_to_text(html)
