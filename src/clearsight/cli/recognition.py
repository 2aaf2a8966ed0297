"""``clearsight recognize`` and ``clearsight evaluate``: what can be read in images, before and after."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from clearsight.cli import completion
from clearsight.cli.terminal import (
    RECOGNIZERS,
    RecognizerName,
    SelfEnsemble,
    Strength,
    check_named,
    counted,
    print_json,
    print_table,
    write_record,
)
from clearsight.errors import BatchError, ClearsightError, InvalidArgumentError
from clearsight.text import printable

if TYPE_CHECKING:
    from torch import nn

    from clearsight.contracts import Dataset, Prediction
    from clearsight.evaluation.protocol import Ways
    from clearsight.evaluation.results import Evaluation, Shown
    from clearsight.evaluation.robustness import Robustness
    from clearsight.inference.recognizing import Predictor

__all__ = ["evaluate", "recognize"]

_FITTED = 100
"""Images that a gate is fitted on, at most."""

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, …")]


def recognize(
    inputs: Annotated[list[Path], typer.Argument(help="Image files, and folders of them.", show_default=False)],
    recognizer: Annotated[
        str,
        typer.Option("--recognizer", "-r", "--model", "-m", help=RECOGNIZERS, autocompletion=completion.recognizers),
    ] = "digits-conv",
    restore_with: Annotated[
        str | None,
        typer.Option(
            "--restore-with", help="Restore first, with what `restore --model` takes.", autocompletion=completion.models
        ),
    ] = None,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the probability of every class, or the box of every line.")
    ] = False,
    maps: Annotated[
        Path | None,
        typer.Option(help="Folder for PNG files with the number of each pixel's class, of a segmenter."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Name what is in images: file, class and confidence, a line each; or read them (--recognizer ocr).

    Of a segmenter, that is the class that has the largest share of the image; of a reader, the text follows, line by
    line, each with its confidence. A file that fails stops nothing: the rest
    goes on, what failed is listed at the end.
    """
    from clearsight.images.files import read
    from clearsight.images.folders import find
    from clearsight.inference.recognizing import Predictor
    from clearsight.inference.restoring import Restoration

    check_named(restore_with, "--restore-with", strength, self_ensemble)
    predictor = Predictor(recognizer, device=device)
    targets = dict.fromkeys(find(inputs)) if maps is None else _map_files(predictor, inputs, maps)
    restoration = None
    if restore_with:
        restoration = Restoration(restore_with, strength=strength, self_ensemble=self_ensemble, device=device)
        restoration.check()
    failures = []

    def answers() -> Iterator[tuple[Path, Prediction]]:
        for path, target in targets.items():
            try:
                picture = read(path)
                prediction = predictor.predict(restoration(picture) if restoration else picture)
                if target is not None:
                    _write_map(prediction, target)
            except ClearsightError as error:
                failures.append((str(path), str(error)))
            except MemoryError:
                failures.append((str(path), f"there is not enough memory for {path}"))
            else:
                yield path, prediction

    _as_json(answers()) if as_json else _as_lines(targets, answers())
    for name, message in failures:
        print(f"  {printable(message if name in message else f'{name}: {message}')}", file=sys.stderr)
    if failures:
        raise BatchError(failures, len(targets))


def _map_files(predictor: Predictor, inputs: list[Path], folder: Path) -> dict[Path, Path | None]:
    """Where the map of each image goes; nothing that is there is written over."""
    from clearsight.inference.jobs import plan

    if predictor.traits.task != "segment":
        raise InvalidArgumentError("the recognizer gives a class to the image, none to each pixel: leave --maps out")
    jobs = plan(inputs, folder, suffix=".png")
    there = next((job.target for job in jobs if job.target.exists()), None)
    if there is not None:
        raise InvalidArgumentError(f"{there} is there already: name another folder, or remove it")
    return {cast(Path, job.source): cast(Path, job.target) for job in jobs}


def _write_map(prediction: Prediction, path: Path) -> None:
    from clearsight.images.files import write
    from clearsight.images.picture import Picture

    assert prediction.classes is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Picture(pixels=prediction.classes[..., None]), path)


def _as_lines(paths: Iterable[Path], answers: Iterable[tuple[Path, Prediction]]) -> None:
    """Each answer as soon as it is there; ``paths`` are all that may come, for the width of the column."""
    width = max((len(printable(str(path))) for path in paths), default=0)
    for path, prediction in answers:
        name, lines = printable(str(path)), prediction.lines
        said = printable(prediction.label) if lines is None else _counted_lines(len(lines))
        print(f"{name.ljust(width)}  {said}  {prediction.confidence:.3f}", flush=True)
        for line in lines or ():
            print(f"  {line.confidence:.3f}  {printable(line.text)}", flush=True)


def _counted_lines(n: int) -> str:
    return "no text" if n == 0 else "1 line" if n == 1 else f"{n} lines"


def _as_json(answers: Iterable[tuple[Path, Prediction]]) -> None:
    """One list, each answer as soon as it is there."""
    print_json({"file": str(path), **_fields(answer)} for path, answer in answers)


def _fields(answer: Prediction) -> dict[str, object]:
    """What JSON says of an answer."""
    confidence = round(answer.confidence, 6)
    if answer.lines is None:
        return {"label": answer.label, "confidence": confidence, "probabilities": answer.probabilities}
    lines = [{"text": line.text, "confidence": round(line.confidence, 6), "box": line.box} for line in answer.lines]
    return {"text": answer.label, "confidence": confidence, "lines": lines}


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            help="Name (see `clearsight datasets`) or folder.",
            show_default=False,
            autocompletion=completion.datasets,
        ),
    ],
    degradation: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="What to do to the images: strokes(kind=heavy); corruptions, all of ImageNet-C at five severities; "
            "not for images that are degraded already, pairs with their clean twins or, for a recognizer, alone.",
            show_default=False,
            autocompletion=completion.degradations,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="What `restore --model` takes.", show_default=False, autocompletion=completion.models
        ),
    ] = None,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = False,
    recognizer: Annotated[str | None, RecognizerName] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Judge every classical method and shipped model that applies, too.")
    ] = False,
    part: Annotated[str, typer.Option(help="Part of the data set: train, val, test, …")] = "test",
    limit: Annotated[
        int | None, typer.Option(help="Evaluate so many images only, evenly spread over the set.", show_default=False)
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the table and how it was made here.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write a sheet of images here: input, restored, …")] = None,
    seed: Annotated[int, typer.Option(help="Of the noise and of the intervals.")] = 0,
    device: Device = "auto",
) -> None:
    """Judge restorers by how images look and by what can be recognized in them, all on the same degraded images.

    One table: the images clean, degraded, restored by each baseline and by the model; PSNR, SSIM, error or mIoU and
    calibration, or character and word error rates, seconds an image, with 95 % intervals over images. Of a model and
    what tells classes two rows more: the mean of the answers to the image as it is and restored; a gate between them,
    fitted on the part val, else train.
    """
    from clearsight import weights
    from clearsight.datasets.opening import held_out, open_dataset
    from clearsight.datasets.subset import take
    from clearsight.evaluation.protocol import evaluate as run
    from clearsight.evaluation.robustness import SETS, evaluate_robustness
    from clearsight.images.files import check_writable
    from clearsight.recognizers.checks import tells_classes
    from clearsight.restorers.strength import adjusted

    check_named(model, "--model", strength, self_ensemble)
    corruptions = SETS.get(degradation or "")
    if figure is not None:
        if corruptions is not None:
            raise InvalidArgumentError(
                f"--figure is of one degradation, not of {degradation}: name one, or leave it out"
            )
        check_writable(figure)
    dataset = open_dataset(data, part=part)
    restorer = None if model is None else adjusted(weights.load(model), strength=strength, self_ensemble=self_ensemble)
    reader = None if recognizer is None else weights.load_recognizer(recognizer)
    ways: Ways = {}
    if restorer is not None and tells_classes(reader) and degradation is not None:
        fitted_on = [degradation] if corruptions is None else [each[len(each) // 2] for each in corruptions.values()]
        ways = _either_way(restorer, reader, held_out(data, part=part), fitted_on, seed, device)
    rows: list[Shown] = []
    left_out: dict[str, None] = {}
    started = time.monotonic()
    judged = partial(
        run,
        dataset if limit is None else take(dataset, limit),
        model=restorer,
        recognizer=reader,
        ways=ways,
        with_baselines=baselines,
        seed=seed,
        device=device,
        show=None if figure is None else rows.append,
        track=counted,
        left_out=lambda error: left_out.setdefault(str(error)),
    )
    found: Evaluation | Robustness
    found = judged(degradation) if corruptions is None else evaluate_robustness(judged, corruptions)
    title = f"{data}, {part}: {found.images} images, {found.degradation}"
    for error in left_out:
        print(f"left out: {printable(error)}", file=sys.stderr)
    print_table(title, found.header(), found.cells())
    for line in found.conventions():
        print(f"  {line}")
    if ways and "gate" not in ways:
        print("  no gate: the data has no part to fit it on but the one that is judged")
    if json_file is not None:
        asked: dict[str, object] = {"data": data, "part": part, "model": model, "recognizer": recognizer}
        if left_out:
            asked["left_out"] = [*left_out]
        write_record(json_file, {**asked, **found.as_json()}, time.monotonic() - started)
    if figure is not None:
        from clearsight.evaluation.figures import draw

        figure.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, figure)


def _either_way(
    restorer: nn.Module,
    recognizer: nn.Module,
    images: Dataset | None,
    degradations: Sequence[str],
    seed: int,
    device: str,
) -> Ways:
    """The rows in which a recognizer sees images as they are and restored; no gate where nothing is there to fit it."""
    from clearsight.datasets.subset import take
    from clearsight.evaluation.selection import applies, select
    from clearsight.joint.selective import Mean, Selective

    if not applies(restorer):
        return {}
    if images is None:
        return {"mean": Selective(restorer, recognizer, rule=Mean())}
    return select(restorer, recognizer, take(images, _FITTED), degradations, seed=seed, device=device).rules
