"""Denoising and completing digits with an LSTM decoder that sees the image it restores: islam2018."""
