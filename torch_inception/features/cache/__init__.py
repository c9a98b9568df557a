"""The content-addressed feature store on disk.

Three SQLite files in the cache folder, and one flat file of records per feature space:

    files-2.sqlite                    path, size, times, inode -> SHA-256 of the content
    thumbnails/thumbnails-2.sqlite    SHA-256 of the content -> a small JPEG
    features/SPACE/index.sqlite       SHA-256 of the content -> number of its record
    features/SPACE/rows.bin           records: a row of 4096 float16, facts of the image, the
                                      SHA-256, a checksum

A space is everything besides the image that changes a row: weights, pooling, input scale and
preprocessing. Its folder's name covers the number of the layout too, so that versions of this
package do not meet.
"""

RECORD_BYTES = 65 * 128
"""A row of 4096 float16, the facts (92 bytes) and the SHA-256 of its image, the CRC-32 of all."""
