"""From a check in Dagster to a verification of an edge version."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from .resource import Answer, BlockyardResource

#: What a check is told of the version that it checks: `GET /edges/{edge}/versions/{version}`, with its `metadata`.
EdgeVersion = Mapping[str, Any]
Check = Callable[[EdgeVersion], dg.AssetCheckResult | bool]


def _verdict(found: dg.AssetCheckResult | bool) -> dg.AssetCheckResult:
    return found if isinstance(found, dg.AssetCheckResult) else dg.AssetCheckResult(passed=bool(found))


def _logs(result: dg.AssetCheckResult, context: dg.OpExecutionContext) -> str:
    """What was found, as the registry keeps it beside the verdict."""
    lines = [f"Dagster run {context.run_id}, {context.op.name}"]
    if result.description:
        lines.append(result.description)
    for name, value in (result.metadata or {}).items():
        lines.append(f"{name}: {json.dumps(value.value, default=str, ensure_ascii=False)}")
    return "\n".join(lines)


def verify(
    context: dg.OpExecutionContext,
    blockyard: BlockyardResource,
    edge: str,
    version: int | str,
    check: Check,
    *,
    activate_when_passed: bool | None = None,
) -> tuple[dg.AssetCheckResult, Answer]:
    """Checks a version of an edge, and reports what came out. The version is looked up once and by its number from then
    on: a verdict is about what was checked, even if `active` has moved meanwhile. What raises is no verdict, and
    nothing is reported. A version's author cannot pass it: the key is somebody else's."""
    checked = blockyard.edge_version(edge, version)
    number = checked["version_number"]
    result = _verdict(check(checked))
    passed = bool(result.passed)
    reported = blockyard.report_verification(
        checked["edge_id"], number, passed, logs=_logs(result, context), activate_when_passed=activate_when_passed if passed else None
    )
    context.log.info(f"Version {number} of the edge {edge} {'passed' if passed else 'failed'}: verification {reported['verification_id']}.")
    return result, reported


def edge_check(
    *,
    asset: Any,
    edge: str,
    version: int | str = "active",
    name: str | None = None,
    blocking: bool = False,
    activate_when_passed: bool | None = None,
    description: str | None = None,
) -> Callable[[Check], dg.AssetChecksDefinition]:
    """Makes an asset check of a function, whose verdict is reported as a verification of an edge version.

    The function is given the version and returns a bool or an `AssetCheckResult`. A warning (`severity`) that did not
    pass has not passed.
    """

    def make(check: Check) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=asset, name=name or check.__name__, blocking=blocking, description=description or check.__doc__ or f"Verifies the edge {edge}."
        )
        def checked(context: dg.AssetCheckExecutionContext, blockyard: BlockyardResource) -> dg.AssetCheckResult:
            result, reported = verify(context.op_execution_context, blockyard, edge, version, check, activate_when_passed=activate_when_passed)
            return result._replace(metadata={**(result.metadata or {}), **_shown(edge, reported)})

        return checked

    return make


def verification_job(check: Check, *, name: str = "blockyard_verify") -> dg.JobDefinition:
    """A job that verifies the edge version that its configuration names:
    `ops: {verify: {config: {edge: train, version: latest}}}`. It succeeds when there is a verdict, whichever."""

    @dg.op(
        name="verify",
        config_schema={
            "edge": dg.Field(str, description="Id or name."),
            "version": dg.Field(str, default_value="active", description="A number, `latest`, `active` or an alias."),
            "activate_when_passed": dg.Field(bool, default_value=False, description="Activates the version that has passed."),
        },
    )
    def verify_edge(context: dg.OpExecutionContext, blockyard: BlockyardResource) -> None:
        config = context.op_config
        result, reported = verify(
            context, blockyard, config["edge"], config["version"], check, activate_when_passed=config["activate_when_passed"] or None
        )
        context.add_output_metadata({**(result.metadata or {}), **_shown(config["edge"], reported), "passed": bool(result.passed)})

    @dg.graph(name=name)
    def verification() -> None:
        verify_edge()

    return verification.to_job(name=name, description="Verifies a version of an edge, and tells the registry.")


def _shown(edge: str, reported: Answer) -> dict[str, Any]:
    return {
        "blockyard/edge": edge,
        "blockyard/version": reported["version_number"],
        "blockyard/verification_id": reported["verification_id"],
        "blockyard/status": reported["verification_status"],
    }
