"""Joint visual denoising and classification with a three-pathway net: Chen et al., 2016."""
