"""A URL has one reading, and what has two is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ImageRefused, SettingsError
from backend.images.web_url import parse_home, parse_web_url


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("http://a.de", "http://a.de/"),
        ("HTTPS://A.DE:443/x", "https://a.de/x"),
        ("http://a.de:443/x", "http://a.de:443/x"),
        ("http://a.de./x", "http://a.de/x"),
        ("http://a.de/x y/ü.jpg?q=ä b", "http://a.de/x%20y/%C3%BC.jpg?q=%C3%A4%20b"),
        ("http://a.de/x%20y?q=a+b", "http://a.de/x%20y?q=a+b"),
        ("http://a.de/a/../b", "http://a.de/b"),
        ("http://a.de/x#part", "http://a.de/x"),
        ("http://müller.de/", "http://xn--mller-kva.de/"),
        ("http://label_studio:8080/", "http://label_studio:8080/"),
        ("http://[2001:DB8::1]:81/x", "http://[2001:db8::1]:81/x"),
        ("http://1.2.3.4/", "http://1.2.3.4/"),
        ("http://a.de/@b/c@d", "http://a.de/@b/c@d"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert str(parse_web_url(text)) == normal


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a.de/x",
        "http:a.de",
        "http:///x",
        "//a.de/x",
        "http://",
        "http://?x",
        "http://user@a.de/",
        "http://user:secret@a.de/",
        "http://@a.de/",
        "http://a.de\\@b.de/",
        "http://a.de/\r\nX: y",
        "http://a.de/\x00",
        "http://a b/",
        "http://a..de/",
        "http://.a.de/",
        "http://a.de:0/",
        "http://a.de:65536/",
        "http://a.de:-1/",
        "http://a.de:x/",
        "http://%61.de/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://127.0.0.1.5/",
        "http://127.0.0.01/",
        "http://a.0x/",
        "http://1.2.3.256/",
        "http://[::1",
        "http://[::1%25lo]/",
        "http://[fe80::1%eth0]/",
        "http://[zz]/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://a*b.de/",
        f"http://{'a' * 64}.de/",
        f"http://a.de/{'x' * 20_000}",
    ],
)
def test_odd_urls_are_refused(text: str) -> None:
    with pytest.raises(ImageRefused):
        parse_web_url(text)


def test_a_password_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ImageRefused) as caught:
        parse_web_url("http://user:hunter2@a.de/?sig=abc")
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_display_has_no_query() -> None:
    assert parse_web_url("https://a.de/x.jpg?sig=abc").display == "https://a.de/x.jpg"


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("/y", "http://a.de:81/y"),
        ("y", "http://a.de:81/b/y"),
        ("?z=1", "http://a.de:81/b/c?z=1"),
        ("//b.de/y", "http://b.de/y"),
        ("https://b.de/y", "https://b.de/y"),
    ],
)
def test_join_follows_a_location_header(location: str, joined: str) -> None:
    assert str(parse_web_url("http://a.de:81/b/c?x=1").join(location)) == joined


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://b/",
        "http://u:p@b/",
        "javascript:x",
        "\\\\b\\c",
        "http://[",
        "",
    ],
)
def test_join_refuses_what_parse_refuses(location: str) -> None:
    url = parse_web_url("http://a.de/b")
    if location == "":
        assert url.join(location) == url
        return
    with pytest.raises(ImageRefused):
        url.join(location)


def test_home_keeps_its_prefix_without_a_final_slash() -> None:
    home = parse_home("http://a.de:8080/ls/")
    assert (home.origin, home.path) == (("http", "a.de", 8080), "/ls")


def test_a_bad_home_is_the_operators_mistake() -> None:
    with pytest.raises(SettingsError, match="FIRSTPASS_LABEL_STUDIO_URL"):
        parse_home("http://user:hunter2@a.de")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_the_normal_form_is_stable(text: str) -> None:
    try:
        url = parse_web_url(f"http://{text}")
    except ImageRefused:
        return
    assert parse_web_url(str(url)) == url
    assert str(url).isascii()
    assert str(url).isprintable()
