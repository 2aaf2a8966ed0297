"""The page and the study as visitors meet them: in Chromium, over HTTP, and with ill will."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, FileChooser, Page, expect, sync_playwright

from clearsight import images
from clearsight.datasets.photographs import Photographs
from clearsight.degradations import parse
from clearsight.images import Picture
from clearsight.inference import Engine
from clearsight.restorers import Wavelet, Wiener
from clearsight.study import Store, Study, create
from clearsight.study import application as study_application
from clearsight.web import Limits
from clearsight.web import application as page_application
from unreadable import UNREADABLE

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE = 180_000
"""Milliseconds, for machines that do much else."""

GRADIOS_OWN = "aria-prohibited-attr"
"""Its places for what is not there yet have a name, and no role that could have one."""

LIMITS = Limits(pixels=100_000, size=400_000, seconds=600, waiting=3, files=3)
WIENER = ("wiener", 1.0)


@contextmanager
def served(application: Any) -> Iterator[str]:
    """An ASGI application in a thread, which ends with this process at the latest; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy pictures with something in their metadata."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.linspace(0.2, 0.5, 90), np.linspace(0, 0.3, 120))[..., None]
    for name, channels in (("photo.png", 3), ("photo.jpg", 3), ("grey.png", 1)):
        noisy = images.from_unit(ramp + 25 / 255 * rng.standard_normal((90, 120, channels)), "uint8")
        images.write(Picture(pixels=noisy, metadata=images.Metadata(dpi=(300.0, 300.0))), folder / name)
    digit = np.zeros((28, 28, 1), np.uint8)
    digit[5:14, 12:16] = 255
    images.write(Picture(pixels=digit), folder / "half.png")
    return folder


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with page_application(LIMITS) as application, served(application) as address:
        yield address


@pytest.fixture(scope="session")
def client(site: str) -> Client:
    return Client(site, verbose=False)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)  # ends with its driver


@pytest.fixture
def visitor(chromium: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Somebody who opens the page; whatever their browser asks others for, or complains of, fails the test."""
    contexts, wrong = [], []

    def come(**how: Any) -> Page:
        contexts.append(chromium.new_context(accept_downloads=True, **how))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: None if r.url.startswith((site, "data:", "blob:")) else wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(site)
        page.get_by_role("button", name="Restore", exact=True).wait_for()
        return page

    yield come
    for context in contexts:
        context.close()
    assert wrong == []


def restored(command: Callable, source: Path, *options: str) -> bytes:
    """What the command makes of a file."""
    assert command("restore", source, "-o", "by-command/", *options).status == 0
    return Path("by-command", source.name).read_bytes()


def sent(page: Page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


def downloaded(page: Page, name: str) -> bytes:
    button = page.get_by_text(f"Download {name}").first
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == name
    return download.value.path().read_bytes()


# In the browser


def test_drop_slide_download(visitor: Callable, command: Callable, pictures: Path, tmp_path: Path) -> None:
    page = visitor(viewport={"width": 1280, "height": 900})
    sent(page, pictures / "photo.jpg")
    assert downloaded(page, "photo.jpg") == restored(command, pictures / "photo.jpg")
    shown = page.locator("img").evaluate_all("all => all.map(i => [i.naturalWidth, i.naturalHeight, i.src])")
    pair = [src for width, height, src in shown if (width, height) == (120, 90)]
    assert len(pair) == 2
    assert all(src.endswith(".png") for src in pair)
    box = page.locator("img").first.bounding_box()
    assert box is not None
    before = page.screenshot()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 5, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert page.screenshot() != before
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_what_cannot_be_read_is_said_and_the_page_goes_on(
    visitor: Callable, command: Callable, pictures: Path, tmp_path: Path
) -> None:
    page = visitor()
    evil = tmp_path / "<img src=x onerror=document.title='taken'>.png"
    evil.write_text("This is no image.\n")
    sent(page, evil)
    expect(page.get_by_text("holds something else, expected an image").first).to_be_visible(timeout=PATIENCE)
    assert page.title() == "clearsight"
    page.screenshot(path=tmp_path / "error.png")
    page.reload()
    sent(page, pictures / "grey.png")
    assert downloaded(page, "grey.png") == restored(command, pictures / "grey.png")


def test_two_visitors_at_once(visitor: Callable, command: Callable, pictures: Path, tmp_path: Path) -> None:
    """Files of one name, of two visitors: each gets their own."""
    other = tmp_path / "other" / "grey.png"
    other.parent.mkdir()
    shutil.copy(pictures / "half.png", other)
    pages = [visitor(), visitor()]
    for page, path in zip(pages, (pictures / "grey.png", other), strict=True):
        sent(page, path)
    found = [downloaded(page, "grey.png") for page in pages]
    assert found[0] == restored(command, pictures / "grey.png")
    Path("by-command/grey.png").unlink()
    assert found[1] == restored(command, other)


def test_by_keyboard_alone(visitor: Callable, command: Callable, pictures: Path) -> None:
    page = visitor()

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if name in page.evaluate("document.activeElement.matches('body') ? '' : document.activeElement.innerText"):
                return
        pytest.fail(f"the keyboard does not reach {name!r}")

    chosen: list[FileChooser] = []
    page.on("filechooser", lambda chooser: chosen.append(chooser))
    for _ in range(5):  # a page that is still being put together may not hear the first time
        tab_to("Click to Upload")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        if chosen:
            break
    chosen[0].set_files(pictures / "grey.png")
    page.get_by_text("Download grey.png").first.wait_for()
    tab_to("Download grey.png")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.path().read_bytes() == restored(command, pictures / "grey.png")
    handle = page.get_by_role("slider", name="as it was before")
    for key, percent in (("ArrowLeft", 45), ("Home", 0), ("ArrowRight", 5), ("End", 100)):
        handle.press(key)
        expect(handle).to_have_attribute("aria-valuenow", str(percent))
        shown = page.locator("img").nth(1).evaluate("after => parseFloat(after.style.clipPath.split(' ')[3])")
        assert shown == pytest.approx(percent, abs=1)


def test_on_a_narrow_screen(visitor: Callable, pictures: Path, tmp_path: Path) -> None:
    page = visitor(viewport={"width": 360, "height": 740}, has_touch=True)
    sent(page, pictures / "photo.png")
    page.get_by_text("Download photo.png").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=tmp_path / "narrow.png", full_page=True)


def test_axe_finds_nothing_serious(visitor: Callable) -> None:
    page = visitor()
    found = []
    for tab in page.get_by_role("tab").all():
        tab.click()
        report = Axe().run(page).response
        serious = [v for v in report["violations"] if v["impact"] in ("serious", "critical") and v["id"] != GRADIOS_OWN]
        found += [(v["id"], v["nodes"][0]["html"][:200]) for v in serious]
    assert found == []


# Over HTTP


def test_a_client_gets_what_the_command_writes(client: Client, command: Callable, pictures: Path) -> None:
    _, download, said = client.predict(handle_file(pictures / "photo.png"), *WIENER, api_name="/restore")
    made = restored(command, pictures / "photo.png", "--model", "wiener")
    assert Path(download["value"]).read_bytes() == made
    assert "metadata" in said


def test_reading_trying_and_drawing(client: Client, pictures: Path) -> None:
    half = handle_file(pictures / "half.png")
    before, after = client.predict(half, "digits-conv", *WIENER, api_name="/read")
    assert before["label"] == before["confidences"][0]["label"]
    assert 0 < after["confidences"][0]["confidence"] <= 1
    photo = handle_file(pictures / "photo.png")
    _, said = client.predict(photo, "gaussian(sigma=25/255)", 0, *WIENER, api_name="/degrade")
    degraded, better = (float(word) for word in said.split() if word[0].isdigit())
    assert degraded < better
    drawn = client.predict(half, "sample-digits", 2, 0, api_name="/sample")
    assert [one["caption"] for one in drawn] == ["sample 1", "sample 2", "mean", "spread"]


def test_many_files_in_a_zip(client: Client, command: Callable, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("This is no image.\n")
    names = [pictures / "photo.png", pictures / "grey.png", tmp_path / "text.png"]
    files = [handle_file(path) for path in names]
    download, said = client.predict(files, *WIENER, api_name="/restore_all")
    shutil.unpack_archive(download["value"], "unpacked")
    assert sorted(path.name for path in Path("unpacked").iterdir()) == ["grey.png", "photo.png"]
    assert Path("unpacked/grey.png").read_bytes() == restored(command, pictures / "grey.png", "--model", "wiener")
    assert said == "2 of 3 restored.\n- text.png holds something else" + said.partition("something else")[2]


@pytest.mark.parametrize("name", UNREADABLE)
def test_damaged_files_get_the_sentence_of_the_command(
    client: Client, command: Callable, tmp_path: Path, name: str
) -> None:
    content, reason = UNREADABLE[name]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(AppError) as refused:
        client.predict(handle_file(tmp_path / name), *WIENER, api_name="/restore")
    assert str(tmp_path) not in str(refused.value)
    if name not in ("huge.png", "animated.gif"):  # which is larger than is allowed here, and needs --format there
        assert reason in str(refused.value)
        assert str(refused.value) in command("restore", name, "-o", "out/", "--model", "wiener").err


def test_limits_are_told(client: Client, pictures: Path, tmp_path: Path) -> None:
    images.write(Picture(pixels=np.zeros((400, 300, 1), np.uint8)), tmp_path / "large.png")
    with pytest.raises(AppError, match=r"large\.png has 120,000 pixels, expected at most 100,000"):
        client.predict(handle_file(tmp_path / "large.png"), *WIENER, api_name="/restore")
    with pytest.raises(AppError, match="4 files are more than the 3"):
        client.predict([handle_file(pictures / "grey.png")] * 4, *WIENER, api_name="/restore_all")
    (tmp_path / "long.png").write_bytes(bytes(500_000))
    with pytest.raises(Exception, match=r"413|maximum allowed size|exceed"):
        client.predict(handle_file(tmp_path / "long.png"), *WIENER, api_name="/restore")
    with pytest.raises(AppError, match="hf:owner/name"):
        client.predict(handle_file(pictures / "grey.png"), "hf:owner/name", 1.0, api_name="/restore")
    with pytest.raises(AppError, match="did you mean 'gaussian'"):
        client.predict(handle_file(pictures / "grey.png"), "gausian(sigma=0.1)", 0, *WIENER, api_name="/degrade")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", __file__, "https://example.com/x.png"])
def test_no_path_and_no_address_can_be_asked_for(site: str, path: str) -> None:
    assert httpx.get(f"{site}gradio_api/file={path}").status_code in (403, 404)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    asked = httpx.post(f"{site}gradio_api/call/v2/restore", json={"file": file, "model": "wiener", "strength": 1})
    if asked.status_code == 200:
        answer = httpx.get(f"{site}gradio_api/call/restore/{asked.json()['event_id']}", timeout=60).text
        assert "event: error" in answer
        assert "root:" not in answer


def test_a_port_that_is_taken(command: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        done = command("serve", "--port", there.getsockname()[1])
    assert done.status == 1
    assert done.err.endswith("Address already in use; take another --port or --host\n")


def test_the_browser_is_told_to_ask_nobody_else(site: str) -> None:
    assert "default-src 'self'" in httpx.get(site).headers["content-security-policy"]


# The study


def test_a_study_is_ranked_by_keyboard(chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    engines = {"wiener": Engine(Wiener()), "wavelet": Engine(Wavelet())}
    images_of = Photographs(root=pictures)
    made = create(images_of, parse("gaussian(sigma=0.1)"), engines, tmp_path / "study", report=lambda line: None)
    store = Store(made.database)
    with served(study_application(made, store)) as address:
        context = chromium.new_context(viewport={"width": 1100, "height": 800})
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("document.activeElement !== document.body")
        page.keyboard.press("Enter")
        page.get_by_text("Picture A").wait_for()
        page.screenshot(path=tmp_path / "study.png", full_page=True)
        ranked(page)
        context.close()
    assert_ranked(made, store)


def ranked(page: Page) -> None:
    """B first, then A, then C: by Tab and Space, the first taken back once."""
    assert page.get_by_role("button", name="Next").is_disabled()
    for name in ("Picture A", "Picture A", "Picture B", "Picture A", "Picture C"):
        page.get_by_role("button", name=name).focus()
        page.keyboard.press("Space")
    assert "Picture B: 1st" in page.get_by_role("button", name="Picture B").inner_text()
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Page 2 of").wait_for()


def assert_ranked(made: Study, store: Store) -> None:
    (ranking,) = store.rankings()
    a, b, c = made.design.trials(1)[0].places
    assert ranking.order == (b, a, c)
