"""A report on a folder of results: one HTML page that needs nothing else.

write_report       the page, from beginning to end
results_folder     what is read: the tables and figures of a run or an evaluation
page               a template, its style and thumbnails in one file
gallery            thumbnails, each once in the page
confusion          the confusion matrix, and the images in each cell
mistakes           misclassified images: set of labels, nearest training images, map
figures            what charts and tables show
charts             the charts, as SVG
report.html, tiles.html, style.css    how it looks
"""
