"""A trained model and labelled images in; figures, and a comparison of two models, out."""
