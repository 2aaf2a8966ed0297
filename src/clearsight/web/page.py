"""What visitors see: five things to do, each a form whose answer is what :mod:`clearsight.web.jobs` gives."""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import gradio as gr

from clearsight.errors import ClearsightError
from clearsight.inference.restoring import AUTO
from clearsight.web import jobs
from clearsight.web.limits import Limits
from clearsight.web.worker import Worker

__all__ = ["SCRIPT", "STYLE", "THEME", "page"]

P = ParamSpec("P")
T = TypeVar("T")

THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    color_accent="*primary_600",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    block_info_text_color="*neutral_600",
    body_text_color_subdued="*neutral_600",
)
"""Without fonts from elsewhere, and with letters dark enough for everybody."""

STYLE = """
.gradio-container { width: 100% !important; max-width: 72rem !important; margin: 0 auto !important; }
.gradio-container > .main { box-sizing: border-box; }
footer { display: none !important; }
.said p { margin: 0; }
"""

SCRIPT = """
() => {
  const steps = {ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1};
  const place = (handle) => {
    const [inside, whole] = [handle, handle.parentElement].map((one) => one.getBoundingClientRect());
    return {x: inside.x + inside.width / 2, y: inside.y + inside.height / 2, left: whole.left, width: whole.width};
  };
  const tell = (handle) => {
    const {x, left, width} = place(handle);
    handle.setAttribute("aria-valuenow", Math.round(100 * (x - left) / width));
  };
  const name = (handle) => {
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", "How much is shown as it was before, in percent");
    tell(handle);
  };
  new MutationObserver(() => document.querySelectorAll("[data-testid=slider][role=none]").forEach(name))
    .observe(document.body, {childList: true, subtree: true});
  document.addEventListener("keydown", (event) => {
    const handle = event.target.closest("[data-testid=slider]");
    if (!handle || !(event.key in steps)) return;
    event.preventDefault();
    const {x, y, left, width} = place(handle);
    const to = Math.min(Math.max(x + steps[event.key] * width, left), left + width);
    const drag = (type, target, at) =>
      target.dispatchEvent(new MouseEvent(type, {bubbles: true, view: window, clientX: at, clientY: y}));
    drag("mousedown", handle, x);
    drag("mousemove", window, to);
    drag("mouseup", window, to);
    requestAnimationFrame(() => tell(handle));
  });
}
"""
"""Gives the handle between before and after a name and arrow keys, which Gradio's has not: a key is a short drag."""

_ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "worker", "concurrency_limit": 1}
_NOISE = "gaussian(sigma=25/255)"
_NOTHING = "drop an image first"


def _file(label: str, *, many: bool = False) -> gr.File:
    """A place for files that a visitor sends; what lies at an address is not fetched for them."""
    file = gr.File(label=label, height=140, file_count="multiple" if many else "single")
    move = file.async_move_resource_to_block_cache

    async def move_what_was_sent(path: str | Path | None) -> str | None:
        if path is not None and "://" in str(path):
            raise gr.Error("send the file itself, not an address", print_exception=False)
        return await move(path)

    file.async_move_resource_to_block_cache = move_what_was_sent  # type: ignore[method-assign,assignment]
    return file


class Service(NamedTuple):
    """What the page asks.

    Attributes:
        worker: who computes.
        limits: what a visitor may ask for.
        root: where every job has a folder of its own, under a name that nobody can guess.
    """

    worker: Worker
    limits: Limits
    root: Path

    def folder(self) -> Path:
        """A place for one job."""
        return self.root / secrets.token_urlsafe(24)

    def restore(self, file: str | None, model: str, strength: float) -> tuple[Any, ...]:
        """The slider, the download, and what is to be said."""
        source = _sent(file)
        job = self.worker.run(jobs.restore, source, self.folder(), model, strength, self.limits)
        (found,) = job
        told = "; ".join(found.notes)
        download = gr.DownloadButton(f"Download {found.file.name}", value=str(found.file), interactive=True)
        said = f"Kept: format and metadata. {html.escape(told)}" if told else "Kept: format, bit depth and metadata."
        return (str(found.before), str(found.after)), download, said

    def read(self, file: str | None, recognizer: str, model: str, strength: float) -> tuple[Any, ...]:
        """The labels before and after."""
        job = self.worker.run(jobs.read_twice, _sent(file), self.folder(), recognizer, model, strength, self.limits)
        (found,) = job
        return found.before, found.after

    def degrade(self, file: str | None, degradation: str, seed: float, model: str, strength: float) -> tuple[Any, ...]:
        """The slider, and by how much it became better."""
        asked = (degradation, int(seed), model, strength, self.limits)
        (found,) = self.worker.run(jobs.degrade_and_restore, _sent(file), self.folder(), *asked)
        said = "" if found.psnr is None else "PSNR {:.2f} dB degraded, {:.2f} dB restored".format(*found.psnr)
        return (str(found.degraded), str(found.restored)), said

    def sample(self, file: str | None, model: str, n: float, seed: float) -> list[tuple[str, str]]:
        """A gallery."""
        asked = (model, int(n), int(seed), self.limits)
        (found,) = self.worker.run(jobs.sample, _sent(file), self.folder(), *asked)
        return [(str(one), one.stem) for one in (*found.samples, found.mean, found.spread)]

    def restore_all(
        self, files: list[str] | None, model: str, strength: float, progress: gr.Progress
    ) -> tuple[Any, ...]:
        """The zip, and a line for each file that failed."""
        sources = [_sent(file) for file in files or [""]]
        archive, lines = None, list[str]()
        for found in self.worker.run(jobs.restore_all, sources, self.folder(), model, strength, self.limits):
            done, archive, lines = found
            progress((done, len(sources)), desc="files")
        restored = len(sources) - len(lines)
        said = "\n".join([f"{restored} of {len(sources)} restored.", *(f"- {html.escape(line)}" for line in lines)])
        return gr.DownloadButton("Download restored.zip", value=str(archive), interactive=True), said


def page(worker: Worker, limits: Limits, root: Path) -> gr.Blocks:
    """The whole page."""
    service = Service(worker, limits, root)
    whole = gr.Blocks(title="clearsight", analytics_enabled=False)
    with whole:
        gr.Markdown("# clearsight\nRestore images so that people *and recognizers* can read them.")
        with gr.Tab("Restore"):
            _restore(service)
        with gr.Tab("What is read"):
            _read(service)
        with gr.Tab("Try it out"):
            _try(service)
        with gr.Tab("Many files"):
            _many(service)
        with gr.Tab("Samples"):
            _samples(service)
    whole.queue(max_size=limits.waiting, default_concurrency_limit=1)
    return whole


def _restore(service: Service) -> None:
    with gr.Row():
        with gr.Column(scale=1):
            file, (model, strength) = _file("Image"), _how()
            button = gr.Button("Restore", variant="primary")
        with gr.Column(scale=2):
            slider = _slider("Before and after")
            download, said = _download(), _said()
    asked, answer = [file, model, strength], [slider, download, said]

    def restore(file: str | None, model: str, strength: float) -> tuple[Any, ...]:
        return service.restore(file, model, strength)

    button.click(_answered(restore), asked, answer, api_name="restore", **_ONE_AT_A_TIME)
    file.upload(_answered(restore), asked, answer, api_visibility="private", **_ONE_AT_A_TIME)


def _read(service: Service) -> None:
    from clearsight import weights
    from clearsight.registry import JOINT, RECOGNIZERS

    names = [one.name for one in weights.shipped(RECOGNIZERS, JOINT)]
    with gr.Row():
        with gr.Column():
            file = _file("Image")
            recognizer = gr.Dropdown(names, value="digits-conv", label="Recognizer")
            model, strength = _how()
            button = gr.Button("Restore and read", variant="primary")
        before = gr.Label(label="Read in the image as it is")
        after = gr.Label(label="Read in the restored image")

    def read(file: str | None, recognizer: str, model: str, strength: float) -> tuple[Any, ...]:
        return service.read(file, recognizer, model, strength)

    asked = [file, recognizer, model, strength]
    button.click(_answered(read), asked, [before, after], api_name="read", **_ONE_AT_A_TIME)


def _try(service: Service) -> None:
    with gr.Row():
        with gr.Column(scale=1):
            file = _file("Clean image")
            degradation = gr.Textbox(_NOISE, label="Degradation", info="gaussian(sigma=25/255) | jpeg(quality=40)")
            seed = gr.Number(0, label="Seed", precision=0)
            model, strength = _how()
            button = gr.Button("Degrade and restore", variant="primary")
        with gr.Column(scale=2):
            slider, said = _slider("Degraded and restored"), _said()

    def degrade(file: str | None, degradation: str, seed: float, model: str, strength: float) -> tuple[Any, ...]:
        return service.degrade(file, degradation, seed, model, strength)

    asked = [file, degradation, seed, model, strength]
    button.click(_answered(degrade), asked, [slider, said], api_name="degrade", **_ONE_AT_A_TIME)


def _many(service: Service) -> None:
    files = _file("Images", many=True)
    model, strength = _how()
    button = gr.Button("Restore all", variant="primary")
    download, said = _download(), _said()

    def restore_all(
        files: list[str] | None,
        model: str,
        strength: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (so does Gradio know that it is wanted)
    ) -> tuple[Any, ...]:
        return service.restore_all(files, model, strength, progress)

    asked = [files, model, strength]
    button.click(_answered(restore_all), asked, [download, said], api_name="restore_all", **_ONE_AT_A_TIME)


def _samples(service: Service) -> None:
    names = jobs.samplers()
    with gr.Row():
        with gr.Column(scale=1):
            file = _file("Image")
            model = gr.Dropdown(names, value=names[0], label="Model that samples")
            n = gr.Slider(1, 16, 4, step=1, label="Samples")
            seed = gr.Number(0, label="Seed", precision=0)
            button = gr.Button("Draw", variant="primary")
        with gr.Column(scale=2):
            gallery = gr.Gallery(label="Samples, their mean and their spread", format="png", columns=4)

    def sample(file: str | None, model: str, n: float, seed: float) -> list[tuple[str, str]]:
        return service.sample(file, model, n, seed)

    button.click(_answered(sample), [file, model, n, seed], [gallery], api_name="sample", **_ONE_AT_A_TIME)


def _how() -> tuple[gr.Dropdown, gr.Slider]:
    model = gr.Dropdown(jobs.models(), value=AUTO, label="Model", info="auto: by the image's channels and noise")
    return model, gr.Slider(0, 4, 1, step=0.05, label="Strength", info="1 is the model's own judgement")


def _slider(label: str) -> gr.ImageSlider:
    return gr.ImageSlider(
        label=label, format="png", type="filepath", interactive=False, buttons=["fullscreen"], max_height=640
    )


def _download() -> gr.DownloadButton:
    return gr.DownloadButton("Download", interactive=False)


def _said() -> gr.Markdown:
    return gr.Markdown(elem_classes="said")


def _sent(file: str | None) -> Path:
    if not file:
        raise ClearsightError(_NOTHING)
    return Path(file)


def _answered(work: Callable[P, T]) -> Callable[P, T]:
    """What we foresee is shown as the sentence that the command prints; names of files in it are no HTML."""

    @wraps(work)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except ClearsightError as error:
            text = html.escape(str(error), quote=False)
            raise gr.Error(text, duration=None, title="This did not work", print_exception=False) from None

    return answer
