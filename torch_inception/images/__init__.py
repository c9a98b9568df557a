"""From a file to the 299 x 299 pixels that the network sees, in bounded memory and time.

find             the files in a folder
image_input      what stands for an image, and what does not
read             a file's bytes, whatever the file is
decode           bytes -> upright RGB image; the only decoder
plugins          which of Pillow's plug-ins open images
pillow_settings  Pillow's defaults, whatever the program around us has set
limits           how large an image may be; one large one at a time
integrity/       what the decoders do not check: that all of the data are there
rgb              any mode -> upright RGB
deep             values of more than 8 bits -> 8 bits, by a range
deep_colour      colour of 16 bits, of which Pillow keeps 8
tiff_tags        the pages that a TIFF says it has, and who reads it
tiff_description what ImageJ, tifffile and OME say of these
scientific       TIFF files that Pillow does not read, read by tifffile
tiff_stack       the pages and channels of these
ome              their order in an OME-TIFF
reasons          why a file does not decode, in words
preprocess       image -> (299, 299, 3) uint8
placement        from these back to the image
views            other ways of looking at an image: mirrored, cropped, padded, brighter
overlay          what speaks for and against a class, laid over the image
facts            what is worth knowing of an image beside its features
facts_tally      what is told, at the end, of images that are used in part only
see              any of these -> what the network sees, and facts
thumbnail        a small copy, to be shown
data_uri         an image inside of a page or an answer
"""
