#!/usr/bin/env bash
# A tour of Blockyard with curl and jq: versions, the gate before a run, the lock, the audit trail.
# (openssl computes one digest.)
#
#   BLOCKYARD_PASSWORD=… examples/tour.sh
#
# BLOCKYARD_URL is http://127.0.0.1:8000 and BLOCKYARD_USERNAME admin unless set; the account must be
# an admin's. Every name has a random end, so that the tour can be repeated; what it makes stays.
# tour.py takes the same steps.
set -euo pipefail

url=${BLOCKYARD_URL:-http://127.0.0.1:8000}
url=${url%/}
username=${BLOCKYARD_USERNAME:-admin}
password=${BLOCKYARD_PASSWORD:?the password of "$username"}

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

step() {
  printf '\n== %s\n' "$*"
}

# ask STATUS METHOD PATH [BODY]: sends a request as $token, leaves the answer in $answer
ask() {
  local expected=$1 method=$2 path=$3 body=${4-}
  local arguments=(--silent --show-error --max-time 30 --request "$method" --write-out '\n%{http_code}')
  if [[ -n $body ]]; then
    arguments+=(--header 'Content-Type: application/json' --data-binary @-)
  fi
  # The token from a file, so that no list of processes shows it
  answer=$(curl "${arguments[@]}" --header @<(printf '%s' "${token:+Authorization: Bearer $token}") \
    "$url$path" <<<"$body") || fail "$method $path: no answer from $url"
  local status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  printf '   %s %s -> %s\n' "$method" "$path" "$status"
  [[ $status == "$expected" ]] || fail "$method $path: $status instead of $expected: $answer"
}

# show FILTER [jq arguments]: prints what matters of the answer
show() {
  jq --raw-output "${@:2}" "$1" <<<"$answer" | sed 's/^/   /'
}

# expect FILTER [jq arguments]: ends the tour unless it is true of the answer
expect() {
  jq --exit-status "${@:2}" "$1" <<<"$answer" >/dev/null || fail "not so: $1: $answer"
}

take() {
  jq --raw-output "$1" <<<"$answer"
}

# log_in USERNAME PASSWORD: leaves the access token in $token
log_in() {
  token=
  ask 200 POST /auth/login "$(name=$1 secret=$2 jq --null-input '{username: env.name, password: env.secret}')"
  show '"\(.user.username) is \(.user.role), for \(.expires_in) seconds"'
  token=$(take .access_token)
}

run=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
developer=tour-$run
passengers=passengers-$run
fares=fares-$run
model=survival-$run
pipeline=nightly-$run

step "Log in as $username"
log_in "$username" "$password"
expect '.user.role == "admin"'
admin_id=$(take .user.user_id)
admin_token=$token

step 'Create a developer, and log in as them'
developer_password=$(od -An -N16 -tx4 /dev/urandom | tr -d ' ')
ask 201 POST /users "$(name=$developer secret=$developer_password jq --null-input \
  '{username: env.name, email: "\(env.name)@example.org", role: "developer", password: env.secret}')"
expect '.role == "developer" and .is_active'
developer_id=$(take .user_id)
log_in "$developer" "$developer_password"
developer_token=$token

step 'Register two datasets and a model'
for dataset in "$passengers" "$fares"; do
  ask 201 POST /blocks "{\"name\": \"$dataset\", \"block_type\": \"dataset\", \"metadata\": {\"rows\": 891}}"
  expect '.version_number == 1 and .created_by == $me' --arg me "$developer_id"
  show '"\(.block_type) \(.name), version \(.version_number)"'
done
ask 201 POST /blocks "{\"name\": \"$model\", \"block_type\": \"model\", \"metadata\": {\"layers\": 3}}"
expect '.version_number == 1 and .block_type == "model"'
show '"\(.block_type) \(.name), version \(.version_number)"'

step 'Change a dataset: that makes a version'
ask 200 PATCH "/blocks/$passengers" '{"metadata": {"rows": 1309, "source": "Encyclopedia Titanica"}}'
expect '.version_number == 2 and .latest_version_number == 2 and .metadata.rows == 1309'
show '"version \(.version_number): \(.metadata)"'

step 'Its versions, what differs, and who did it'
ask 200 GET "/blocks/$passengers/versions"
expect '[.items[] | [.version_number, .is_active]] == [[2, true], [1, false]]'
show '.items[] | "version \(.version_number)\(if .is_active then " (active)" else "" end): \(.metadata)"'
ask 200 GET "/blocks/$passengers/diff?from=1&to=2"
expect 'sort_by(.path) == [
  {op: "replace", path: "/metadata/rows", value: 1309},
  {op: "add", path: "/metadata/source", value: "Encyclopedia Titanica"}]'
show '.[] | tojson'
ask 200 GET "/blocks/$passengers/history"
expect '.items | length > 2 and all(.user_id == $me and .username == $name)' --arg me "$developer_id" --arg name "$developer"
show '.items[] | "\(.username): \(.action_type) \(.details.table) by \(.details.request.method) \(.details.request.path)"'

step 'Go back to version 1'
ask 200 POST "/blocks/$passengers/versions/1/activate"
expect '.version_number == 1 and .latest_version_number == 2 and .metadata == {rows: 891}'
show '"version \(.version_number) of \(.latest_version_number): \(.metadata)"'

step 'Create an edge from each dataset to the model'
for dataset in "$passengers" "$fares"; do
  ask 201 POST /edges "{\"name\": \"train-on-$dataset\", \"metadata\": {\"batch_size\": 32}}"
  expect '.version_number == 1'
  show '"edge \(.name), version \(.version_number)"'
done

step 'Join them in a pipeline'
ask 201 POST /pipelines "$(jq --null-input '{
    name: $pipeline,
    blocks: [{block_id: $passengers}, {block_id: $fares}, {block_id: $model}],
    edges: [$passengers, $fares
      | {edge_id: "train-on-\(.)", source_block_id: ., target_block_id: $model}]
  }' --arg pipeline "$pipeline" --arg passengers "$passengers" --arg fares "$fares" --arg model "$model")"
expect '.times_run == 0 and .average_runtime == null'
pipeline_id=$(take .pipeline_id)
ask 200 GET "/pipelines/$pipeline?include=blocks,edges"
expect '(.blocks | length) == 3 and (.edges | length) == 2'
show '"\(.name): \(.blocks | length) blocks, \(.edges | length) edges"'

step 'May it run?'
ask 200 GET "/pipelines/$pipeline/readiness"
expect '.ready == false and [.blockers[].code] == ["edge_unverified", "edge_unverified"]'
show '"ready: \(.ready)", (.blockers[] | "\(.code) \(.name): \(.detail)")'

step 'So the run is refused'
ask 409 POST "/pipelines/$pipeline/runs"
expect '.code == "not_ready" and (.blockers | length) == 2'
show '"\(.code): \(.detail) \(.blockers | length) blockers"'

step "$username verifies the edges"
token=$admin_token
for dataset in "$passengers" "$fares"; do
  ask 201 POST "/edges/train-on-$dataset/versions/active/verifications" \
    '{"verification_status": "passed", "verification_logs": "12 checks, 0 failures"}'
  expect '.verification_status == "passed" and .version_number == 1 and .verified_by == $me' --arg me "$admin_id"
  show '"version \(.version_number) \(.verification_status) at \(.verified_at)"'
done

step 'Now it may run'
token=$developer_token
ask 200 GET "/pipelines/$pipeline/readiness"
expect '.ready == true and .blockers == []'
show '"ready: \(.ready), on \(.lock_digest)"'
digest=$(take .lock_digest)

step 'Run it: the scheduler says when it starts and how it ends'
ask 201 POST "/pipelines/$pipeline/runs"
expect '.status == "queued" and .lock_digest == $digest' --arg digest "$digest"
run_id=$(take .run_id)
show '"\(.status)"'
ask 200 PATCH "/runs/$run_id" '{"status": "started"}'
expect '.status == "started" and .started_at != null'
show '"\(.status) at \(.started_at)"'
sleep 1
ask 200 PATCH "/runs/$run_id" '{"status": "success"}'
expect '.status == "success" and .ended_at != null'
show '"\(.status) at \(.ended_at)"'

step 'The pipeline has counted it'
ask 200 GET "/pipelines/$pipeline"
expect '.times_run == 1 and .average_runtime >= 1'
show '"times_run \(.times_run), average_runtime \(.average_runtime) seconds"'

step 'What the run ran on: its lock, whose name is its SHA-256'
ask 200 GET "/locks/$digest"
expect '.lock_digest == $digest and [.lock.blocks[].version_number] == [1, 1, 1]
  and (.lock.edges | length == 2 and all(.verification.verified_by == $admin))' \
  --arg digest "$digest" --arg admin "$admin_id"
show '.lock
  | (.blocks[] | "\(.block_type) \(.name), version \(.version_number)"),
    (.edges[] | "edge \(.name), version \(.version_number), verified at \(.verification.verified_at)")'
# jq's sorted and compact output is the canonical form of RFC 8785 for text as plain as this
computed=$(jq --compact-output --sort-keys --join-output .lock <<<"$answer" | openssl dgst -sha256 -r)
[[ ${computed%% *} == "$digest" ]] || fail "the lock's SHA-256 is ${computed%% *} instead of $digest"

step 'Who did what: the audit trail, which an admin sees whole'
token=$admin_token
ask 200 GET "/audit-logs?user_id=$developer_id&limit=200"
expect '[.items[] | "\(.action_type) \(.entity_type)"]
  | contains(["CREATE block"]) and contains(["UPDATE block"]) and contains(["CREATE edge"])
    and contains(["CREATE pipeline_run"])'
show '.items | group_by([.entity_type, .action_type])[]
  | "\($who): \(length) x \(.[0].action_type) \(.[0].entity_type)"' --arg who "$developer"
ask 200 GET "/audit-logs?entity_type=verification&user_id=$admin_id&limit=2"
expect '.items | length == 2 and all(.action_type == "CREATE" and .details.after.verification_status == "passed")'
show '.items[] | "\($who): \(.action_type) \(.entity_type) \(.details.after.verification_status)"' --arg who "$username"
ask 200 GET "/pipelines/$pipeline/history"
expect '.items | all(.user_id == $developer and .subject_id == $pipeline)' \
  --arg developer "$developer_id" --arg pipeline "$pipeline_id"
show '.items[0] | "last: \(.action_type) \(.entity_type) \(.details.before.status) -> \(.details.after.status)"'

printf '\nThe tour is over; all was as expected.\n'
