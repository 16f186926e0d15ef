"""The prompts that a new desk starts with: whole figure, new drawing, same person, eight styles.

They follow OpenAI's prompting guide for its image models: scene first, then subject, details and
constraints, in short labelled segments; framing and feet by name; what must stay listed one by one.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.prompts.labels import PRODUCTION, put_label
from core.prompts.library import add_prompt
from core.prompts.snippets import add_snippet
from core.prompts.versions import Content
from core.tables.prompts import Prompt

# Two processes may start at once; the number is only ours.
SEED_LOCK = 0x1AD_5EED_0

SNIPPETS = {
    "framing": """\
Framing: the entire figure from the top of the hair to the soles of the shoes is visible, feet included, \
centered, about 80 % of the image height, with empty margin on all four sides.""",
    "likeness": """\
Likeness: keep the face shape, eyes, nose, mouth, hairstyle and hair colour, skin tone, glasses and facial \
hair of Image 1, so that friends recognise the person at once. The expression is friendly.""",
    "constraints": """\
Constraints: one person only; no text, no logo, no watermark, no frame, nothing cropped.""",
}

INK = """\
Scene: {{ background }}.
Subject: a full-body comic-book character avatar of the person in Image 1. This is a new illustration, not \
an edit of the photo: {{ pose }}, seen at eye level.
{{> framing }}
{{> likeness }}
Style: {{ style }}.
Outfit: {{ outfit }}, fully clothed.
{{> constraints }}
"""

MANGA = """\
Scene: plain white paper with a few faint speed lines far behind the figure and a thin shadow on the floor.
Subject: a full-body manga character of the person in Image 1. This is a new drawing, not an edit of the \
photo: {{ pose }}, seen at eye level.
{{> framing }}
{{> likeness }} Draw the eyes a little larger than in life, with their own shape and colour.
Style: black-and-white manga inked with a fine nib, tapering lines, solid blacks in hair and shadows, grey \
screentone for cloth; adult proportions, about seven heads tall.
Outfit: {{ outfit }}, fully clothed.
{{> constraints }}
"""

LIGNE_CLAIRE = """\
Scene: an even pale-blue backdrop above a light floor, with nothing else in it.
Subject: a full-body European comic-album character of the person in Image 1. This is a new drawing, not an \
edit of the photo: {{ pose }}, seen at eye level.
{{> framing }}
{{> likeness }}
Style: clear line drawing: one even black contour everywhere, flat bright colours, no hatching, no gradients \
and hardly any shadow; small simple features that still are this person's.
Outfit: {{ outfit }}, fully clothed, each piece in one colour.
{{> constraints }}
"""

NOIR = """\
Scene: an empty dark-grey backdrop with one slanted beam of light and wet floor that mirrors it.
Subject: a full-body noir comic character of the person in Image 1. This is a new illustration, not an edit \
of the photo: {{ pose }}, seen at eye level.
{{> framing }} A thin rim of light keeps the whole outline, shoes too, apart from the dark.
{{> likeness }} Light the face from one side so that both eyes and the mouth stay readable.
Style: high-contrast black and white with one muted amber accent, heavy brush inks, hard-edged shadows.
Outfit: {{ outfit }}, under a long open trench coat that ends above the shoes, fully clothed.
{{> constraints }}
"""

CEL = """\
Scene: a softly painted, out-of-focus pastel sky above a plain light floor.
Subject: a full-body animation character sheet pose of the person in Image 1. This is a new drawing, not an \
edit of the photo: {{ pose }}, seen at eye level.
{{> framing }}
{{> likeness }}
Style: hand-drawn cel animation: thin coloured outlines, two tones per surface with a sharp shadow edge, \
clear saturated colours, small highlights in hair and eyes.
Outfit: {{ outfit }}, fully clothed, in simple shapes that are easy to animate.
{{> constraints }}
"""

CHIBI = """\
Scene: one plain warm pastel colour with a small round shadow under the shoes.
Subject: a full-body chibi mascot of the adult in Image 1. This is a new drawing, not an edit of the photo: \
{{ pose }}, seen at eye level.
{{> framing }} The figure is three heads tall: a large head on a small sturdy body, with simple hands and \
both shoes standing flat on the floor.
{{> likeness }} Simplify these features, but keep each of them.
Style: thick soft outlines, rounded shapes, flat cheerful colours with one soft shadow tone.
Outfit: {{ outfit }}, fully clothed.
{{> constraints }}
"""

WATERCOLOUR = """\
Scene: white cold-pressed paper with one loose pale wash behind the figure and a painted floor shadow.
Subject: a full-body character of the person in Image 1 as in a watercolour comic strip. This is a new \
painting, not an edit of the photo: {{ pose }}, seen at eye level.
{{> framing }}
{{> likeness }} Paint the face with more care and sharper edges than the rest.
Style: loose pencil lines under transparent watercolour, visible brush marks, colours that run into each \
other a little, paper grain showing through.
Outfit: {{ outfit }}, fully clothed.
{{> constraints }}
"""

RETRO = """\
Scene: a flat warm-yellow backdrop with a ring of simple rays far behind the figure and a plain floor.
Subject: a full-body, kindly retro comic hero with the face of the person in Image 1. This is a new \
illustration, not an edit of the photo: standing upright with the hands on the hips, front three-quarter \
view, seen at eye level.
{{> framing }} A short cape stays close to the body and inside the frame.
{{> likeness }} No mask: the face is free.
Style: mid-century printed comic: bold outlines, four flat printing colours, coarse dots in the shadows, \
slightly yellowed paper.
Outfit: a loose long-sleeved hero suit with a belt, wide trousers and boots, of an own design without any \
emblem, fully clothed.
{{> constraints }}
"""

# Name, what it is for, template.
STARTERS = (
    ("Ink and halftone", "The house style: inked outlines, flat colours, halftone dots", INK),
    ("Manga", "Black and white, fine nib, screentone", MANGA),
    ("Ligne claire", "One even contour, flat bright colours", LIGNE_CLAIRE),
    ("Noir", "High contrast with one amber accent", NOIR),
    ("Cel animation", "Two tones per surface, sharp shadow edges", CEL),
    ("Chibi", "A three-heads-tall mascot", CHIBI),
    ("Watercolour strip", "Loose pencil and transparent washes", WATERCOLOUR),
    ("Retro hero", "Mid-century print, cape and belt", RETRO),
)


def with_snippets(template: str) -> str:
    """A starter with the text of its snippets put in, as a new desk resolves it."""
    for name, text in SNIPPETS.items():
        template = template.replace("{{> " + name + " }}", text)
    return template


STARTER_TEMPLATE = with_snippets(INK)


def seed_prompts(session: Session, *, model: str) -> None:
    """Fill an empty library, for this model, and put the first prompt into production.

    What was changed, archived or deleted since stays as it is.
    """
    session.execute(select(func.pg_advisory_xact_lock(SEED_LOCK)))
    if session.scalar(select(Prompt.id).limit(1)) is not None:
        return
    for name, text in SNIPPETS.items():
        add_snippet(session, actor=None, name=name, text=text, note="Came with Inkdesk")
    for name, description, template in STARTERS:
        made = add_prompt(
            session,
            actor=None,
            name=name,
            description=description,
            content=Content(template, model, {}),
            note="Came with Inkdesk",
        )
        if made is not None and template is INK:
            put_label(
                session,
                actor=None,
                name=PRODUCTION,
                version_id=made.id,
                label=None,
                reason="Came with Inkdesk",
            )
