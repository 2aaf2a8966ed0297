"""``clearsight guard``: a restorer in front of a recognizer that one already has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli.terminal import RecognizerName, print_table

__all__ = ["guard"]


def guard(
    recognizer: Annotated[str, RecognizerName],
    images: Annotated[
        str,
        typer.Option(
            help="Clean images: a folder, or a data set's name; for a reader lines or pages, a.png beside a.txt.",
            metavar="DIR|NAME",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for all that is made.", show_default=False)],
    labels: Annotated[
        str | None,
        typer.Option(
            help="none, for the recognizer's own answers, or a CSV file of lines image,class.  [default: the labels "
            "or texts that the images come with, if any]",
            show_default=False,
        ),
    ] = None,
    degradation: Annotated[
        str, typer.Option("--with", help="What goes wrong with the images; ranges are spanned by four conditions.")
    ] = "gaussian(sigma=15/255..60/255)",
    restorer: Annotated[
        str | None,
        typer.Option(
            help="A trained restorer's name or folder to start from, or an architecture, such as multiscale.  "
            "[default: the denoiser that comes with clearsight; for a reader restore-text]",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[str, typer.Option(help="Time for all of it: 90s, 30m, 2h.")] = "30m",
    evaluate_on: Annotated[
        list[str] | None,
        typer.Option(help="Another recognizer to read the restored images with; may be repeated.", show_default=False),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer of the recognizer whose features are compared, too.", show_default=False)
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option(
            help="The recognizer's pull beside that of the pixels.  [default: 8, of a reader 1]", show_default=False
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Side of the squares to train on; a reader is shown whole lines.  [default: 128, of a segmenter 192, "
            "or as small as the middle one of the images is]",
            show_default=False,
        ),
    ] = None,
    psnr_loss: Annotated[
        float, typer.Option(help="What guidance may cost: dB of PSNR against the restorer trained for the image alone.")
    ] = 1.0,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Go on with a recognizer that reads clean images no better than by chance.")
    ] = False,
    deploy: Annotated[
        bool,
        typer.Option(
            "--deploy",
            help="Also write OUT/deployed.onnx: restorer, when to restore, and recognizer in one graph.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of all random numbers.")] = 0,
) -> None:
    """Train a restorer in front of a recognizer, which is left as it is, and report what it is worth.

    OUT/report.html has it all: the images clean, degraded, restored by BM3D, by a restorer trained for the image alone
    and by the one guided by the recognizer, with the guided one only where that helps, and the recognizer retrained on
    degraded and on restored images. What is judged is right answers, mIoU or, of a reader, the character error rate.
    OUT/guided/weights is what `restore --model` takes, OUT/guided.onnx the same for programs without torch. The same
    command goes on with a run that was interrupted.
    """
    from clearsight.guarding.planning import parse_budget
    from clearsight.guarding.run import guard as run

    found = run(
        recognizer,
        images,
        out=out,
        degradation=degradation,
        labels=labels,
        restorer=restorer,
        budget=parse_budget(budget),
        evaluate_on=evaluate_on or (),
        layer=layer,
        weight=weight,
        size=size,
        psnr_loss=psnr_loss,
        anyway=anyway,
        deploy=deploy,
        seed=seed,
        report=lambda line: print(line, file=sys.stderr),
    )
    for one in found.conditions:
        print_table(f"{one.degradation}, {one.images} test images", one.header(), one.cells())
    print(found.folder / "report.html")
