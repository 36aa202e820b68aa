//! The GraphQL documents of Dagster 1.13, all of them. Its API is not called stable: what another
//! version says otherwise is changed here.

pub(super) const LAUNCH: &str = "
mutation BlockyardLaunch($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on UnauthorizedError { message }
    ... on RunConflict { message }
    ... on PresetNotFoundError { message }
    ... on ConflictingExecutionParamsError { message }
    ... on NoModeProvidedError { message }
    ... on InvalidStepError { invalidStepKey }
    ... on InvalidOutputError { stepKey invalidOutputName }
    ... on PythonError { message }
  }
}";

pub(super) const RUNS: &str = "
query BlockyardRuns($filter: RunsFilter!, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId status creationTime startTime endTime rootRunId parentRunId tags { key value } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}";

pub(super) const TERMINATE: &str = "
mutation BlockyardTerminate($runId: String!, $policy: TerminateRunPolicy) {
  terminateRun(runId: $runId, terminatePolicy: $policy) {
    __typename
    ... on TerminateRunFailure { message }
    ... on RunNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}";

pub(super) const LOCATION: &str = "
query BlockyardLocation($name: String!) {
  workspaceLocationEntryOrError(name: $name) {
    __typename
    ... on WorkspaceLocationEntry {
      loadStatus
      locationOrLoadError {
        __typename
        ... on RepositoryLocation { repositories { name jobs { name } } }
        ... on PythonError { message }
      }
    }
    ... on PythonError { message }
  }
}";

pub(super) const STEPS: &str = "
query BlockyardSteps($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { stepStats { stepKey status startTime endTime } }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}";

pub(super) const LOGS: &str = "
query BlockyardLogs($runId: ID!, $afterCursor: String, $limit: Int) {
  logsForRun(runId: $runId, afterCursor: $afterCursor, limit: $limit) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { timestamp level stepKey eventType message }
        ... on ExecutionStepFailureEvent { error { className message } }
        ... on RunFailureEvent { error { className message } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}";
