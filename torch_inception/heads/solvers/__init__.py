"""The ways of fitting a linear head."""
