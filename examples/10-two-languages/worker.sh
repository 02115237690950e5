#!/usr/bin/env bash
# A worker for Tutti with only bash, jq and the nats command line (0.3 or later), by docs/protocol.md:
#   NATS_URL=nats://127.0.0.1:4222 examples/10-two-languages/worker.sh
set -uo pipefail
export NATS_URL="${NATS_URL:-nats://127.0.0.1:4222}"
type=count-lines name="shell-$$" inbox="_INBOX.tutti-shell.$$.$RANDOM$RANDOM"
registration='{"v":1,"type":"count-lines","description":"Counts the lines of a text",
  "input":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}}'

# Reads a task's input from standard input and writes its output, both as JSON. Fails with a message on standard error.
handle() { jq -ce '{lines: (.text | split("\n") | length)}'; }

# Requests the next message of one priority, to the inbox. If none comes within 30 s, the server sends a status there.
pull() {
  nats pub "\$JS.API.CONSUMER.MSG.NEXT.TUTTI_TASKS.${type}_$1" '{"batch":1,"expires":30000000000}' \
    --reply "$inbox.$1" --quiet >/dev/null 2>&1
}
acknowledge() { nats pub "$1" "$2" --quiet >/dev/null 2>&1; }

is_settled() { # a task, its subject: succeeds if its result is already in the log
  nats req tutti.api.tasks.settled --raw \
    "$(jq -c --arg subject "$2" '{tenant: ($subject | split(".")[5]), run, task, attempt}' <<<"$1")" 2>/dev/null |
    jq -e .settled >/dev/null 2>&1
}

input_of() { # an input above 256 KiB is in the object store
  local ref
  ref=$(jq -r '.inputRef // ""' <<<"$1")
  if [[ -z $ref ]]; then jq -c .input <<<"$1"; else nats object get TUTTI_blobs "$ref" --no-progress --force --output /dev/fd/3 3>&1 >/dev/null; fi
}

execute() { # a task, the subject that acknowledges it, its own subject
  local task=$1 ack=$2 outcome result heart
  if (($(cut -d. -f5 <<<"$ack") > 1)) && is_settled "$task" "$3"; then acknowledge "$ack" +ACK && return; fi
  while sleep 10; do acknowledge "$ack" +WPI; done >/dev/null 2>&1 & # in progress
  heart=$!
  if outcome=$(input_of "$task" | handle 2>&1); then
    outcome="{\"output\":$outcome}"
  else
    outcome=$(jq -nc --arg message "$outcome" '{error: {kind: "retryable", message: $message}}')
  fi
  result=$(jq -c --arg name "$name" --argjson outcome "$outcome" \
    '{v: 1, results: [{task, attempt, worker: $name} + $outcome]}' <<<"$task")
  # The answer is the log's PubAck. --no-templates allows {{ in the body.
  if nats req "$(jq -r .reply <<<"$task").result" --force-stdin --no-templates --raw <<<"$result" 2>/dev/null |
    jq -e .seq >/dev/null; then
    acknowledge "$ack" +ACK
  fi
  kill $heart
}

nats kv put TUTTI_types "$type" "$registration" >/dev/null || exit 1
for priority in high normal low; do # one queue per priority, created if it is missing
  nats consumer info TUTTI_TASKS "${type}_$priority" >/dev/null 2>&1 ||
    nats consumer add TUTTI_TASKS "${type}_$priority" --filter "tutti.tasks.$type.$priority.>" --pull --ack explicit \
      --deliver all --replay instant --wait 30s --max-pending 100000 --defaults >/dev/null || exit 1
done

# Each message is a JSON document that ends with a null byte.
exec {messages}< <(exec nats sub "$inbox.>" --dump=- 2>/dev/null)
subscription=$! busy='' stopping=''
trap 'kill $subscription' EXIT
trap 'stopping=1; [[ $busy ]] || exit 0' TERM INT # a task in progress is finished
until IFS= read -r -d '' -t 1 -u "$messages" _; do nats pub "$inbox.hello" hello --quiet >/dev/null 2>&1; done
echo "worker $name ready"
for priority in high normal low; do pull $priority; done
while [[ -z $stopping ]]; do
  IFS= read -r -d '' -t 45 -u "$messages" message && busy=1
  case $? in
  0)
    subject=$(jq -r .Subject <<<"$message") ack=$(jq -r '.Reply // ""' <<<"$message") priority=${subject##*.}
    [[ $priority == hello ]] && busy='' && continue
    if [[ $ack ]]; then
      priority=$(cut -d. -f4 <<<"$subject")
      execute "$(jq -r '.Data | @base64d' <<<"$message")" "$ack" "$subject"
    fi
    busy=''
    pull "$priority"
    ;;
  1) exit 1 ;; # the subscription is gone
  *) for priority in high normal low; do pull $priority; done ;; # silence: the server may have been restarted
  esac
done
