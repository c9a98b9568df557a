"""Better training sets: what to do with images that a model has looked at.

sort_images    images that have no label, into folders by what a model takes them for
to_label       of images that have no label, those that would teach a model most
clusters       weighted k-means, which spreads these
place          a file copied, linked or moved, and nothing written over
"""
