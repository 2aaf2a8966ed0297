"""What restorers that take more than an image, or draw several answers, are promised: shown on tiny ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import clearsight
from clearsight.contracts import Input, Restorer, Sampler, Traits
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.images import Picture
from clearsight.inference import Draws, Engine, Restoration
from clearsight.restorers import adjusted
from stand_ins import rand

HEIGHT, WIDTH = 24, 40


class Completer(nn.Module):
    """Fills what a mask hides with the mean of what is seen around it; a strength and a table say how."""

    INPUTS = (
        Input(name="mask"),
        Input(name="strength", kind="value", required=False),
        Input(name="table", kind="whole", required=False),
    )

    def __init__(self, *, channels: int | None = None, multiple: int = 1, inputs: tuple[Input, ...] = INPUTS) -> None:
        super().__init__()
        self.traits = Traits(channels=channels, receptive_radius=1, multiple=multiple, inputs=inputs)

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        seen = inputs["mask"]
        around = nn.functional.avg_pool2d(y * seen, 3, 1, 1) / nn.functional.avg_pool2d(seen, 3, 1, 1).clamp(1e-6)
        filled = torch.where(seen > 0, y, around)
        if "strength" in inputs:
            filled = y + inputs["strength"].view(-1, 1, 1, 1).to(y) * (filled - y)
        return filled + inputs["table"].sum((1, 2)).view(-1, 1, 1, 1).to(y) if "table" in inputs else filled


class Guesser(nn.Module):
    """Its answers differ by a shift that is drawn for each; called, it gives their middle."""

    def __init__(self) -> None:
        super().__init__()
        self.traits = Traits(channels=None, receptive_radius=0, samples=True)

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        return y

    def sample(
        self, y: Tensor, sigma: Tensor | None = None, *, n: int, generator: torch.Generator, **inputs: Tensor
    ) -> Tensor:
        return y[:, None] + 0.05 * torch.randn(len(y), n, 1, 1, 1, generator=generator, device=y.device)


def image(*shape: int) -> np.ndarray:
    return rand(*shape).numpy()


def mask(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return (rand(height, width, 1, seed=1).numpy() > 0.3).astype(np.float32)


def filled_by_hand(y: np.ndarray, seen: np.ndarray) -> np.ndarray:
    result = y.copy()
    for row, column in np.argwhere(seen[..., 0] == 0):
        near = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
        result[row, column] = (y[near] * seen[near]).sum((0, 1)) / max(seen[near].sum(), 1e-6)
    return result


class TestInputs:
    def test_what_is_declared(self) -> None:
        assert isinstance(Completer(), Restorer)
        assert not isinstance(Completer(), Sampler)
        assert [one.example(5, 7) for one in Completer().traits.inputs] == [(1, 1, 5, 7), (1,), (1, 1, 5, 7)]

    @pytest.mark.parametrize("tile", ["off", 8, 16])
    @pytest.mark.parametrize("multiple", [1, 8])
    def test_a_map_is_cut_and_padded_with_the_image(self, tile: Any, multiple: int) -> None:
        y, seen = image(HEIGHT - 1, WIDTH - 3, 3), mask(HEIGHT - 1, WIDTH - 3)
        engine = Engine(Completer(multiple=multiple), device="cpu", tile=tile)
        inner = slice(0, HEIGHT - 2), slice(0, WIDTH - 4)  # beyond it a padded image has pixels, an unpadded none
        x_hat = engine.restore_pixels(y, inputs={"mask": seen})
        np.testing.assert_allclose(x_hat[inner], filled_by_hand(y, seen)[inner], atol=1e-5)

    @pytest.mark.parametrize("tile", ["off", 8])
    def test_values_and_whole_inputs_reach_every_tile(self, tile: Any) -> None:
        y, seen = image(HEIGHT, WIDTH, 3), mask()
        engine = Engine(Completer(), device="cpu", tile=tile)
        table = torch.full((2, 5), 0.01)
        x_hat = engine.restore_pixels(y, inputs={"mask": seen, "strength": 0.5, "table": table})
        np.testing.assert_allclose(x_hat, (y + filled_by_hand(y, seen)) / 2 + 0.1, atol=1e-5)

    @pytest.mark.parametrize("tile", ["off", 8])
    def test_batches_hold_inputs_of_each_image(self, tile: Any) -> None:
        y, seen = rand(2, 3, HEIGHT, WIDTH), (rand(2, 1, HEIGHT, WIDTH, seed=1) > 0.3).float()
        inputs = {"mask": seen, "strength": torch.tensor([0.0, 1.0])}
        x_hat = Engine(Completer(), device="cpu", tile=tile).restore_batch(y, inputs=inputs)
        torch.testing.assert_close(x_hat[0], y[0])
        by_hand = filled_by_hand(y[1].movedim(0, -1).numpy(), seen[1].movedim(0, -1).numpy())
        np.testing.assert_allclose(x_hat[1].movedim(0, -1), by_hand, atol=1e-5)

    def test_a_grey_model_takes_a_colour_image_with_its_inputs(self) -> None:
        y, seen = image(HEIGHT, WIDTH, 3), mask()
        x_hat = Engine(Completer(channels=1), device="cpu").restore_pixels(y, inputs={"mask": seen, "strength": 1.0})
        np.testing.assert_allclose(x_hat, filled_by_hand(y, seen), atol=1e-5)

    def test_pictures_and_memory(self) -> None:
        y, seen = (255 * image(HEIGHT, WIDTH, 3)).round().astype(np.uint8), mask()
        hand = np.rint(filled_by_hand(y.astype(np.float64), seen))
        options = {"inputs": {"mask": seen}, "device": "cpu"}
        results = [
            Restoration(Completer(), **options)(Picture(pixels=y)).pixels,
            clearsight.restore(y, model=Completer(), **options),
            np.asarray(clearsight.restore(Image.fromarray(y), model=Completer(), **options)),
            clearsight.restore(torch.from_numpy(y).movedim(-1, 0), model=Completer(), **options).movedim(0, -1).numpy(),
        ]
        for result in results:
            np.testing.assert_allclose(result, hand, atol=1)

    def test_what_is_missing_and_what_is_unknown(self) -> None:
        y = image(HEIGHT, WIDTH, 3)
        with pytest.raises(ModelError, match="Completer needs mask beside the image"):
            clearsight.restore(y, model=Completer())
        with pytest.raises(ModelError, match="takes no input normals: it takes mask, strength, table"):
            clearsight.restore(y, model=Completer(), inputs={"mask": mask(), "normals": mask()})
        with pytest.raises(ModelError, match="takes no input mask: it takes nothing but the image"):
            clearsight.restore(y, model=Guesser(), inputs={"mask": mask()})


class TestAdjusted:
    """Inputs and samples of restorers that do more or less, or are asked in eight orientations."""

    @pytest.mark.parametrize("options", [{"strength": 0.5}, {"self_ensemble": True}])
    @pytest.mark.parametrize("tile", ["off", 8])
    def test_inputs_reach_the_model(self, options: Any, tile: Any) -> None:
        """A map is turned with its image: what is filled in from all around is the same in every orientation."""
        y, seen = image(HEIGHT, WIDTH, 3), mask()
        model = adjusted(Completer(inputs=Completer.INPUTS[:2]), **options)
        x_hat = Engine(model, device="cpu", tile=tile).restore_pixels(y, inputs={"mask": seen, "strength": 0.5})
        share = 0.5 * options.get("strength", 1)
        np.testing.assert_allclose(x_hat, y + share * (filled_by_hand(y, seen) - y), atol=1e-5)

    def test_what_cannot_be_turned_is_refused(self) -> None:
        inputs = {"mask": mask(8, 8), "table": torch.zeros(2, 5)}
        with pytest.raises(ModelError, match="Completer takes table, which cannot be turned with the image"):
            clearsight.restore(image(8, 8), model=Completer(), self_ensemble=True, inputs=inputs)
        needed = (*Completer.INPUTS[:2], Input(name="table", kind="whole"))
        with pytest.raises(ModelError, match="Completer takes table, which cannot be turned with the image"):
            adjusted(Completer(inputs=needed), self_ensemble=True)

    @pytest.mark.parametrize("options", [{"strength": 1.5}, {"self_ensemble": True}])
    def test_only_one_answer_is_given(self, options: Any) -> None:
        y = image(8, 8)
        np.testing.assert_allclose(clearsight.restore(y, model=Guesser(), **options), y, atol=1e-6)
        with pytest.raises(ModelError, match="gives one answer to an image, not several: leave samples out"):
            clearsight.restore(y, model=Guesser(), samples=2, **options)


class TestSamples:
    def test_what_is_declared(self) -> None:
        assert isinstance(Guesser(), Sampler)
        assert Guesser().traits.samples

    def test_what_is_drawn_has_no_seams(self) -> None:
        y = image(20, 24)
        whole, tiled = (
            clearsight.restore(y, model=Guesser(), samples=2, device="cpu", tile=tile).samples for tile in ("off", 8)
        )
        assert all(np.array_equal(a, b) for a, b in zip(whole, tiled, strict=True))

    @pytest.mark.parametrize("kind", ["array", "tensor", "batch", "Pillow", "uint16"])
    def test_samples_mean_and_spread(self, kind: str) -> None:
        pixels = 0.2 + 0.6 * image(HEIGHT, WIDTH, 3)
        y: Any = {
            "array": pixels,
            "tensor": torch.from_numpy(pixels).movedim(-1, 0),
            "batch": torch.from_numpy(np.stack([pixels, pixels])).movedim(-1, 1),
            "Pillow": Image.fromarray((255 * pixels).astype(np.uint8)),
            "uint16": (65535 * pixels).astype(np.uint16),
        }[kind]
        scale = {"Pillow": 255, "uint16": 65535}.get(kind, 1)
        drawn = clearsight.restore(y, model=Guesser(), samples=8, seed=3, device="cpu")
        assert len(drawn.samples) == 8
        assert all(type(one) is type(y) for one in (*drawn.samples, drawn.mean))
        numbers = np.stack([np.asarray(one, np.float64) for one in drawn.samples])
        assert numbers.shape[1:] == np.asarray(y).shape
        np.testing.assert_allclose(np.asarray(drawn.mean), numbers.mean(0), atol=1e-5 if scale == 1 else 0.51)
        spread = np.moveaxis(drawn.spread, -1, -3) if isinstance(y, torch.Tensor) else drawn.spread
        np.testing.assert_allclose(spread, numbers.std(0), atol=1e-5 * scale)
        assert 0.01 < spread.mean() / scale < 0.1

    def test_the_seed_decides(self) -> None:
        y = image(HEIGHT, WIDTH, 3)
        first, again, other = (
            clearsight.restore(y, model=Guesser(), samples=3, seed=seed, device="cpu").samples for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other)
        assert not np.allclose(first[0], first[1])

    def test_alpha_and_every_channel(self) -> None:
        alpha = np.full((HEIGHT, WIDTH), 200)
        y = Image.fromarray(np.dstack([255 * image(HEIGHT, WIDTH, 3), alpha]).astype(np.uint8))
        drawn = clearsight.restore(y, model=Guesser(), samples=2, device="cpu")
        for one in (*drawn.samples, drawn.mean):
            np.testing.assert_array_equal(np.asarray(one)[..., 3], alpha)

    def test_called_it_gives_one_answer(self) -> None:
        y = image(HEIGHT, WIDTH, 3)
        np.testing.assert_array_equal(clearsight.restore(y, model=Guesser(), device="cpu"), y)
        assert Engine(Guesser(), device="cpu").draw_pixels(y, draws=Draws(4)).shape == (4, HEIGHT, WIDTH, 3)

    def test_a_model_of_one_answer_is_not_asked_for_several(self) -> None:
        with pytest.raises(ModelError, match="gives one answer to an image, not several"):
            clearsight.restore(image(8, 8), model="wiener", samples=2)
        with pytest.raises(InvalidArgumentError, match="at least 1"):
            clearsight.restore(image(8, 8), model=Guesser(), samples=0)
