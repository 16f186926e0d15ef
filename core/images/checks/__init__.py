"""Checks on each delivered picture: right file, right size, not blank, its own, sharp, and the whole figure.

The framing is judged without a model, by telling the figure from a background that reaches both side edges
(`separation`). Before a busy scene, or where no single figure stands out, the answer is "cannot tell".

Its limits. What is cut is known by touching an edge, so a figure that ends inside the picture (a bust that
fades out) is only caught by its height and by a broad lower edge. What is on top is taken for the head and
what is at the bottom for the feet, without looking for either. Whatever stands out from the background
counts as figure: a cape, a prop, a hard shadow or a speech bubble joined to it makes it larger, and people
who touch each other are one piece. Clothes in the background's colour without an outline may be lost, which
can hide a cut. The rules were made and measured on drawings by code, not on pictures of a model.
"""
