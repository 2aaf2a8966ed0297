"""Stacked denoising autoencoders: Vincent et al., 2010."""
