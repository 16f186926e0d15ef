"""Checks on each delivered picture: right file, right size, not blank, its own, sharp, and the whole figure.

The framing is judged without a model, by telling the figure from a background that reaches both side edges
(`separation`). Its limits: what is cut is known by touching an edge, so a figure that ends inside the
picture (a bust that fades out) is only caught by its height and by a broad lower edge; whatever stands out
from the background counts as figure, so a cape, a prop or a speech bubble joined to it makes it larger, and
what is on top is taken for the head, at the bottom for the feet, without looking for either; people who
touch each other are one piece. Before a scene, a pattern that stops short of the edges, or a background in
the colours of the figure the answer is "cannot tell", never a guess that all is well.
"""
