"""From a file's bytes to an upright picture in RGB, whole, in bounded memory and time.

decoding   bytes -> picture; the only decoder
limits     how large a picture may be; large ones take turns
whole      what the decoders do not check: that all of the data are there (png, gif, tiff, jpeg)
rgb        any mode -> upright RGB
kinds      what a file is that is no picture
reasons    why a picture does not decode, in words
"""

from torch_inception.images.decoding import decode, to_image
from torch_inception.images.limits import taking_turns
from torch_inception.images.rgb import GROUND

__all__ = ["GROUND", "decode", "taking_turns", "to_image"]
