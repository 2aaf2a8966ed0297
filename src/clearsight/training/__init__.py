"""Training: recipes, patches, the Lightning task, and the export of what came out. Needs the extra ``train``."""
