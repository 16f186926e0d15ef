"""The dimensions that failures are compared by, and what a selfie counts as in those that are about it.

Of every dimension a generation has one value. The SQL here serves the tallies and the lists behind them, so
that a click on a figure finds exactly what was counted.
"""

DIMENSIONS = {
    "prompt": "Prompt",
    "quality": "Quality",
    "model": "Model",
    "selfie": "Selfie doubt",
    "faces": "Faces in selfie",
    "shape": "Selfie shape",
    "size": "Selfie size",
    "worker": "Worker host",
    "purpose": "Purpose",
}
# Times do not depend on whose face it is; each dimension more costs a histogram of each stage.
LATENCY_DIMENSIONS = ("quality", "model", "prompt", "worker")

# Of the picture as it is kept and sent: cut to the face where one was found, and shrunk to 1024 pixels.
SELFIE_VALUES = {
    "selfie": "coalesce(selfie.warnings -> 0 ->> 'code', 'no doubts')",
    "faces": """CASE WHEN selfie.warnings @> '[{"code": "no_face"}]' THEN 'none found'
        WHEN selfie.warnings @> '[{"code": "several_faces"}]' THEN 'several' ELSE 'one' END""",
    "shape": """CASE WHEN selfie.width * 10 > selfie.height * 11 THEN 'landscape'
        WHEN selfie.height * 10 > selfie.width * 11 THEN 'portrait' ELSE 'square' END""",
    "size": """CASE WHEN least(selfie.width, selfie.height) < 512 THEN 'under 512 px'
        WHEN least(selfie.width, selfie.height) < 768 THEN '512 to 767 px' ELSE '768 px or more' END""",
}
