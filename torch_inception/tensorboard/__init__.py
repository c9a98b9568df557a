"""What TensorBoard shows of a run: curves, histograms, confusion matrices and the projector."""
