"""Trained models as a server: images by HTTP in, answers out."""
