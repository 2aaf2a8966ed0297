"""``clearsight explain``: which way each part of a guided loss pulls at a noisy image."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli.terminal import RecognizerName, print_table, write_record

__all__ = ["explain"]


def explain(
    image: Annotated[Path, typer.Argument(help="A clean image.", show_default=False)],
    recognizer: Annotated[str, RecognizerName],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: maps.png.", show_default=False)],
    degradation: Annotated[str, typer.Option("--with", help="What to do to the image.")] = "gaussian(sigma=45/255)",
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Restorer to look through.  [default: the one that `restore` takes]"),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Layer of the recognizer whose features are compared.  [default: relu3_3 if there is one]"),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Class of the image.  [default: what the recognizer sees in it]")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers and how they were made here.")] = (
        None
    ),
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
) -> None:
    """Show what guides a restorer: the gradient of each part of the loss with respect to the noisy image.

    One picture: the image clean, noisy and restored, and beside it the gradients of the pixels', the features' and the
    recognizer's part, as Fig. 3 of liu2020. One table: value and gradient norm of each part, and the cosine of the
    angle to the pixels' gradient.
    """
    from clearsight import weights
    from clearsight.degradations.language import parse
    from clearsight.evaluation.figures import draw_pulls
    from clearsight.evaluation.gradients import explain as run
    from clearsight.images.files import check_writable, read
    from clearsight.inference.recognizing import image_for
    from clearsight.inference.restoring import default_model
    from clearsight.recognizers.checks import check_tells_classes

    check_writable(out)
    chosen, started = parse(degradation), time.monotonic()
    judge = weights.load_recognizer(recognizer)
    check_tells_classes(judge)
    x = image_for(judge, read(image))
    restorer = weights.load(model or default_model(len(x)))
    explanation = run(x, chosen, restorer=restorer, recognizer=judge, layer=layer, label=label, seed=seed)
    parts = explanation.as_json()["parts"]
    rows = [
        [name, f"{part['value']:.3g}", f"{part['norm']:.3g}", f"{part['cosine']:.3f}"] for name, part in parts.items()
    ]
    print_table(f"{image}, {chosen}", ["part of the loss", "value", "gradient norm", "cosine to pixels"], rows)
    if json_file is not None:
        asked = {
            "image": str(image),
            "degradation": str(chosen),
            "recognizer": recognizer,
            "model": model,
            "seed": seed,
        }
        write_record(json_file, {**asked, **explanation.as_json()}, time.monotonic() - started)
    draw_pulls(explanation, out)
