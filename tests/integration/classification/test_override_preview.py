"""What a rule would have moved: the preview's numbers are those of plain SQL."""

import dataclasses
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.classification.classify import classify
from core.classification.events import NOTHING_GIVEN, Failure, Source, note_failure
from core.classification.overrides import preview as previews
from core.classification.overrides.matching import Conditions, Error, Override
from core.classification.overrides.preview import preview
from core.classification.overrides.records import Spec
from core.classification.taxonomy import FailureClass
from core.foundation.errors import InvalidInput, ServiceUnavailable
from tests.support.factories import make_generation
from tests.support.failures import make_attempt

pytestmark = pytest.mark.slow

AT = datetime.now(UTC) - timedelta(days=2)
HERE = Source("prediction")


def fail(
    session: Session,
    words: str,
    times: int = 1,
    *,
    at: datetime = AT,
    source: Source = HERE,
    rule: str | None = None,
    failure_class: str | None = None,
    model: str = "openai/gpt-image-1",
) -> None:
    """So many generations whose only attempt failed so: two events each, classified as it is done."""
    verdict = classify(
        where=source.place or "prediction",
        text=words,
        http_status=source.http_status,
        code=source.code,
        exception=source.exception,
    )
    for _ in range(times):
        generation = make_generation(session, state="failed", failure_detail=words, model=model)
        attempt = make_attempt(session, generation, status="failed", failure_detail=words)
        for attempt_id in (attempt.id, None):
            failure = Failure(
                generation_id=generation.id,
                customer_id=generation.customer_id,
                failure_class=failure_class or verdict.failure_class,
                detail=words,
                template_hash="t",
                rule=rule or verdict.rule_id,
                attempt_id=attempt_id,
                source=source,
            )
            note_failure(session, failure, at=at)


def spec(pattern: str = "studio", to: str = "rate_limited", **conditions: object) -> Spec:
    return Spec(Conditions(pattern, **conditions), FailureClass(to))  # type: ignore[arg-type]


def history(session: Session) -> None:
    fail(session, "The Studio is full", 3)
    fail(session, "the studio\nis gone, ticket 17", 2)
    fail(session, "Overloaded: studio busy", 4)
    fail(session, "studio too busy: 429 too many requests", 1, source=Source("replicate_http", 429))
    fail(session, "STÜDIO und Studio", 1)
    fail(session, "The Studio is full", 5, at=datetime.now(UTC) - timedelta(days=31))
    fail(session, "An old picture in the studio", 2, rule="engine", failure_class="asset_unavailable")
    fail(session, "Nothing of the kind", 30)


PLAIN_SQL = """
SELECT e.failure_class, count(*) AS events, count(DISTINCT e.fingerprint) AS groups
FROM error_event e
JOIN generation g ON g.id = e.generation_id LEFT JOIN render_attempt a ON a.id = e.attempt_id
WHERE e.at >= now() - interval '30 days' AND e.rule <> 'engine' AND e.failure_class <> 'rate_limited'
    AND lower(coalesce(a.failure_detail, g.failure_detail)) LIKE '%studio%'
GROUP BY 1 ORDER BY 2 DESC
"""


def test_the_preview_counts_what_plain_sql_counts(session: Session) -> None:
    history(session)
    found = preview(session, spec())
    rows = session.execute(text(PLAIN_SQL)).all()
    assert {str(name): events for name, events in found.origins.items()} == {
        row.failure_class: row.events for row in rows
    }
    assert list(found.origins) == ["unknown", "provider_outage"]
    assert (found.events, found.groups) == (20, sum(row.groups for row in rows))
    assert (found.attempts, found.generations, found.unmoved) == (10, 10, 2)
    assert found.total == session.execute(previews.TOTAL, {"days": 30}).scalar_one() == 86
    assert not found.incomplete
    assert found.broad
    assert found.share == pytest.approx(22 / 86)


def test_samples_are_texts_that_match_one_a_group(session: Session) -> None:
    history(session)
    found = preview(session, spec())
    assert [each.text for each in found.samples][:2] == ["Overloaded: studio busy", "The Studio is full"]
    assert len({each.fingerprint for each in found.samples}) == len(found.samples) == 4
    assert all("studio" in each.text.lower() for each in found.samples)


def test_conditions_count_as_they_decide(session: Session) -> None:
    history(session)
    fail(session, '{"code": "studio_full", "status": 529}', 3)
    fail(session, "studio", 2, source=Source("network"), model="openai/gpt-image-1-mini")
    for conditions, events in (
        (spec("", http_status=529), 6),
        (spec("", code="STUDIO_FULL"), 6),
        (spec("studio", place="network"), 4),
        (spec("studio", model="openai/gpt-image-1-mini"), 4),
        (spec("studio", to="unknown", http_status=429), 2),
        (spec("st*is * ticket"), 4),
        (spec("stüdio"), 2),
        (spec("nobody says this"), 0),
    ):
        assert preview(session, conditions).events == events, conditions


def test_a_rule_that_is_asked_before_keeps_its_own(session: Session) -> None:
    fail(session, "The Studio is full", 3)
    fail(session, "The Studio is gone", 2)
    first = Override(1, 1, Conditions("studio is full"), FailureClass.BILLING, "Olga", "why")
    found = preview(session, spec(), before=[first])
    assert (found.events, found.earlier) == (4, 6)


def test_it_warns_of_what_a_built_in_rule_knows_by_a_code(session: Session) -> None:
    fail(session, "Sorry, the studio says no. (E005) (a1)", 3)
    fail(session, "The studio is overloaded", 2)
    [surer] = preview(session, spec()).surer
    assert (surer.rule, surer.failure_class, surer.events) == ("replicate_e005", "content_policy", 6)


def test_a_narrow_rule_is_not_broad(session: Session) -> None:
    fail(session, "The Studio is full", 1)
    fail(session, "else", 9)
    found = preview(session, spec())
    assert (found.share, found.broad, found.surer) == (0.1, False, ())


def test_what_tells_no_place_is_counted_apart_where_a_place_is_asked_for(session: Session) -> None:
    fail(session, "The Studio is full", 2, source=NOTHING_GIVEN)
    fail(session, "Nothing", 2, source=NOTHING_GIVEN)
    bound = preview(session, spec(place="prediction"))
    assert (bound.events, bound.untold) == (0, 4)
    free = preview(session, spec())
    assert (free.events, free.untold) == (4, 0)


def test_more_than_is_looked_at_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "MOST_ERRORS", 2)
    history(session)
    found = preview(session, spec())
    assert found.incomplete
    assert 0 < found.events < 20


def test_what_the_database_decides_the_rule_would_decide_too(session: Session) -> None:
    dice = random.Random(9)  # noqa: S311 - no secret
    texts = ["".join(dice.choices("aBc 1%_\\*\n\u00dc(", k=dice.randint(3, 12))) for _ in range(60)]
    for words in texts:
        fail(session, words, failure_class="unknown")
    for _ in range(60):
        pattern = "".join(dice.choices("AbC1%_\\* \u00fc(", k=dice.randint(3, 6)))
        earlier = Conditions("".join(dice.choices("abc1*", k=4)))
        first = Override(1, 1, earlier, FailureClass.BILLING, "Olga", "why")
        try:
            wanted = spec(pattern).checked().conditions
        except InvalidInput:
            continue
        matched = [words for words in texts if wanted.match(Error("prediction", words))]
        left = [words for words in matched if not earlier.match(Error("prediction", words))]
        assert preview(session, spec(pattern)).events == 2 * len(matched), pattern
        found = preview(session, spec(pattern), before=[first])
        assert (found.events, found.earlier) == (2 * len(left), 2 * (len(matched) - len(left))), pattern


def test_one_that_takes_too_long_says_what_to_do(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = text("SELECT pg_sleep(5)")
    monkeypatch.setattr(previews, "CANDIDATES", slow)
    monkeypatch.setattr(previews, "ANSWER_WITHIN_MS", 50)
    with pytest.raises(ServiceUnavailable, match="took too long"):
        preview(session, spec())
    assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_what_is_no_rule_is_not_tried(session: Session) -> None:
    with pytest.raises(InvalidInput):
        preview(session, spec("a"))


def test_a_month_of_many_failures_is_tried_whole(session: Session) -> None:
    fail(session, "The studio 0 is full")
    for kind in ("attempt", "generation"):
        session.execute(text(MANY), {"kind": kind})
    found = preview(session, dataclasses.replace(spec("studio * full"), failure_class=FailureClass.AUTH))
    assert found.events == 20_002


MANY = """
INSERT INTO error_event (at, kind, generation_id, attempt_id, customer_id, fingerprint, failure_class, rule,
                         template_hash, place)
    SELECT e.at, e.kind, e.generation_id, e.attempt_id, e.customer_id, e.fingerprint, e.failure_class, e.rule,
        e.template_hash, e.place
    FROM error_event e, generate_series(1, 10000) WHERE e.kind = :kind
"""
