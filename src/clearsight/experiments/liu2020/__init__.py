"""A denoiser guided by a frozen recognizer: Liu et al., 2018 and 2020."""
