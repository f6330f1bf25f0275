"""The pages that people look at, in a browser: run report, dry run and status, in light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from backend.bulk.cuts import cuts_of
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_config.label_thresholds import LabelThreshold, with_thresholds
from backend.label_studio.api import LabelStudioApi
from backend.prediction.engine import engine_for
from backend.prediction.plan import plan_label_config
from tests.e2e.axe import SCHEMES, Scheme, amiss, keep, look, overflow
from tests.e2e.browser import Page
from tests.e2e.pictures import import_pictures
from tests.e2e.test_prelabel import SOME_FAILED, Prelabel, has_rows_in_hand, nobody_writes
from tests.real_label_studio import NewProject
from tests.unit.bulk.shown_pages import odd_pages

WIDTHS = (1200, 375)
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="shape" toName="image">'
    '<Label value="circle" background="#d62728"/><Label value="star" background="gold"/>'
    '<Label value="cross"/><Label value="ring"/></RectangleLabels>'
    '<Choices name="ground" toName="image"><Choice value="grass"/><Choice value="bricks"/></Choices></View>'
)
TITLE = "Shapes <by day & night>"


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path:
    named: Path = request.config.getoption("--screenshots")
    return named


@pytest.fixture
def prelabel(both: Running, tmp_path: Path) -> Prelabel:
    return Prelabel(both, tmp_path / "home")


def checked(window: webdriver.Chrome, folder: Path, name: str) -> None:
    """Nothing amiss and nothing cut off, however it is looked at."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            look(window, scheme, width)
            assert amiss(window) == [], f"{name}, {scheme}, {width} px"
            assert overflow(window) <= 0, f"{name}, {scheme}, {width} px"
            keep(window, folder, f"{name}-{scheme}-{width}")
    assert window.get_log("browser") == []
    look(window, "light", WIDTHS[0])


def project_of(client: LabelStudioClient, new_project: NewProject, config: str = CONFIG) -> int:
    """Nine images, of which one is none."""
    project = new_project(config, title=TITLE)
    client.upload(project, {image.name: image.png for image in demo_images(8)})
    client.import_tasks(project, [{"image": "data:image/png;base64,bm8="}])
    return project


def shown_boxes(window: webdriver.Chrome) -> int:
    boxes = window.find_elements(By.CSS_SELECTOR, ".pictures g")
    return sum(box.is_displayed() for box in boxes)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_amiss_is_found(window: webdriver.Chrome, tmp_path: Path, scheme: Scheme) -> None:
    """Else the tests below could not fail: grey on grey, a picture without words, a page that reloads itself."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!DOCTYPE html><html lang=en><head><title>x</title><meta http-equiv=refresh content=5></head><body><main>"
        "<h1>x</h1><p style='color:#888;background:#777;width:2000px'>grey</p><img src='data:,'></main></body></html>"
    )
    window.get(bad.as_uri())
    look(window, scheme, 375)

    found = " ".join(amiss(window))

    assert {"color-contrast:", "image-alt:", "meta-refresh:"} <= set(found.split())
    assert overflow(window) > 0


def test_odd_runs_have_whole_pages(
    window: webdriver.Chrome, tmp_path: Path, screenshots: Path
) -> None:
    """No image, hostile names, 200 labels, failures, no scores, texts alone."""
    for name, html in odd_pages().items():
        file = tmp_path / f"{name.replace(' ', '-')}.html"
        file.write_text(html)
        window.get(file.as_uri())

        checked(window, screenshots / "odd", file.stem)
        assert window.execute_script("return document.scripts.length") == html.count("<script>")


def test_the_run_report_is_a_gallery_that_leads_into_label_studio(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    window: webdriver.Chrome,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    """The least sure first, with their boxes in the label config's colours; also what failed is a click away."""
    project, report = project_of(client, new_project), tmp_path / "run.html"

    prelabel.run("project", project, "--report", report, expect=SOME_FAILED)

    window.get(report.as_uri())
    scores = {row["task"]: row["score"] for row in client.predictions(project)}
    links = [
        link.get_attribute("href") or ""
        for link in window.find_elements(By.CSS_SELECTOR, "figcaption a")
    ]
    shown = [int(link.partition("task=")[2]) for link in links]
    assert set(shown) == scores.keys()
    assert [scores[task] for task in shown] == sorted(scores.values())
    assert shown_boxes(window) == sum(
        entry["from_name"] == "shape"
        for row in client.predictions(project)
        for entry in row["result"]
    )
    colours = {
        group.get_attribute("stroke")
        for group in window.find_elements(By.CSS_SELECTOR, ".pictures g")
    }
    assert "#d62728" in colours | {"#ffd700"}
    (failed,) = (
        link.get_attribute("href") or ""
        for link in window.find_elements(By.CSS_SELECTOR, "td.lines a")
    )
    assert f"/projects/{project}/data?task=" in failed
    assert TITLE in window.find_element(By.TAG_NAME, "h1").text
    checked(window, screenshots, "run-report")
    # A click opens that task in Label Studio.
    page = Page(window)
    window.get(f"{both.label_studio.url}/user/login/")
    page.until(lambda: page.all("[name=email]"))
    window.find_element(By.NAME, "email").send_keys(both.label_studio.login.email)
    window.find_element(By.NAME, "password").send_keys(both.label_studio.login.password, Keys.ENTER)
    page.until(lambda: "/login" not in window.current_url)
    window.get(report.as_uri())
    window.find_element(By.CSS_SELECTOR, "figcaption a").click()
    page.until(lambda: page.all("[data-testid=bottombar-submit-button]"))
    assert f"task={shown[0]}" in window.current_url


def test_a_threshold_is_chosen_by_looking(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    window: webdriver.Chrome,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    """What the slider shows is what comes with the copied threshold in the label config."""
    # So high that the tiny models, who are sure of most, do not reach it everywhere.
    config = CONFIG.replace('name="shape"', 'name="shape" model_score_threshold="0.975"')
    project, sheet = project_of(client, new_project, config), tmp_path / "sheet.png"
    dry = ("project", project, "--dry-run", "--sample", 9, "--sheet", sheet)
    said = prelabel.run(*dry, expect=SOME_FAILED)
    assert str(sheet.with_suffix(".html")) in said
    assert client.predictions(project) == []

    window.get(sheet.with_suffix(".html").as_uri())
    rows = window.find_elements(By.CSS_SELECTOR, ".cut")
    drawn = len(window.find_elements(By.CSS_SELECTOR, ".pictures g"))
    before = shown_boxes(window)
    assert 0 < before < drawn, "the page has what the thresholds hide, and hides it"
    told = [row.find_element(By.TAG_NAME, "output").text.split(" of ") for row in rows]
    assert [sum(map(int, column)) for column in zip(*told, strict=True)] == [before, drawn]
    checked(window, screenshots, "dry-run")

    # The first label whose boxes are not all shown: down to where they are, by the keyboard.
    row = next(row for row, (few, of) in zip(rows, told, strict=True) if few != of)
    label = row.find_element(By.TAG_NAME, "bdi").text
    slider, few = row.find_element(By.TAG_NAME, "input"), row.find_element(By.TAG_NAME, "output")
    slider.send_keys(*[Keys.ARROW_LEFT] * 25)
    shown, of = few.text.split(" of ")
    assert int(shown) > 0
    assert shown_boxes(window) > before
    row.find_element(By.TAG_NAME, "button").click()
    Page(window).until(lambda: row.find_element(By.TAG_NAME, "button").text == "Copied")
    attribute = row.find_element(By.TAG_NAME, "code").text
    assert attribute.startswith('model_score_threshold="0.')
    least = float(attribute.split('"')[1])

    written = with_thresholds(config, [LabelThreshold("shape", label, least)])
    assert attribute in written
    cuts = {
        cut.label: cut.least
        for cut in cuts_of(plan_label_config(written, None, engine_for("tiny")))
    }
    assert cuts[label] == least
    with LabelStudioApi.from_settings(both.settings) as api:
        api.update_project(project, label_config=written)
    prelabel.run(*dry, expect=SOME_FAILED)
    window.get(sheet.with_suffix(".html").as_uri())
    again = {
        one.find_element(By.TAG_NAME, "bdi").text: one.find_element(By.TAG_NAME, "output").text
        for one in window.find_elements(By.CSS_SELECTOR, ".cut")
    }
    assert again[label] == f"{shown} of {of}"


def test_the_status_page_renews_itself_and_nobody_loses_their_place(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    window: webdriver.Chrome,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    """A run is on it while it lives; one that was killed is gone from it soon after."""
    project = new_project(CONFIG, title=TITLE)
    import_pictures(client, project, 40)
    at = urlsplit(both.backend.url)
    user, password = both.backend.auth or ("", "")
    with_password = f"{quote(user)}:{quote(password)}@" if user else ""
    page = Page(window)
    look(window, "light", 375, 500)

    with nobody_writes(both):
        run = prelabel.start("project", project)
        page.until(lambda: has_rows_in_hand(tmp_path / "home") or run.poll() is not None)
        window.get(f"{at.scheme}://{with_password}{at.netloc}/status")
        mine = page.until(lambda: _row(window, project))
        assert " of 40" in page.until(lambda: _row(window, project, " of 40"))
        assert TITLE in mine
        checked(window, screenshots, "status")

        look(window, "light", 375, 500)
        scrolled = window.find_element(By.CSS_SELECTOR, ".scroll")
        window.execute_script("arguments[0].scrollLeft = 40; scrollTo(0, 300);", scrolled)
        window.find_element(By.CSS_SELECTOR, "footer a").send_keys("")
        window.execute_script("document.querySelector('footer a').focus({preventScroll: true});")
        place = window.execute_script("return [scrollX, scrollY]")
        time = window.find_element(By.CSS_SELECTOR, "header p").text
        page.until(lambda: window.find_element(By.CSS_SELECTOR, "header p").text != time)

        assert window.execute_script("return [scrollX, scrollY]") == place
        first = "return document.querySelector('.scroll').scrollLeft"
        assert window.execute_script(first) == 40
        assert window.execute_script("return document.activeElement.textContent") == "status.json"
        run.kill()
        run.communicate()
    page.until(lambda: " of 40" not in (_row(window, project) or ""))


def _row(window: webdriver.Chrome, project: int, holds: str = "") -> str | None:
    """The project's row."""
    texts = (row.text for row in window.find_elements(By.CSS_SELECTOR, "main tbody tr"))
    return next((text for text in texts if text.startswith(f"{project} ") and holds in text), None)
