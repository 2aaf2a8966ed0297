"""Noise2Noise, run again: trained on noisy and on clean targets."""
