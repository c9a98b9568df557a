"""From a file to the 299 x 299 pixels that the network sees, in bounded memory and time.

find        the files in a folder
read        a file's bytes, whatever the file is
decode      bytes -> upright RGB image; the only decoder
limits      how large an image may be; large ones take turns
integrity/  what the decoders do not check: that all of the data are there
rgb         any mode -> upright RGB
reasons     why a file does not decode, in words
preprocess  image -> (299, 299, 3) uint8
"""
