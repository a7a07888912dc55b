"""Whatever a program sends, it is told what was wrong with it: nothing that the schema allows, or forbids, is a 5xx."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from bots.models import ApiKey, Workspace
from channels_integrations.models import FeatureFlag
from conversations.models import Message
from tests.environment import LONG

pytestmark = pytest.mark.django_db(transaction=True)
OPERATIONS = 28
EXAMPLES = 50 if LONG else 15  # of each mode and operation
THERE = {"bots": "demo", "channels": "demo", "models": "demo/demo"}  # rows that changes are tried on


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_ends_in_a_5xx(address: str, mode: GenerationMode) -> None:
    key = ApiKey.issue(workspace=Workspace.default(), name="fuzz", scopes=["chat", "read", "manage"])[1]
    schema = schemathesis.openapi.from_url(f"{address}/api/schema/?format=json")
    session, tried = requests.Session(), set[str]()
    session.trust_env = False  # to look for a proxy takes as long as the request
    flag = FeatureFlag.objects.create(workspace=Workspace.default(), name="enable_tools", value="true")
    there = {f"/api/v1/{noun}/{{name}}/": name for noun, name in {**THERE, "flags": str(flag.pk)}.items()}

    def ask(case: Case) -> None:
        if case.method == "PATCH":
            case.path_parameters = {"name": there[case.operation.path]}
        answer = case.call(session=session, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        session.cookies.clear()
        assert answer.status_code < 500, (case.operation.label, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"], case.operation.label

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        tried.add(operation.label)
        settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(operation.as_strategy(generation_mode=mode))(ask))()
    session.close()
    assert len(tried) >= OPERATIONS, tried
    if mode is GenerationMode.NEGATIVE:
        assert not Message.objects.exists()
