"""The pass: images to rows of features, the content-addressed cache asked first."""
