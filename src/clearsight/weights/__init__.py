"""Trained models on disk: a folder of config.json, model.safetensors, figures.json and a card (README.md)."""

from clearsight.weights.store import Stored, load, load_recognizer, round_, save, shipped, weightless

__all__ = ["Stored", "load", "load_recognizer", "round_", "save", "shipped", "weightless"]
