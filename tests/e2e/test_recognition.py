"""``clearsight recognize`` and ``evaluate`` do what their help says, and say what they cannot do in one line."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import clearsight
from clearsight import images, weights
from clearsight.contracts import Prediction
from clearsight.degradations import CORRUPTIONS
from clearsight.images import Picture
from clearsight.inference import Predictor
from clearsight.recognizers import MLP, DigitNet, SegmentationNet
from clearsight.registry import DATASETS
from clearsight.restorers import ResidualUNet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")

CLASSES = ("left", "middle", "right")
SIDE = 12
NOISE = "gaussian(sigma=25/255)"
MORE = ("--strength", "1.5", "--self-ensemble")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones as well."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def one_line(err: str) -> str:
    """The one line that says what is wrong."""
    assert err.startswith("clearsight: "), err
    assert err.count("\n") == 1, err
    return err


def bar(k: int, seed: int = 0) -> np.ndarray:
    """A noisy grey image with one bright third, ``(H, W, 1)`` uint8."""
    pixels = np.random.default_rng(seed).integers(0, 60, (SIDE, SIDE, 1), dtype=np.uint8)
    pixels[:, k * SIDE // 3 : (k + 1) * SIDE // 3] += 150
    return pixels


def write(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(Picture(pixels=pixels), path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small models as they are shipped: one that tells bars apart, one of colours, and a grey denoiser."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    bars = MLP(size=[SIDE, SIDE], hidden=[], classes=CLASSES)
    third = torch.arange(SIDE).expand(SIDE, -1).flatten() // (SIDE // 3)
    with torch.no_grad():
        bars.output.weight.copy_(torch.stack([(third == k).float() / 8 for k in range(3)]))
        bars.output.bias.zero_()
    denoiser = ResidualUNet(channels=1, widths=[4, 6], blocks=[1, 1])
    with torch.no_grad():
        for p in denoiser.parameters():
            p += 0.02 * torch.randn_like(p)
    shipped = {
        "tiny-bars": bars,
        "tiny-digits": DigitNet(widths=[4]),
        "tiny-denoiser": denoiser,
        "tiny-segmenter": SegmentationNet(widths=[4, 6], blocks=[0, 0], head=5, classes=["sky", "road"]),
    }
    for name, model in shipped.items():
        figures = {"name": name, "summary": f"A small one, {name}", "validation": {"bfloat16_change": 1.0}}
        weights.save(model, folder / name, figures=figures, card="")
    return folder


@pytest.fixture(autouse=True)
def shipped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.weights._HOME", home)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A folder of classes, three images each."""
    for k, name in enumerate(CLASSES):
        for i in range(3):
            write(bar(k, seed=i), tmp_path / f"bars/{name}/{i}.png")
    return tmp_path / "bars"


@pytest.fixture
def photos(tmp_path: Path, photo: Callable) -> Path:
    for i in range(5):
        photo(f"photos/{i}.png", 16, 20, channels=1)
    return tmp_path / "photos"


# recognize


def test_a_folder_is_named_a_line_a_file(command: Callable, tmp_path: Path) -> None:
    for k, name in enumerate(("a.png", "deep/er/b.png", "c.tif")):
        write(bar(k), tmp_path / "in" / name)
    done = command("recognize", "in", "--recognizer", "tiny-bars")
    assert (done.status, done.err) == (0, "")
    confidences = [clearsight.recognize(bar(k)[..., 0], recognizer="tiny-bars").confidence for k in (0, 2, 1)]
    assert done.out.splitlines() == [
        f"in/a.png          left  {confidences[0]:.3f}",
        f"in/c.tif          right  {confidences[1]:.3f}",
        f"in/deep/er/b.png  middle  {confidences[2]:.3f}",
    ]
    assert min(confidences) > 0.9


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_answers_are_printed_as_they_come(
    command: Callable, bars: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    whole, seen = Predictor.predict, []

    def stopped(predictor: Predictor, picture: Picture) -> Prediction:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(picture)
        return whole(predictor, picture)

    monkeypatch.setattr(Predictor, "predict", stopped)
    done = command("recognize", "bars", "-r", "tiny-bars", *options)
    assert done.status == 130
    assert done.out.count("bars/left/") == 2


def test_json_tells_the_probability_of_every_class(command: Callable, bars: Path) -> None:
    done = command("recognize", "bars/middle", "bars/left/0.png", "-r", "tiny-bars", "--json")
    rows = json.loads(done.out)
    assert [row["file"] for row in rows] == [*(f"bars/middle/{i}.png" for i in range(3)), "bars/left/0.png"]
    assert [row["label"] for row in rows] == ["middle"] * 3 + ["left"]
    for row in rows:
        assert list(row) == ["file", "label", "confidence", "probabilities"]
        assert list(row["probabilities"]) == list(CLASSES)
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["confidence"] == pytest.approx(row["probabilities"][row["label"]], abs=1e-6)


def test_what_is_restored_first_is_what_restore_writes(command: Callable, bars: Path) -> None:
    plain, restored = (
        json.loads(command("recognize", "bars/left", "-r", "tiny-bars", "--json", *options).out)
        for options in ((), ("--restore-with", "tiny-denoiser", *MORE))
    )
    assert command("restore", "bars/left", "-o", "out", "--model", "tiny-denoiser", *MORE).status == 0
    written = json.loads(command("recognize", "out", "-r", "tiny-bars", "--json").out)
    assert [row["probabilities"] for row in restored] == [row["probabilities"] for row in written]
    assert all(a["confidence"] != b["confidence"] for a, b in zip(plain, restored, strict=True))


def test_grey_pixels_in_three_channels_are_grey(command: Callable, tmp_path: Path) -> None:
    write(bar(2).repeat(3, 2), tmp_path / "a.png")
    done = command("recognize", "a.png", "--recognizer", "tiny-bars")
    assert done.status == 0
    assert done.out.startswith("a.png  right  ")


def test_maps_of_a_segmenter(command: Callable, photo: Callable) -> None:
    pixels = [images.read(photo(f"in/{name}.png", 16, 20)).pixels for name in ("a", "deep/b")]
    done = command("recognize", "in", "-r", "tiny-segmenter", "--maps", "maps", "--json")
    rows = json.loads(done.out)
    for row, image, name in zip(rows, pixels, ("a", "deep/b"), strict=True):
        written = images.read(Path(f"maps/{name}.png")).pixels
        assert (written.shape, written.dtype) == ((16, 20, 1), np.uint8)
        answer = clearsight.recognize(image, recognizer="tiny-segmenter")
        assert np.array_equal(written[..., 0], answer.classes)
        assert row["probabilities"] == pytest.approx(answer.probabilities, abs=1e-6)
        assert row["label"] == answer.label


def test_maps_write_nothing_over(command: Callable, photo: Callable) -> None:
    photo("in/a.png", 16, 20)
    assert command("recognize", "in", "-r", "tiny-segmenter", "--maps", "maps").status == 0
    before = Path("maps/a.png").read_bytes()
    done = command("recognize", "in", "-r", "tiny-segmenter", "--maps", "maps")
    assert (done.status, done.out) == (1, "")
    assert done.err.strip().endswith("maps/a.png is there already: name another folder, or remove it")
    assert Path("maps/a.png").read_bytes() == before


def test_maps_inside_the_inputs_are_no_inputs(command: Callable, photo: Callable) -> None:
    photo("in/a.png", 16, 20)
    photo("in/maps/other.png", 16, 20)
    done = command("recognize", "in", "-r", "tiny-segmenter", "--maps", "in/maps")
    assert (done.status, len(done.out.splitlines())) == (0, 1)
    assert Path("in/maps/a.png").is_file()


def test_a_classifier_has_no_maps(command: Callable, bars: Path) -> None:
    done = command("recognize", "bars", "-r", "tiny-bars", "--maps", "maps")
    assert (done.status, done.out) == (1, "")
    assert "the recognizer gives a class to the image, none to each pixel: leave --maps out" in done.err
    assert not Path("maps").exists()


def test_a_recognizer_of_a_file(command: Callable, bars: Path, tmp_path: Path) -> None:
    network = nn.Sequential(nn.Flatten(), weights.load_recognizer("tiny-bars").output)
    torch.jit.script(network.eval()).save(tmp_path / "mine.pt")
    described = {"classes": CLASSES, "channels": 1, "size": [SIDE, SIDE]}
    (tmp_path / "mine.pt.json").write_text(json.dumps(described))
    done = command("recognize", "bars/right", "--recognizer", "mine.pt")
    assert done == command("recognize", "bars/right", "--recognizer", "tiny-bars")
    assert done.status == 0


def test_one_bad_file_stops_nothing(command: Callable, bars: Path) -> None:
    (bars / "left/1.png").write_bytes(b"")
    (bars / "left/2.png").write_bytes((bars / "left/2.png").read_bytes()[:60])
    write(np.zeros((SIDE, SIDE + 1, 1), np.uint8), bars / "left/3.png")
    done = command("recognize", "bars/left", "bars/right", "--recognizer", "tiny-bars")
    assert done.status == 1
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["bars/left/0.png", "left"],
        *([f"bars/right/{i}.png", "right"] for i in range(3)),
    ]
    empty, cut, other, last = done.err.splitlines()
    assert empty.startswith("  bars/left/1.png is empty")
    assert cut.startswith("  bars/left/2.png cannot be read as PNG")
    assert other.startswith(
        "  bars/left/3.png: the recognizer takes images of shape (B, 1, 12, 12), got (1, 1, 12, 13)"
    )
    assert last == "clearsight: 3 of 7 files failed"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("bars", "-r", "tiny-barz"), "no recognizer is named 'tiny-barz'; did you mean 'tiny-bars'?"),
        (("bars", "-r", "tiny-denoiser"), "no recognizer is named 'tiny-denoiser'"),
        (("bars",), "no recognizer is named 'digits-conv'"),
        (("bars", "-r", "notes.txt"), "notes.txt is of no known kind: expected a TorchScript file"),
        (("bars", "-r", "notes.pt"), "notes.pt is no TorchScript program, or a damaged one"),
        (
            ("bars", "-r", "pickled.pt"),
            "pickled.pt is no TorchScript program, or a damaged one (pickles can hold any code",
        ),
        (
            ("bars", "-r", "restorer.pt"),
            "restorer.pt cannot be used as a recognizer: the network gives logits of shape",
        ),
        (("bars", "-r", "nowhere.onnx"), "there is no file nowhere.onnx"),
        (("bars", "-r", "./nowhere"), "there is no folder ./nowhere"),
        (("bars", "-r", "restorer"), "is of architecture 'residual-unet', no recognizer"),
        (
            ("bars", "-r", "tiny-bars", "--restore-with", "weiner"),
            "no restorer is named 'weiner'; did you mean 'wiener'?",
        ),
        (("bars", "-r", "tiny-bars", "--strength", "2"), "are for a restorer: name one with --restore-with"),
        (("bars", "-r", "tiny-bars", "--device", "nonsense"), "device 'nonsense' cannot be used here"),
        (("nowhere.png", "-r", "tiny-bars"), "nowhere.png does not exist"),
        (("bare", "-r", "tiny-bars"), "bare holds no images"),
    ],
)
def test_what_cannot_be_recognized_is_one_line(
    command: Callable, home: Path, bars: Path, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "restorer").symlink_to(home / "tiny-denoiser")
    for name in ("notes.txt", "notes.pt"):
        (tmp_path / name).write_text("no network")
    torch.save(weights.load_recognizer(home / "tiny-bars"), tmp_path / "pickled.pt")
    torch.jit.script(nn.Conv2d(3, 3, 3, padding=1)).save(tmp_path / "restorer.pt")
    before = files(tmp_path)
    done = command("recognize", *arguments)
    assert done.status == 1
    assert done.out == ""
    assert reason in one_line(done.err)
    assert files(tmp_path) == before


# evaluate


def table(out: str) -> list[list[str]]:
    """The cells of the printed table, the header first."""
    rows = [line.replace("┃", "│").split("│")[1:-1] for line in out.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in row] for row in rows]


def test_photographs_with_baselines(
    command: Callable, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)  # an optional part, and slow
    arguments = ("evaluate", "-d", "photos", "--with", NOISE, "--model", "tiny-denoiser", "--baselines")
    arguments += ("--limit", "2", "--figure", "figures/sheet.png", "--seed", "3")
    done = command(*arguments, "--json", "results/deep/table.json")
    assert (done.status, done.err) == (0, "")

    record = json.loads((tmp_path / "results/deep/table.json").read_text())
    assert record["command"] == shlex.join(["clearsight", *arguments])
    asked = {"data": "photos", "part": "test", "model": "tiny-denoiser", "recognizer": None}
    asked |= {"images": 2, "degradation": NOISE, "seed": 3}
    assert {key: record[key] for key in asked} == asked
    assert {"date", "machine", "versions", "revision", "seconds", "conventions"} <= record.keys()
    names = [row["name"] for row in record["rows"]]
    assert names[0] == "degraded"
    assert {"non-local-means", "total-variation", "wavelet", "wiener"} <= set(names[1:-1])
    assert not {"bicubic", "bm3d"} & set(names)
    assert names[-1] == "tiny-denoiser"

    assert done.out.startswith(f"photos, test: 2 images, {NOISE}")
    header, *rows = table(done.out)
    assert header == ["", "PSNR dB", "SSIM", "s / image"]
    assert [row[0] for row in rows] == names
    for row, kept_row in zip(rows, record["rows"], strict=True):
        assert re.fullmatch(r"\d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]", row[1])
        assert [float(number) for number in re.findall(r"[\d.]+", row[1])] == pytest.approx(
            list(kept_row["psnr"].values()), abs=0.0051
        )
    assert "in brackets: 95 % interval over images, Poisson bootstrap" in done.out

    with Image.open(tmp_path / "figures/sheet.png") as sheet:
        columns, cell_height = len(names) + 2, 1.3 * 16 / 20 + 0.25
        assert sheet.size[0] == pytest.approx(150 * 1.3 * columns, abs=1)
        assert sheet.size[1] == pytest.approx(150 * cell_height * 2, abs=1)


def test_classes(command: Callable, bars: Path, tmp_path: Path) -> None:
    evaluate = ("evaluate", "-d", "bars", "--with", "gaussian(sigma=100/255)", "-r", "tiny-bars", "-m", "wiener")
    done = command(*evaluate, "--json", "table.json", "--figure", "sheet.jpg")
    assert (done.status, done.err) == (0, "")
    record = json.loads((tmp_path / "table.json").read_text())
    clean, degraded, wiener, mean = record["rows"]
    assert [row["name"] for row in record["rows"]] == ["clean", "degraded", "wiener", "mean"]
    assert "psnr" not in mean
    assert "no gate: the data has no part to fit it on but the one that is judged" in done.out
    assert clean["error"] == {"value": 0, "low": 0, "high": 0}
    assert degraded["psnr"]["value"] < wiener["psnr"]["value"]
    assert "psnr" not in clean
    assert 0 < clean["calibration_error"]["value"] < 10
    header, *rows = table(done.out)
    assert header == ["", "PSNR dB", "SSIM", "error %", "ECE %", "s / image"]
    assert rows[0][:4] == ["clean", "–", "–", "0.00 [0.00, 0.00]"]
    assert Image.open(tmp_path / "sheet.jpg").format == "JPEG"


def test_a_row_says_how_much_was_done(command: Callable, photos: Path) -> None:
    done = command("evaluate", "-d", "photos", "--with", NOISE, "--model", "tiny-denoiser", *MORE)
    assert (done.status, done.err) == (0, "")
    assert [row[0] for row in table(done.out)[1:]] == [
        "degraded",
        "tiny-denoiser in eight orientations at strength 1.5",
    ]


def test_parts(command: Callable, tmp_path: Path) -> None:
    for part, count in (("val", 2), ("test", 4)):
        for k, name in enumerate(CLASSES):
            for i in range(count):
                write(bar(k, seed=i), tmp_path / "data" / part / name / f"{i}.png")
    for options, expected in (((), "data, test: 12 images"), (("--part", "val"), "data, val: 6 images")):
        done = command("evaluate", "-d", "data", "--with", NOISE, *options)
        assert done.status == 0
        assert done.out.startswith(expected)
    done = command("evaluate", "-d", "data", "--with", NOISE, "-m", "tiny-denoiser", "-r", "tiny-bars")
    assert [row[0] for row in table(done.out)[1:]] == ["clean", "degraded", "tiny-denoiser", "mean", "gate"]


def test_a_limit_and_a_repeat_change_no_noise(command: Callable, photos: Path, tmp_path: Path) -> None:
    for name, limit in (("whole", "5"), ("again", "5"), ("part", "1")):
        done = command("evaluate", "-d", "photos", "--with", NOISE, "--limit", limit, "--json", f"{name}.json")
        assert done.status == 0
    rows = {name: json.loads((tmp_path / f"{name}.json").read_text())["rows"] for name in ("whole", "again", "part")}
    assert rows["whole"] == rows["again"]
    assert rows["part"][0]["psnr"]["low"] == rows["part"][0]["psnr"]["high"]


def test_a_name_with_brackets_is_printed_as_it_is(command: Callable, photos: Path) -> None:
    photos.rename("[bold]photos")
    done = command("evaluate", "-d", "[bold]photos", "--with", "quantize", "--limit", "1")
    assert done.status == 0
    assert done.out.startswith("[bold]photos, test: 1 images")


@pytest.fixture
def odd(tmp_path: Path, photo: Callable) -> None:
    """Data that does not fit: colours, maps of classes, an image without its map, and nothing at all."""
    for k, name in enumerate(CLASSES):
        write(bar(k).repeat(3, 2) // np.array([1, 2, 3], np.uint8), tmp_path / f"colours/{name}/0.png")
    for name in ("maps", "holes"):
        for i in range(2):
            write(bar(i), tmp_path / f"{name}/images/{i}.png")
            if name == "maps" or not i:
                write((bar(i) > 100).astype(np.uint8) * 2, tmp_path / f"{name}/labels/{i}.png")
    (tmp_path / "bare").mkdir()
    (tmp_path / "notes.pt").write_text("no network")
    torch.jit.script(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))).save(tmp_path / "colour.pt")
    parts = tmp_path / "parts/val"
    for k, name in enumerate(CLASSES):
        write(bar(k), parts / name / "0.png")


MISTAKES = [
    (("-d", "bare"), "bare is empty, expected images"),
    (("-d", "nowhere"), "there is no folder nowhere, neither here nor below CLEARSIGHT_DATA"),
    (("-d", "mnits"), f"the data sets that have a name are {', '.join(DATASETS)}"),
    (("-d", "parts"), "parts has no part 'test'; there is: val"),
    (("-d", "parts", "--part", "vla"), "parts has no part 'vla'; there is: val"),
    (("-d", "mnist", "--part", "dev"), "mnist has no part 'dev'; there is: train, val, train+val, test"),
    (("-d", "holes"), "holds 2 images and 1 labels, of which 1 have no partner, such as 1"),
    (("-d", "photos", "-r", "tiny-bars"), "the images have no labels, by which a recognizer is judged"),
    (("-d", "bars", "-r", "tiny-digits"), "the recognizer tells 10 classes apart, the labels have 3"),
    (
        ("-d", "colours", "-r", "tiny-bars"),
        "the recognizer takes grey images, got colour images: give it the kind it takes",
    ),
    (
        ("-d", "bars", "-r", "colour.pt"),
        "the recognizer takes colour images, got grey images: give it the kind it takes",
    ),
    (
        ("-d", "maps", "-r", "tiny-bars"),
        "the data set has a class for each pixel, but the recognizer gives one for each image",
    ),
    (("-d", "bars", "-r", "notes.pt"), "notes.pt is no TorchScript program"),
    (("-d", "bars", "-r", "tiny-barss"), "no recognizer is named 'tiny-barss'; did you mean 'tiny-bars'?"),
    (("-d", "bars", "-m", "tiny-denoisr"), "no restorer is named 'tiny-denoisr'; did you mean 'tiny-denoiser'?"),
    (("-d", "colours", "-m", "tiny-denoiser"), "tiny-denoiser restores images of 1 channels, the data has 3"),
    (("-d", "bars", "-m", "bicubic"), "bicubic enlarges 2 times, but the degradation shrinks 1 times"),
    (
        ("-d", "bars", "--with", "area(scale=2)"),
        "area(scale=2) shrinks the images: give a restorer that enlarges 2 times",
    ),
    (("-d", "bars", "--with", "gausian(sigma=0.1)"), "did you mean 'gaussian'?"),
    (("-d", "bars", "--with", "gaussian(sigma=25)"), "25/255"),
    (("-d", "bars", "--limit", "0"), "take at least 1 image, got 0"),
    (("-d", "bars", "--figure", "sheet.xyz"), "sheet.xyz ends in '.xyz', expected one of "),
    (("-d", "bars", "--figure", "sheet"), "sheet ends in '', expected one of "),
    (("-d", "bars", "--self-ensemble"), "--strength and --self-ensemble are for a restorer: name one with --model"),
    (("-d", "bars", "-m", "wiener", "--strength", "9"), "strength is from 0, the picture as it is, to 4"),
    (("-d", "bars", "-m", "wiener", "--device", "nonsense"), "device 'nonsense' cannot be used here"),
]


@pytest.mark.parametrize(("arguments", "reason"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
@pytest.mark.usefixtures("odd", "bars", "photos")
def test_what_cannot_be_evaluated_is_one_line(
    command: Callable, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    before = files(tmp_path)
    degradation = () if "--with" in arguments else ("--with", NOISE)
    kept = () if "--figure" in arguments else ("--figure", "kept/sheet.png")
    done = command("evaluate", *arguments, *degradation, *kept, "--json", "kept/table.json")
    assert done.status == 1
    assert done.out == ""
    assert reason in one_line(done.err)
    assert files(tmp_path) == before
    assert not (tmp_path / "kept").exists()


def test_pairs_are_evaluated_as_they_are(command: Callable, photos: Path) -> None:
    clean = photos.rename("clean")
    command("degrade", clean, "-o", "pairs/noisy", "--with", NOISE)
    clean.rename("pairs/clean")
    done = command("evaluate", "-d", "pairs", "-m", "wiener", "--json", "table.json")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("pairs, test: 5 images, as they are")
    degraded, wiener = (row["psnr"]["value"] for row in json.loads(Path("table.json").read_text())["rows"])
    assert 18 < degraded < wiener


def test_images_without_a_twin_or_a_degradation(command: Callable, photos: Path) -> None:
    done = command("evaluate", "-d", photos)
    assert done.status == 1
    assert "the images have no clean twins to be compared with: say what to do to them" in one_line(done.err)


def test_a_table_of_corruptions(command: Callable, bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = {"shot noise": CORRUPTIONS["shot noise"][:2], "contrast": CORRUPTIONS["contrast"][:2]}
    monkeypatch.setattr("clearsight.evaluation.robustness.SETS", {"corruptions": some})
    evaluate = ("evaluate", "-d", "bars", "--with", "corruptions", "-r", "tiny-bars", "-m", "wiener")
    done = command(*evaluate, "--json", "table.json")
    assert done.status == 0, done.err
    assert "2 corruptions: error" in done.out
    record = json.loads(Path("table.json").read_text())
    assert [*record["means"]] == ["shot noise", "contrast", "mean"]
    singly = [one["rows"] for one in record["kinds"]["shot noise"]]
    for row in ("clean", "degraded", "wiener", "mean"):
        values = [next(one for one in rows if one["name"] == row)["error"]["value"] for rows in singly]
        assert record["means"]["shot noise"][row] == pytest.approx(sum(values) / 2, abs=1e-3)
        both = [record["means"][kind][row] for kind in some]
        assert record["means"]["mean"][row] == pytest.approx(sum(both) / 2, abs=1e-3)
    done = command(*evaluate, "--figure", "sheet.png")
    assert done.status == 1
    assert "--figure is of one degradation, not of corruptions" in one_line(done.err)


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_broken_image_is_left_out_and_named(command: Callable, photos: Path, which: str) -> None:
    files = sorted(photos.glob("*.png"))
    broken = files[0 if which == "first" else -1]
    broken.write_bytes(b"no image")
    done = command("evaluate", "-d", "photos", "--with", NOISE, "--json", "table.json")
    assert done.status == 0
    sentence = f"photos/{broken.name} holds something else, expected an image"
    assert done.err.startswith(f"left out: {sentence}")
    record = json.loads(Path("table.json").read_text())
    assert record["images"] == len(files) - 1
    assert record["left_out"][0].startswith(sentence)


def test_nothing_but_broken_images_is_one_line(command: Callable, photos: Path) -> None:
    for path in photos.glob("*.png"):
        path.write_bytes(b"no image")
    done = command("evaluate", "-d", "photos", "--with", NOISE, "--json", "table.json")
    assert done.status == 1
    assert "holds something else, expected an image" in one_line(done.err)
    assert not Path("table.json").exists()


@pytest.mark.parametrize(
    "arguments", [(), ("--with", "quantize"), ("-d", "bars", "--with", "quantize", "--limit", "two")]
)
def test_a_command_that_does_not_parse(command: Callable, arguments: tuple[str, ...]) -> None:
    done = command("evaluate", *arguments)
    assert done.status == 2
    assert "Usage: " in done.err


# Listings


def test_recognizers_are_listed(command: Callable) -> None:
    names = ("tiny-bars", "tiny-digits", "tiny-segmenter")
    rows = [{"name": name, "summary": f"A small one, {name}"} for name in names]
    listed = json.loads(command("recognizers", "--json").out)
    assert listed[:3] == rows
    packaged = [*(f"efficientnet-lite{number}" for number in range(3)), "ocr", "tesseract"]
    assert [one["name"] for one in listed[3:]] == packaged
    assert command("recognizers").out.splitlines()[:2] == [
        "tiny-bars           A small one, tiny-bars",
        "tiny-digits         A small one, tiny-digits",
    ]
    assert "tiny-denoiser" in command("models").out
    assert "tiny-digits" not in command("models").out


def test_a_list_of_nothing(command: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.weights._HOME", tmp_path)
    monkeypatch.setattr("clearsight.recognizers.loading.PACKAGED", {})
    assert command("recognizers") == (0, "", "")
    assert command("recognizers", "--json") == (0, "[]\n", "")


def test_data_sets_are_listed(command: Callable) -> None:
    rows = json.loads(command("datasets", "--json").out)
    assert [row["name"] for row in rows] == list(DATASETS)
    assert {"mnist", "cifar10", "camvid", "photographs"} <= {row["name"] for row in rows}
    lines = command("datasets").out.splitlines()
    assert [line.split()[0] for line in lines] == list(DATASETS)
    assert all(row["summary"] in line for row, line in zip(rows, lines, strict=True))
