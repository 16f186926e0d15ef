"""The Refund reports page."""

from core.classification.taxonomy import FailureClass
from core.services import Services
from tests.pages.conftest import OpenPage
from tests.pages.looking import said
from tests.support.cases import failed_case

PAGE = "pages/refund_reports/page.py"


def test_an_empty_desk_says_so(open_page: OpenPage) -> None:
    assert "No case was closed in this time." in said(open_page(PAGE))


def test_the_figures_are_those_of_the_range_in_the_address(open_page: OpenPage, services: Services) -> None:
    with services.database.transaction() as session:
        failed_case(session, failure_class=FailureClass.TIMEOUT)
    at = open_page(PAGE, persona="viewer", query={"days": "7"})
    figures = {metric.label: metric.value for metric in at.metric}
    assert figures["Came back"] == "10 credits"
    assert figures["Decided automatically"] == "1 of 1"
    assert at.query_params["days"] == "7"
