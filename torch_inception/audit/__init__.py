"""What is wrong in a training set: found, shown, moved away, and put back.

run_audit          from a data set or a run to the results, from beginning to end
audited_data       the images: which there are, their rows, labels and parts
labels             images that look mislabelled
duplicates         exact and near duplicates
outliers           images unlike every class
quality            blank, tiny, dark, bright and blurred images
classes            how large classes are, and what more images would bring
findings           all of that, of each image
tables             audit.csv, and the lists of what could be done: quarantine.csv, relabel.csv
page, audit.html   how it looks
move_log           files moved so that they can be put back, whenever the process is killed
table_edit         the same for lines of a table of labels
changes            what the lists say, done: quarantine, relabel, restore
"""
