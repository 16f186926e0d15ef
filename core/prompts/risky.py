"""Words that get prompts refused, or others' rights into a picture, with what to write instead."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Risk:
    """Words of one kind and why to avoid them."""

    pattern: re.Pattern[str]
    why: str


def _words(*parts: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE)


RISKS = (
    Risk(
        _words(
            r"in the style of (?-i:[A-Z])\w+ (?-i:[A-Z])\w+",
            "frank miller",
            "mike mignola",
            "jim lee",
            "todd mcfarlane",
            "alex ross",
            "hayao miyazaki",
            "miyazaki",
            "studio ghibli",
            "ghibli",
            "eiichiro oda",
            "akira toriyama",
            "naoko takeuchi",
            "rumiko takahashi",
            "katsuhiro otomo",
            "otomo",
            "junji ito",
            "chris ware",
            "daniel clowes",
            "bill watterson",
            "moebius",
            "herg[eé]",
            "enki bilal",
            "greg rutkowski",
            "banksy",
            "charles burns",
            "marjane satrapi",
            "jack kirby",
        ),
        "an artist or studio by name may be refused. Describe lines, colours and shading instead.",
    ),
    Risk(
        _words(
            "marvel",
            r"dc comics",
            "disney",
            "pixar",
            "nintendo",
            "pok[eé]mon",
            "superman",
            "batman",
            "spider[- ]?man",
            "wonder woman",
            "iron man",
            "captain america",
            "hulk",
            "wolverine",
            "x-men",
            "naruto",
            "sailor moon",
            "dragon ?ball",
            "goku",
            "tintin",
            "asterix",
            "ast[eé]rix",
            "mickey mouse",
            "hello kitty",
            "harry potter",
            "star wars",
            "jedi",
            "darth vader",
            "simpsons",
            "lego",
            "barbie",
            "nike",
            "adidas",
            "gucci",
            "coca[- ]cola",
        ),
        "a brand or character of others may be refused. Describe the look without the name.",
    ),
    Risk(
        _words(
            "donald trump", "barack obama", "elon musk", "taylor swift", "celebrit(?:y|ies)", "politicians?"
        ),
        "public figures may be refused, and the person is the one in the selfie.",
    ),
    Risk(
        _words(
            "boys?",
            "girls?",
            "child(?:ren|like)?",
            "kids?",
            "teens?",
            "teenagers?",
            "toddlers?",
            "bab(?:y|ies)",
            "schoolgirls?",
            "schoolboys?",
            "minors?",
            "underage",
            "young (?:woman|man|lady)",
            "loli(?:ta)?",
        ),
        'words for minors together with a body are refused. Say "the person in Image 1".',
    ),
    Risk(
        _words(
            "sexy",
            "seductive",
            "sensual",
            "erotic",
            "nud(?:e|ity)",
            "naked",
            "topless",
            "lingerie",
            "bikini",
            "swimsuit",
            "cleavage",
            "revealing",
            "skin[- ]?tight",
            "tight(?:-fitting)?",
            "skimpy",
            "underwear",
            "bare (?:chest|skin|midriff|legs)",
            "curvy",
            "busty",
            "latex",
            "spandex",
        ),
        "words for little or tight clothing are refused easily. Name full, ordinary clothes.",
    ),
    Risk(
        _words(
            "blood(?:y|ied)?",
            "gore",
            "gory",
            "guns?",
            "rifles?",
            "pistols?",
            "weapons?",
            "swords?",
            "knife",
            "knives",
            "daggers?",
            "corpses?",
            "dead",
            "killing",
            "wounds?",
            "wounded",
            "violen(?:t|ce)",
            "severed",
            "torture",
        ),
        "weapons or violence near a real person are refused easily. Give the figure a harmless prop.",
    ),
)
