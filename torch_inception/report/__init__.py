"""A report on a folder of results: one HTML page that needs nothing else.

write_report       the page, from beginning to end
results_folder     what is read: the tables and figures of a run or an evaluation
page               a template, its style and thumbnails in one file
gallery            thumbnails, each once in the page
confusion          the confusion matrix, and the images in each cell
mistakes           misclassified images: set of labels, nearest training images, map
findings           samples of each class, odd images, copies
figures            what charts and tables show
charts             the charts, as SVG
several_report     what is shown where an image may have several labels
after_run          the report that a command ends with

report.html and several.html are the pages, made of head, macros, samples, odd_images and settings;
style.css is how they look.
"""
