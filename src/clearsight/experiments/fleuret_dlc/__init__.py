"""Denoising autoencoders, what they learn and what they miss: Fleuret, "Deep learning", lecture 7.3."""
