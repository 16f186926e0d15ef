"""The prompt that a new desk starts with: whole figure, new drawing, same person."""

STARTER_TEMPLATE = """\
Scene: {{ background }}.
Subject: a full-body comic-book character avatar of the person in Image 1. This is a new illustration, not \
an edit of the photo: {{ pose }}, seen at eye level.
Framing: the entire figure from the top of the hair to the soles of the shoes is visible, feet included, \
centered, about 80 % of the image height, with empty margin on all four sides.
Likeness: keep the face shape, eyes, nose, mouth, hairstyle and hair colour, skin tone, glasses and facial \
hair of Image 1, so that friends recognise the person at once. The expression is friendly.
Style: {{ style }}.
Outfit: {{ outfit }}, fully clothed.
Constraints: one person only; no text, no logo, no watermark, no frame, nothing cropped.
"""
