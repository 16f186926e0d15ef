"""Limits on pictures that come from outside, each with its reason."""

MEGABYTE = 1024 * 1024

# What may be uploaded. Phones write 3 to 12 MB and 12 to 24 megapixels.
MAX_UPLOAD_BYTES = 20 * MEGABYTE
MAX_UPLOAD_PIXELS = 40_000_000
MIN_UPLOAD_SIDE = 256
# Beyond 3:1 it is a panorama or a strip; within it a longest side of 1536 leaves a shortest side of 512.
MAX_ASPECT = 3

# Pictures are shrunk to this longest side while they are read, so that all later work stays small.
WORKING_SIDE = 4096

# gpt-image counts its input at 512 pixels on the shortest side (OpenAI's developer forum, topic 1317649).
# Twice that keeps the face's detail for "high input fidelity" and still fits into a data URI.
SELFIE_SHORT_SIDE = 1024
SELFIE_LONG_SIDE = 1536
UPSTREAM_SHORT_SIDE = 512

# Replicate asks for data URIs up to 256 kB (its OpenAPI document, `input`); base64 adds a third to the bytes.
SELFIE_TARGET_BYTES = 190_000

# Ordinary progressive JPEGs have about ten scans. Each one walks over the whole picture again (14 ms at 40
# megapixels), so a file of a megabyte could keep a decoder busy for minutes.
MAX_JPEG_SCANS = 32
# Millions of empty chunks would be walked one by one; ordinary files have at most a few thousand.
MAX_CHUNKS = 50_000
# Bytes between the segments of a JPEG's header, which Pillow skips one by one.
MAX_JPEG_JUNK = 65_536

# One picture above this size is decoded at a time, so that memory stays bounded however many are uploaded.
LARGE_PIXELS = 16_000_000

# What the child process that reads HEIC may take.
HEIC_SECONDS = 4.0
HEIC_MEMORY_BYTES = 380 * MEGABYTE

# What a model may answer: up to sixteen times the pixels of an avatar, where conversion is allowed.
MAX_AVATAR_BYTES = 25 * MEGABYTE
MAX_AVATAR_PIXELS = 4096 * 4096
