"""What experience says about a prompt before money is spent on it: is the whole figure asked for, is the
likeness, is a word in it that gets refused, does it contradict its own parameters?

The advice is OpenAI's prompting guide for its image models (name the framing, "full body visible, feet
included", list what must stay) and what others report of its refusals. It reads English words only: a clean
prompt is no promise of a good picture.
"""

import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping

from core.prompts.risky import RISKS

# A risk that the prompt itself forbids is none: "no text, no logo, no weapons".
NEGATED = re.compile(r"\b(?:no|not|never|without|nor|avoid|free of)\b[\w\s'-]{0,24}$", re.IGNORECASE)

FULL_BODY = re.compile(
    r"\bfull[- ](?:body|figure|length)\b|\b(?:whole|entire|complete) (?:body|figure|person|character)\b"
    r"|\bhead[- ]to[- ](?:toe|foot|feet)\b",
    re.IGNORECASE,
)
FEET = re.compile(r"\b(?:feet|foot|shoes?|soles?|boots?|sneakers|toes?)\b", re.IGNORECASE)
# Shoes as clothes do not say that they are to be seen.
FEET_SHOWN = re.compile(
    r"\b(?:feet|soles?|toes?|shoes?|boots?)\b[^.;\n]{0,40}"
    r"\b(?:included|visible|inside|in (?:the )?(?:frame|view)|seen)\b"
    r"|\b(?:including|include|show(?:ing|s)?|with) (?:both |the |their )*(?:feet|shoes|boots|soles)\b"
    r"|\bto (?:the )?(?:soles|toes?|feet|shoes)\b",
    re.IGNORECASE,
)
LIKENESS = re.compile(
    r"\blikeness\b|\brecogni[sz]\w*|\bresembl\w*|\bidentity\b|\bsame (?:person|face)\b"
    r"|\b(?:keep|preserve|match)\w*\b[^.;\n]{0,60}\b(?:face|facial|features)\b",
    re.IGNORECASE,
)
TIGHT_FRAMES = re.compile(
    r"\bclose[- ]?ups?\b|\bhead ?shots?\b|\bbust(?: portrait)?\b|\bwaist[- ]up\b|\bhalf[- ]body\b"
    r"|\bchest[- ]up\b|\bshoulders[- ]up\b|\bcropped (?:at|below|above)\b",
    re.IGNORECASE,
)
SEVERAL = re.compile(
    r"\b(?:two|three|four|several|many) (?:people|persons|figures|characters|heroes)\b"
    r"|\bgroup of\b|\bcrowd\b",
    re.IGNORECASE,
)
LETTERING = re.compile(
    r"\bspeech (?:bubbles?|balloons?)\b|\bcaptions?\b|\blettering\b|\btitle text\b|\bthe words?\b"
    r"|\bsound effects?\b",
    re.IGNORECASE,
)
TRANSPARENT = re.compile(
    r"\btransparent (?:background|backdrop|canvas)\b|\bbackground[^.;\n]{0,20}\btransparent\b"
    r"|\bno background\b|\bcut[- ]?out\b",
    re.IGNORECASE,
)
PAINTED = re.compile(
    r"\b(?:background|backdrop|scene)\b[^.;\n]{0,40}\b(?:studio|street|city|sky|room|forest|harbour|wall)\b",
    re.IGNORECASE,
)
OTHER_SHAPE = re.compile(
    r"\b(?:16:9|9:16|3:2|2:3|4:5)\b|\b(?:landscape|portrait|wide|vertical) (?:format|orientation|aspect)\b"
    r"|\b(?:1024x1536|1536x1024)\b",
    re.IGNORECASE,
)


class Kind(enum.StrEnum):
    """What a finding is about."""

    FRAMING = "framing"
    LIKENESS = "likeness"
    RISK = "risk"
    CONTRADICTION = "contradiction"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing to look at; `words` is the place in the prompt, empty where something is missing."""

    kind: Kind
    sentence: str
    words: str = ""


def lint(prompt: str, parameters: Mapping[str, object]) -> list[Finding]:
    """Everything to look at in a final prompt and its parameters; empty where nothing was found."""
    return [*_framing(prompt), *_likeness(prompt, parameters), *_risks(prompt), *_clashes(prompt, parameters)]


def _framing(prompt: str) -> Iterator[Finding]:
    if not _asked(FULL_BODY, prompt):
        yield Finding(
            Kind.FRAMING,
            'It does not ask for the whole figure. Say "full body": a selfie shows no legs, and the model '
            "follows the selfie.",
        )
    if not _asked(FEET_SHOWN, prompt):
        named = (
            "The shoes are named, but not that they are seen" if FEET.search(prompt) else "No word of feet"
        )
        yield Finding(Kind.FRAMING, f'{named}. Say "feet included" or "to the soles of the shoes".')
    for words in _asked(TIGHT_FRAMES, prompt):
        yield Finding(Kind.FRAMING, f'"{words}" asks for less than the whole figure.', words)
    for words in _asked(SEVERAL, prompt):
        yield Finding(Kind.FRAMING, f'"{words}" asks for more than one person.', words)
    for words in _asked(LETTERING, prompt):
        yield Finding(Kind.FRAMING, f'"{words}" puts text into the picture.', words)


def _likeness(prompt: str, parameters: Mapping[str, object]) -> Iterator[Finding]:
    if not _asked(LIKENESS, prompt):
        yield Finding(
            Kind.LIKENESS,
            "It does not ask for the likeness. List what must stay: face shape, eyes, nose, hair, skin tone, "
            "glasses, facial hair.",
        )
    elif parameters.get("input_fidelity") == "low":
        yield Finding(
            Kind.CONTRADICTION, "It asks for the likeness, but input fidelity is low. High keeps faces."
        )


def _risks(prompt: str) -> Iterator[Finding]:
    for risk in RISKS:
        for words in _asked(risk.pattern, prompt):
            yield Finding(Kind.RISK, f'"{words}": {risk.why}', words)


def _clashes(prompt: str, parameters: Mapping[str, object]) -> Iterator[Finding]:
    background, image_format = parameters.get("background"), parameters.get("output_format")
    for words in _asked(TRANSPARENT, prompt):
        if image_format == "jpeg":
            yield Finding(Kind.CONTRADICTION, f'"{words}", but a JPEG has no transparency.', words)
        elif background == "opaque":
            yield Finding(Kind.CONTRADICTION, f'"{words}", but the background is set to opaque.', words)
    if background == "transparent":
        for words in _asked(PAINTED, prompt):
            yield Finding(Kind.CONTRADICTION, f'"{words}", but the background is set to transparent.', words)
    for words in _asked(OTHER_SHAPE, prompt):
        yield Finding(Kind.CONTRADICTION, f'"{words}", but avatars are square: 1024x1024.', words)


def _asked(pattern: re.Pattern[str], prompt: str) -> list[str]:
    """What the prompt asks for by this pattern, each wording once, without what it forbids."""
    found = [each[0] for each in pattern.finditer(prompt) if not NEGATED.search(prompt[: each.start()][-40:])]
    return list(dict.fromkeys(" ".join(words.split()) for words in found))
