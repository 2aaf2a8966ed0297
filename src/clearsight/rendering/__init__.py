"""Monte Carlo renders to train on: rooms drawn at random, each rendered several times. Needs the extra ``render``."""

from __future__ import annotations

from clearsight.rendering.renderer import Plan, render, shot_names
from clearsight.rendering.scenes import draw_scene

__all__ = ["Plan", "draw_scene", "render", "shot_names"]
