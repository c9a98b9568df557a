"""What is wrong in a training set: found, shown, moved away, and put back.

run_audit          from a data set or a run to the results, from beginning to end
subject            what is audited: a folder, a table or a run
audited_data       its images, with their rows, labels and parts
labels             images that look mislabelled
duplicates         exact and near duplicates
outliers           images unlike every class
quality            blank, tiny, dark, bright and blurred images
classes            how large classes are, and what more images would bring
findings           all of that, of each image
proposals          what could be done about it
tables             audit.csv, and the lists of what could be done: quarantine.csv, relabel.csv
page, audit.html   how it looks
summary            what is said of it on the screen
move_log           files moved so that they can be put back, whenever the process is killed
table_edit         the same for lines of a table of labels
listed_images      the images that a list names, as they are in the data set now
changes            what the lists say, done: quarantine, relabel
restore            the same, undone
"""
