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
deep_colour      16-bit colour, of which Pillow keeps the higher byte
tiff_tags        what a TIFF says of its pages, and so who reads it
scientific       TIFFs that Pillow does not read: by tifffile
tiff_stack       the pages and channels of such a file
ome              where the planes of an OME-TIFF lie
reasons          why a file does not decode, in words
preprocess       image -> (299, 299, 3) uint8
facts            what is worth knowing of an image beside its features
thumbnail        a small copy, to be shown
"""
