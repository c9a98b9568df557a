"""What is told of an image, whatever computes it: classes, distance, sets of labels. No torch."""
