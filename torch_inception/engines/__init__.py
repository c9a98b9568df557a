"""What runs the network: pixels in, rows of features out."""
