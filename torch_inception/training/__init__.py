"""A folder of images and a configuration become a run folder."""
