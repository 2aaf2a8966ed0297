"""Super-resolution by residual networks without normalisation: Lim et al., 2017."""
