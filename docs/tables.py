"""Write the tables of README.md and of the pages from ``results/*.json`` and the package: no figure is typed by hand.

python docs/tables.py            # fill what stands between <!-- table: NAME --> and <!-- end -->
python docs/tables.py --check    # exit non-zero if a table is not what the results say
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import listings
from generated import settle
from listings import table
from psnr import denoising, denoising_in_short, images
from sources import ROOT, Result, machine, published_digits, result_file, result_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = re.compile(r"<!-- table: (\S+) -->.*?<!-- end -->", re.DOTALL)


def where(result: Result) -> str:
    """The lines under a table: which run wrote it, or which runs."""
    runs = result.get("runs", {"": result}).values()
    lines = [f"`{run['command']}`, {run['date']}, {machine(run)}, torch {run['versions']['torch']}." for run in runs]
    return "  \n".join(dict.fromkeys(lines))


def digits(result: Result) -> str:
    """PSNR and errors of two recognizers on digits under strokes, ours beside the published figures of chen2016."""
    return "\n\n".join(_strokes(kind, by_recognizer) for kind, by_recognizer in result["strokes"].items())


def _strokes(kind: str, by_recognizer: dict[str, Result]) -> str:
    """One kind of strokes; the published errors are of a classifier with the layers of digits-mlp, the first column."""
    tables = [{row["name"]: row for row in one["rows"]} for one in by_recognizer.values()]
    images = next(iter(by_recognizer.values()))["images"]
    header = [f"{images:,} digits, {kind} strokes", "PSNR dB", *(f"{name}, error %" for name in by_recognizer)]
    longest = max(tables, key=len)
    *lines, (ours, *figures) = [
        [
            name,
            _with_interval(row.get("psnr")),
            *(_with_interval(one.get(name, {}).get("error")) for one in tables),
            row["seconds_per_image"] and f"{row['seconds_per_image']:.1e}",
        ]
        for name, row in longest.items()
    ]
    lines += [
        [f"{name}, published", psnr or "", error, *[""] * len(tables)]
        for name, (psnr, error) in published_digits(kind).items()
    ]
    lines += [[f"**{ours}**, ours", *(f"**{figure}**" for figure in figures)]]
    return table([*header, "s / image"], [["" if cell is None else cell for cell in line] for line in lines])


def _with_interval(figure: dict[str, float] | None) -> str:
    return "" if figure is None else f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def calibration(result: Result) -> str:
    """Whether the strokes are those of the paper: mean PSNR of degraded against clean."""
    data = {
        "light": "MNIST, light strokes",
        "heavy": "MNIST, heavy strokes",
        "alphadigits": "Alphadigits, heavy strokes",
    }
    rows = [
        [data[name], f"{row['images']:,}", f"{row['psnr']:.2f}", published_digits(name)["noisy"][0]]
        for name, row in result["calibration"].items()
    ]
    return table(["degraded against clean", "images", "PSNR dB", "published"], rows)


def speed(result: Result) -> str:
    """Seconds a megapixel of each network."""
    header = ["network", "s / MP", "× DnCNN plain", "multiply-adds / pixel", "share of product rate"]
    rows = [
        [
            name,
            f"{row['seconds_per_megapixel']:.2f}",
            f"{row['times_faster_than_plain_dncnn']:.1f}",
            f"{row['multiply_adds_per_pixel'] / 1000:.0f} k",
            f"{100 * row['share_of_matrix_product_rate']:.0f} %",
        ]
        for name, row in result["rows"].items()
    ]
    plain = f"{result['plain_dncnn_float32_seconds_per_megapixel']:.2f}"
    return table(header, [["dncnn plain float32", plain, "1.0", "", ""], *rows])


def int8(result: Result) -> str:
    """What integers gain and lose, and shares of this processor's rates."""
    header = ["one thread", "s / MP", "in int8", "×", "dB lost", "convolutions", "all in int8: ×", "dB lost"]
    rows = [
        [
            name,
            f"{row['seconds_per_megapixel']['torch']:.2f}",
            f"{row['seconds_per_megapixel']['int8']:.2f}",
            f"{row['int8_against_torch']:.2f}",
            f"{row['int8_loses']:.3f}",
            f"{row['int8_convolutions']} of {row['of_convolutions']}",
            f"{row['all8_against_torch']:.2f}",
            f"{row['all_converted_activations_of_8_bits_lose']:.2f}",
        ]
        for name, row in result["models"].items()
    ]
    return table(header, rows)


def shares(result: Result) -> str:
    """Shares of this processor's own rates of products, and of the time in convolutions."""
    header = ["share of the rate of matrix products", "torch, float32", "ONNX Runtime, float32", "all in int8"]
    kinds = {"torch": None, "onnx": "onnx_in_convolutions", "all8": "all8_in_convolutions"}
    rows = [
        [name, *(_share(row["share_of_product_rate"][kind], row.get(spent)) for kind, spent in kinds.items())]
        for name, row in result["models"].items()
    ]
    return table(header, rows)


def _share(of_rate: float, in_convolutions: float | None) -> str:
    spent = "" if in_convolutions is None else f", {100 * in_convolutions:.0f} % of the time in convolutions"
    return f"{100 * of_rate:.0f} %{spent}"


def engines(result: Result) -> str:
    """Ray beside one process."""
    size = f"{result['images']} photographs of {result['megapixels_each']:g} MP, denoise-photo, one thread each"
    rows = [
        [f"one Ray worker against the local engine, {size}", f"{result['ray_1_against_local']:.2f} ×"],
        ["two Ray workers against one", f"{result['ray_2_against_ray_1']:.2f} ×"],
    ]
    return table(["what", "measured"], rows)


def bulk(result: Result) -> str:
    """Memory and rows of the driver, a store that fails."""
    s3 = result["s3"]
    faults = ", ".join(f"{count} {kind}" for kind, count in s3["faults"].items())
    memory = [
        [f"driver's memory, {int(name.split('_')[2]):,} small images", f"{megabytes:.0f} MB"]
        for name, megabytes in result["memory"].items()
    ]
    rows = [
        *memory,
        ["images a second that nothing is done to, one process", f"{result['rows']['local_rows_per_second']:.0f}"],
        ["the same, two Ray workers on two cores", f"{result['rows']['ray_rows_per_second']:.0f}"],
        [
            f"{s3['images']:,} images to S3, restored there and back: failed; the same bytes",
            f"{s3['failed']}; {s3['come_back_the_same']:,}",
        ],
        [f"its requests, {faults}", f"{s3['requests']:,}"],
    ]
    return table(["what", "measured"], rows)


def kills(result: Result) -> str:
    """What comes of runs that are killed."""
    names = {
        "local_run": "the local run",
        "driver_of_ray": "the driver of Ray",
        "process_of_ray": "a process of Ray, any",
    }
    keys = ("moments", "missing_or_different", "computed_again_though_there", "failed_in_the_second_run")
    header = ["`kill -9` of", "moments", "results missing or different", "computed again", "failed in the second run"]
    return table(header, [[name, *(result[kind][key] for key in keys)] for kind, name in names.items()])


def page(result: Result) -> str:
    """What the page bears."""
    answered, served = result["answered_by"], result["visitors_at_once"]
    rows = [
        ["start, until it answers", f"{result['seconds_to_start']:g} s"],
        ["first picture of 1 MP, right after that", f"{result['seconds_first_picture']:g} s"],
        ["the next two", " and ".join(f"{seconds:g} s" for seconds in result["seconds_next_pictures"])],
        [
            f"{result['hostile_files']} hostile files",
            f"{answered['a sentence']} got a sentence, {answered['a picture']} still held a picture",
        ],
        [f"{sum(served.values())} visitors at once", f"{served['a picture']} got their picture"],
        ["memory of all its processes, at most", f"{result['megabytes_at_most']:,} MB"],
    ]
    return table(["what", "measured"], rows)


def streaming(result: Result) -> str:
    """Training on a large folder, and by two processes."""
    large, two = result["larger_than_memory"], result["two_processes"]
    (condition,) = two["one_psnr"]
    psnr = {kind: two[f"{kind}_psnr"][condition] for kind in ("one", "two", "another_seed")}
    size = f"{large['images']:,} photographs of {large['megapixels_each']:g} MP, {large['gigabytes']:.0f} GB"
    rows = [
        [f"{size}: resident at most", f"{large['gigabytes_resident_at_most']:.2f} GB"],
        [f"{large['steps']} steps on them; on images that are held", _seconds(large)],
        [f"PSNR after {two['steps']} steps, one process", f"{psnr['one']:.3f} dB"],
        ["two processes", f"{psnr['two']:.3f} dB"],
        ["one process, another seed", f"{psnr['another_seed']:.3f} dB"],
    ]
    return table(["training", "measured"], rows)


def _seconds(large: Result) -> str:
    return f"{large['seconds']} s; {large['seconds_with_images_in_memory']} s"


def cost(result: Result) -> str:
    """A billion images, on paper."""
    requests = result["store_requests"]
    rows = [
        ["hours of a core, float32", f"{result['core_hours_torch']:,}"],
        ["hours of a core, `--int8`", f"{result['core_hours_int8']:,}"],
        ["hours of a GPU", f"{result['gpu_hours']:,}, {result['gpu']}" if "gpu_hours" in result else result["gpu"]],
        [
            "requests of stores: read, write, list",
            ", ".join(f"{requests[kind]:,}" for kind in ("read", "write", "list")),
        ],
        ["cores that keep one driver busy", f"{result['cores_that_keep_a_driver_busy']:,}"],
        [f"rows of one run, in {result['driver_gigabytes']} GB of a driver", f"{result['rows_that_fit_a_driver']:,}"],
    ]
    return table([f"{result['images']:,} images of 1 MP, {result['model']}", "on paper"], rows)


def memory(result: Result) -> str:
    """Peak memory of a large image."""
    header = ["image", "peak resident memory", "tiled against whole, largest difference"]
    megapixels, peak = f"{result['megapixels']:.0f} megapixels", f"{result['peak_resident_gigabytes']:.2f} GB"
    return table(header, [[megapixels, peak, f"{result['tiled_against_whole_largest_difference']:.1e}"]])


def restorers(result: Result) -> str:
    """Speed, memory and work of every registered restorer."""
    usual = _size(result)
    header = [f"restorer, {usual}", "channels", "s / MP", "peak extra memory", "multiply-adds / pixel"]
    rows = [
        [
            name if _size(row) == usual else f"{name}, {_size(row)}",
            row["channels"],
            f"{row['seconds_per_megapixel']:.2f}",
            f"{row['peak_extra_megabytes']:.0f} MB",
            f"{row['multiply_adds_per_pixel'] / 1000:.0f} k" if row["multiply_adds_per_pixel"] else "",
        ]
        for name, row in result["rows"].items()
    ]
    return table(header, rows)


def _size(row: Result) -> str:
    return "×".join(map(str, row["image"]))


def training(result: Result) -> str:
    """Steps a second of the shipped recipe, and of its network alone."""
    header = [f"{result['recipe']}, batches of {'×'.join(map(str, result['batch']))}", "steps / s", "megapixels / s"]
    rows = [
        [name, f"{row['steps_per_second']:.2f}", f"{row['megapixels_per_second']:.3f}"]
        for name, row in result["rows"].items()
    ]
    return table(header, [*rows, ["ratio", f"{100 * result['share_of_bare_loop']:.1f} %", ""]])


def evaluation(result: Result) -> str:
    """Images a second, and memory against their number."""
    header = [f"{result['data']}, {result['degradation']}", "images / s", "peak resident memory"]
    rows = [
        [f"{row['images']:,} images", f"{row['images_per_second']:.0f}", f"{row['peak_resident_megabytes']:.0f} MB"]
        for row in result["rows"]
    ]
    return table(header, rows)


def reproduced(name: str) -> str:
    """A published table as ``clearsight reproduce`` printed it, from its largest run."""
    found = [f"{name}-{preset}" for preset in ("paper", "cpu") if result_file(f"{name}-{preset}").is_file()]
    if not found:
        sys.exit(f"the table {name} needs results/{name}-cpu.json: run clearsight reproduce {name}")
    result = result_of(found[0])
    return f"{table(**result['table'])}\n\n{where(result)}"


_RATERS = ("careful", "careless")


def study(result: Result) -> str:
    """Whether simulated studies hold what is true."""
    rows = [
        [
            name,
            f"{row['raters']} + {row['careless']}",
            f"{100 * row['coverage']:.1f} %",
            f"{100 * row['ordered']:.1f} %",
            f"{row['mean_width']:.2f}",
            *(
                "–" if row[key] is None else f"{100 * row[key]:.1f} %"
                for key in ("careful_left_out", "careless_left_out")
            ),
        ]
        for name, row in result["rows"].items()
    ]
    header = [f"{result['studies']} studies", "raters + careless", "held", "order found", "width of intervals"]
    return table([*header, "careful left out", "careless left out"], rows)


def stack(result: Result) -> str:
    """Memory for a stack that is read and written slice by slice."""
    row = [
        f"{result['slices']} slices of 16 bits, {result['megapixels']:.0f} megapixels in all",
        f"{result['peak_resident_gigabytes']:.2f} GB",
        "kept" if result["axes_and_calibration_kept"] else "lost",
    ]
    return table(["stack", "peak resident memory", "axes, calibration"], [row])


def busy(result: Result) -> str:
    """What two runs at once cost each other."""
    rows = [
        [name, *(f"{row[key]:.1f}" for key in ("seconds_alone", "seconds_each_of_two")), f"{row['ratio']:.2f}"]
        for name, row in result["rows"].items()
    ]
    header = [f"{result['files']} files of {result['side']}×{result['side']}", "s alone", "s, each of two", "ratio"]
    return table(header, rows)


def intensities(result: Result) -> str:
    """What becomes of pictures whose numbers are not 8-bit sRGB."""
    flat, floats, light, sky = (result[name] for name in ("flat", "floats", "light", "stars"))
    rows = [
        [
            f"16 bits, {signal} counts on a pedestal of 100, noise a tenth: PSNR over the counts",
            f"{row['in']:.2f} dB",
            f"**{row['out']:.2f} dB**; stretched by hand {row['by_hand']:.2f} dB",
        ]
        for signal, row in result["counts"].items()
    ]
    rows += [
        [
            "16 bits, a flat field, noise 6: mean",
            f"{flat['mean_in']:.2f}",
            f"**{flat['mean']:.2f}**, sd {flat['sd']:.2f}",
        ],
        [
            "float photograph in 0..255, noise 25",
            f"{floats['in']:.2f} dB",
            f"**{floats['in 0..255']:.2f} dB**; in [0, 1] {floats['in [0, 1]']:.2f} dB",
        ],
        [
            "a light of 100 in a field of 0.2, noise 0.05: largest error beside it",
            f"{light['largest_error_beside_in']:.3f}",
            f"**{light['largest_error_beside']:.3f}**; the light is off by {light['peak_error_percent']:.2f} %",
        ],
        [
            "a sky of 0.002 with stars up to 1, noise 0.0005: root mean square error",
            f"{sky['rmse_in']:.5f}",
            f"**{sky['rmse']:.5f}**; bright stars are off by {sky['peak_error_percent']:.1f} % at most",
        ],
    ]
    return table(["picture", "in", "restored"], rows)


def bias(result: Result) -> str:
    """PSNR with additive constants and without."""
    conditions = list(next(iter(result["rows"].values()))["psnr"])
    header = [f"{result['images']} held-out images", *(name.replace("sigma", "σ =") for name in conditions)]
    return table(header, [[name, *(f"{v:.2f}" for v in row["psnr"].values())] for name, row in result["rows"].items()])


def strength(result: Result) -> str:
    """PSNR, and what is taken away, at each strength."""
    header = [f"{result['images']} images: PSNR dB", *(f"s = {s:g}" for s in result["strengths"])]
    rows = [
        [f"{name}, {condition}", *(f"{psnr:.2f} ({taken:.2f})" for psnr, taken in zip(*row.values(), strict=True))]
        for name, found in result["rows"].items()
        for condition, row in found["strength"].items()
    ]
    return table(header, rows)


def self_ensemble(result: Result) -> str:
    """What self-ensemble is worth."""
    header = [f"{result['self_ensemble_images']} squares of Kodak24, σ = 25/255", "PSNR dB", "self-ensemble"]
    figures = {name: row["self_ensemble"].values() for name, row in result["rows"].items()}
    return table(header, [[name, *(f"{v:.2f}" for v in values)] for name, values in figures.items()])


def noise(result: Result) -> str:
    """PSNR of the models that pictures are restored with, by kind of noise."""
    models = list(next(iter(result["kinds"].values())))
    rows = [
        [f"`{kind}`".replace("|", "\\|"), *(f"{row[name]['value']:.2f}" for name in models)]
        for kind, row in result["kinds"].items()
    ]
    return table([f"Kodak24, {result['images']} images", *models], rows)


def harmless(result: Result) -> str:
    """By how much pictures without noise are changed."""
    pictures = list(next(iter(result["clean"].values())))
    rows = [
        [name, *(f"{row[picture]['mean']:.2f}; {row[picture]['most']:.0f}" for picture in pictures)]
        for name, row in result["clean"].items()
    ]
    return table(["clean pictures: mean change; largest, of 255", *pictures], rows)


def _gain(row: dict[str, float]) -> str:
    return f"{row['gain']:+.1f} ± {row['margin']:.1f}"


def carried(result: Result) -> str:
    """What guidance brings the recognizer that guided, and one that did not."""
    keys = [key for key in next(iter(result["restored"].values())) if key != "psnr dB"]
    header = [f"guided − separate, {result['images']} held-out images", *keys, "PSNR dB"]
    rows = [
        [f"σ = {sigma}", *(_gain(row[key]) for key in keys), f"{row['psnr dB']['gain']:+.2f}"]
        for sigma, row in result["restored"].items()
    ]
    return table(header, rows)


def seeds(result: Result) -> str:
    """What guidance gains by three seeds, read by its guide and by a recognizer that nothing was trained with."""
    rows = []
    for sigma, found in result["conditions"].items():
        cells = []
        for figure in found["gained"].values():
            each = ", ".join(f"{value:+.2f}" for value in figure["seeds"])
            cells.append(f"{figure['value']:+.2f} [{figure['low']:.2f}, {figure['high']:.2f}] ({each})")
        rows.append([f"σ = {sigma}", *cells])
    header = next(iter(result["conditions"].values()))["gained"]
    return table([f"guided − separate, {result['images']} test images, mean (of each seed)", *header], rows)


def carrying(result: Result) -> str:
    """What a step against each gradient of the guide brings both."""
    keys = [key for key in next(iter(result["steps"].values())) if key != "psnr dB"]
    header = [f"a step of {result['length']}, σ = {result['sigma']}", *keys, "PSNR dB"]
    rows = [
        [name, *(_gain(row[key]) for key in keys), f"{row['psnr dB']['gain']:+.2f}"]
        for name, row in result["steps"].items()
    ]
    return table(header, rows)


def streets(result: Result) -> str:
    """What there is to gain on street scenes and what guidance gains, and what steps against each gradient bring."""
    parts = result["parts"]
    differences = ("clean - separate", "guided - separate")
    header = [
        f"mIoU, points, {result['images_of_each_part']} images each",
        *(f"{difference.replace('-', '−')}, {part}" for part in parts for difference in differences),
    ]
    columns = [(part, difference) for part in parts.values() for difference in differences]
    rows = [
        [f"σ = {sigma}", *(_gain(part[sigma][difference]["mIoU %"]) for part, difference in columns)]
        for sigma in next(iter(parts.values()))
        if sigma.endswith("/255")
    ]
    steps = [
        [f"{loss}, a step of {length}", *(_gain(part["steps"][loss][length]["mIoU %"]) for part in parts.values())]
        for loss, lengths in next(iter(parts.values()))["steps"].items()
        for length in lengths
    ]
    stepped = [f"mIoU, points, σ = {result['sigma_of_steps']}", *parts]
    return f"{table(header, rows)}\n\n{table(stepped, steps)}"


def guard(result: Result) -> str:
    """Whether runs of guard keep their budgets on a busy machine, and what came of them."""
    rows = []
    for case, found in result["cases"].items():
        for condition, by_row in found["rows"].items():
            errors = [f"{by_row[name]['error']['value']:.1f}" if name in by_row else "–" for name in _GUARD]
            took = f"{found['budget']} s", f"{found['seconds']:.0f} s", str(found["images"])
            rows.append([case, *took, f"`{condition}`", *errors])
    return table(["", "budget", "took", "images", "error, %", *_GUARD], rows)


_GUARD = ("degraded", "separate", "guided", "mean", "gate", "retrained on degraded", "retrained on restored")


def corruptions(result: Result) -> str:
    """What is misread under each corruption, by the recognizer alone and behind a restorer."""
    names = {"degraded": "alone", "guided-cifar": "always restored", "mean": "mean of both answers", "gate": "gate"}
    mean = {"the kinds of noise": result["error_over_kinds_of_noise"], "all fifteen": result["error"]["mean"]}
    shown = {
        "none": result["error"]["none"],
        **mean,
        **{k: v for k, v in result["error"].items() if k not in ("none", "mean")},
    }
    rows = [[kind, *(f"{row[name]:.1f}" for name in names)] for kind, row in shown.items()]
    return table([f"misread, %, {result['images']} images, mean over five severities", *names.values()], rows)


def adaptation(result: Result) -> str:
    """PSNR with and without adaptation, where noise grows with the light and where it does not."""
    ways = ("noisy", "plain", "adapted", "told", "peer", "adapted, same images")
    rows = [[name, *(f"{row[way]:.2f}" if way in row else "–" for way in ways)] for name, row in result["rows"].items()]
    polyu = result["polyu"]
    rows.append([f"PolyU ({polyu['left as plain']} of 50 left as plain)", *(f"{polyu[way]:.2f}" for way in ways[:3])])
    rows[-1] += ["–"] * 3
    some = f"on {result['peer_images']}: " if result["peer_images"] else ""
    header = ["PSNR dB", *ways[:3], "told the noise", f"{some}Noise2VST", f"{some}adapted"]
    return table([f"{result['images']} squares of Kodak24, {header[0]}", *header[1:]], rows)


def micrographs(result: Result) -> str:
    """PSNR of the light in made-up micrographs."""
    found = result["micrographs"]
    methods = list(next(iter(found["psnr"].values())))
    rows = [[name, *(f"{row[method]:.2f}" for method in methods)] for name, row in found["psnr"].items()]
    return table([f"{found['pictures']} micrographs, 16 bits", *methods], rows)


def recurrence(result: Result) -> str:
    """Rows a second of an LSTM decoder, beside a plain loop and a scripted one."""
    header = ["images at once"]
    batches = result["batches"]
    ways = list(next(iter(batches.values()))["rows_per_second"])
    header += [f"{way}, {kind}" for kind in ("restoring", "training") for way in ways]
    rows = [
        [batch, *(_rate(row["rows_per_second"], way, kind) for kind in ("restoring", "training") for way in ways)]
        for batch, row in batches.items()
    ]
    return table(header, rows)


def _rate(rates: dict[str, dict[str, float]], way: str, kind: str) -> str:
    """Rows a second, and how many times those of the plain loop, which is the first."""
    rate, plain = rates[way][kind], next(iter(rates.values()))[kind]
    return f"{rate:,.0f}" if rate == plain else f"{rate:,.0f}, {rate / plain:.2f} ×"


def text(result: Result) -> str:
    """Character error rates of each engine on pages by severity."""
    return "\n\n".join(_read(engine, result) for engine in result["engines"])


def a4(result: Result) -> str:
    """What a whole page takes."""
    header = ["one A4 page of 300 dpi", "seconds", "seconds of processors", "peak resident memory"]
    peak = f"{result['peak_resident_gigabytes']:.2f} GB"
    what = "{}×{} pixels, {} threads".format(*result["pixels"][::-1], result["threads"])
    return table(header, [[what, result["seconds_of_a_page"], result["processor_seconds"], peak]])


def _read(engine: str, result: Result) -> str:
    """One engine: what it reads of pages at each severity, by what was done to them."""
    states = ("degraded", result["chain"], "restore-text")
    header = [
        f"CER % of {engine}, {result['pages']} pages each",
        *("as they are", result["chain"], "restore-text"),
        *("PSNR dB", "of restore-text"),
    ]
    lines = []
    for name, judged in result["engines"][engine].items():
        rows = {row["name"]: row for row in judged["rows"]}
        rates = [_with_interval(rows[state]["cer"]) for state in states]
        looks = [f"{rows[state]['psnr']['value']:.2f}" for state in (states[0], states[-1])]
        lines.append([name if name == "clean" else f"severity {name}", *rates, *looks])
    return table(header, lines)


def scans(result: Result) -> str:
    """Character error rates of each engine on real scans, all together and each by itself."""
    engines = result["engines"]
    states = [row["name"] for row in next(iter(engines.values()))["rows"]]
    images = next(iter(engines.values()))["images"]
    whole = [[engine, *(_with_interval(row["cer"]) for row in judged["rows"])] for engine, judged in engines.items()]
    together = table([f"CER %, {images} scans", "as they are", *states[1:]], whole)
    columns = [(engine, state) for engine in engines for state in (states[0], states[-1])]
    header = ["CER %", *(f"{engine}, {'as it is' if state == states[0] else state}" for engine, state in columns)]
    names = next(iter(result["each"].values()))
    each = [[name, *(f"{result['each'][engine][name][state]:.1f}" for engine, state in columns)] for name in names]
    return f"{together}\n\n{table(header, each)}"


def lines(result: Result) -> str:
    """Character error rates of our reader on lines of text, and on pages."""
    header = [f"CER %, {result['lines']} lines, {result['pages']} pages", "ocr-lines"]
    return table(header, [[name, _with_interval(rate)] for name, rate in result["cer"].items()])


def guidance(result: Result) -> str:
    """Error rates behind a guided restorer and behind its twin, and their difference, of each set by each engine."""
    states = ("degraded", "restore-text", "separate-text", "guided-text")
    header = ["CER %", *("as they are", *states[1:]), "guidance gains, points"]
    found = []
    for kind, engines in result["engines"].items():
        for engine, severities in engines.items():
            for severity, judged in severities.items():
                rows = {row["name"]: row["cer"] for row in judged["rows"]}
                rates = [f"{rows[state]['value']:.2f}" for state in states]
                what = f"{result['counts'][kind]} {kind}, {engine}, severity {severity}"
                found.append([what, *rates, _with_interval(judged["gained"])])
    return table(header, found)


def crossed(result: Result) -> str:
    """Lines under few strokes and under many: CER and PSNR of each way, and what joint training gains."""
    header = [
        f"{result['lines']} lines crossed out",
        *(f"{what}, {n} strokes" for n in result["strokes"] for what in ("CER %", "PSNR dB")),
    ]
    columns = [{row["name"]: row for row in judged["rows"]} for judged in result["strokes"].values()]
    rows = [
        [name, *(cell for column in columns for cell in (_with_interval(column[name]["cer"]), _looks(column[name])))]
        for name in columns[0]
    ]
    gained = [_with_interval(judged["gained"]) for judged in result["strokes"].values()]
    return table(header, [*rows, ["joint training gains, points", *(cell for one in gained for cell in (one, ""))]])


def _looks(row: dict[str, dict[str, float]]) -> str:
    return f"{row['psnr']['value']:.2f}" if "psnr" in row else ""


MEASURED: dict[str, tuple[str, Callable[[Result], str]]] = {
    "denoising": ("denoising", denoising),
    "denoising-in-short": ("denoising", denoising_in_short),
    "kodak24": ("denoising", images),
    "digits": ("digits", digits),
    "calibration": ("digits", calibration),
    "speed": ("speed", speed),
    "int8": ("int8", int8),
    "shares": ("int8", shares),
    "bulk": ("bulk", bulk),
    "engines": ("engines", engines),
    "kills": ("kills", kills),
    "page": ("page", page),
    "streaming": ("streaming", streaming),
    "cost": ("cost", cost),
    "memory": ("memory", memory),
    "restorers": ("restorers", restorers),
    "training": ("training", training),
    "evaluation": ("evaluation", evaluation),
    "intensities": ("intensities", intensities),
    "stack": ("stack", stack),
    "busy": ("busy", busy),
    "bias": ("bias", bias),
    "strength": ("strength", strength),
    "self-ensemble": ("strength", self_ensemble),
    "noise": ("noise", noise),
    "harmless": ("noise", harmless),
    "carried": ("carrying", carried),
    "seeds": ("seeds", seeds),
    "carrying": ("carrying", carrying),
    "streets": ("streets", streets),
    "guard": ("guard", guard),
    "guard-lite0-long": ("guard-lite0-long", guard),
    "corruptions": ("corruptions", corruptions),
    "adaptation": ("adaptation", adaptation),
    "micrographs": ("adaptation", micrographs),
    "recurrence": ("recurrence", recurrence),
    "study": ("study", study),
    "text": ("text", text),
    "a4": ("a4", a4),
    "scans": ("scans", scans),
    "lines": ("lines", lines),
    "guidance": ("guidance", guidance),
    "crossed": ("crossed", crossed),
}
"""Each table that a run measured: which run, and how it is written."""


def written(name: str) -> str:
    """The table of that name."""
    if name in listings.TABLES:
        return listings.TABLES[name]()
    if "/" in name:
        return reproduced(name)
    if name not in MEASURED:
        sys.exit(f"no table is named {name}; there is: {', '.join(sorted([*MEASURED, *listings.TABLES]))}")
    run, write = MEASURED[name]
    if not result_file(run).is_file():
        sys.exit(f"the table {name} needs results/{run}.json: run python benchmarks/{run}.py")
    result = result_of(run)
    return f"{write(result)}\n\n{where(result)}"


def filled(text: str) -> str:
    """The text with every table between its two marks written anew."""
    return MARKED.sub(lambda mark: f"<!-- table: {mark[1]} -->\n{written(mark[1])}\n<!-- end -->", text)


if __name__ == "__main__":
    settle({page: filled(page.read_text(encoding="utf-8")) for page in PAGES}, __doc__)
