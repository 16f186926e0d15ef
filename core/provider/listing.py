"""Reads the provider's list of predictions, page by page, whatever some of its entries look like."""

import dataclasses
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx

from core.provider.answers import misread
from core.provider.api import ReplicateApi
from core.provider.errors import ProviderError
from core.provider.parsing import Unreadable, parse_report
from core.provider.reports import ProviderReport


@dataclasses.dataclass(frozen=True)
class Listing:
    """What the provider lists since some moment, newest first, each prediction once.

    `complete` is false when there is more than was read: too many pages, or `problem` came after the first
    page. `bad_items` counts entries that are no readable prediction. `said_at` is the time that the first
    page bears, by the clock of who answered.
    """

    reports: tuple[ProviderReport, ...]
    complete: bool
    bad_items: int
    requests: int
    problem: ProviderError | None = None
    said_at: datetime | None = None


@dataclasses.dataclass
class _Page:
    reports: list[ProviderReport]
    bad_items: int
    next_link: object
    said_at: datetime | None


def list_since(
    api: ReplicateApi, created_after: datetime, *, max_pages: int, secrets: tuple[str, ...]
) -> Listing:
    """As `Gateway.list_since`."""
    if created_after.tzinfo is None:
        raise ValueError("created_after must say its time zone")
    since = created_after.astimezone(UTC)
    path: str | None = "/v1/predictions?created_after=" + quote(f"{since:%Y-%m-%dT%H:%M:%S.%fZ}", safe="")
    reports: dict[str, ProviderReport] = {}
    seen: set[str] = set()
    bad_items = 0
    problem: ProviderError | None = None
    said_at: datetime | None = None
    while path is not None and path not in seen and len(seen) < max_pages:
        seen.add(path)
        try:
            page = _page(api, path, secrets)
            said_at = page.said_at if len(seen) == 1 else said_at
            for report in page.reports:
                reports.setdefault(report.remote_id, report)
            bad_items += page.bad_items
            path = None if _all_older(page, since) else _next_path(api.base_url, page.next_link)
        except ProviderError as exc:
            if not reports:
                raise
            problem = exc
            break
    return Listing(tuple(reports.values()), path is None, bad_items, len(seen), problem, said_at)


def _page(api: ReplicateApi, path: str, secrets: tuple[str, ...]) -> _Page:
    # What a cache has kept does not tell what is there now.
    answer = api.answer("list", "GET", path, headers={"Cache-Control": "no-cache"})
    results = answer.payload.get("results")
    if not isinstance(results, list):
        raise misread("the list has no results")
    reports = []
    for item in results:
        try:
            reports.append(parse_report(item, secrets))
        except Unreadable:
            continue
    return _Page(reports, len(results) - len(reports), answer.payload.get("next"), answer.said_at)


def _all_older(page: _Page, since: datetime) -> bool:
    """Whether the provider ignored the moment and went past it, so that further pages hold nothing."""
    # A minute of doubt, because the provider's times of one prediction differ between its answers.
    limit = since - timedelta(minutes=1)
    return bool(page.reports) and all(
        report.created_at is not None and report.created_at < limit for report in page.reports
    )


def _next_path(base: httpx.URL, link: object) -> str | None:
    if link is None:
        return None
    try:
        url = base.join(link if isinstance(link, str) else "")
    except httpx.InvalidURL:
        raise misread("the link to the next page is malformed") from None
    path = url.raw_path.decode("ascii")
    same = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    # The token goes with every request, so it must not follow a link to another place.
    if not same or url.userinfo or not path.startswith("/v1/predictions?"):
        raise misread("the link to the next page leads elsewhere")
    return path
