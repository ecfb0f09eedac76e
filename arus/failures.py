"""What a query died of, in one line with the remedy; the whole trace is in the job's log."""

import re

from arus import home
from arus.ping import kafka_remedy

_KNOWN = (
    (
        r"Some data may have been lost|KAFKA_DATA_LOSS|OffsetOutOfRange",
        "Kafka no longer holds records that were not yet read (topic deleted, or older than its retention). "
        "Nothing was skipped. Bring them back, or begin afresh from what is there: `python -m arus reset {job}`",
    ),
    (
        r"UnknownTopicOrPartition|not present in metadata|does not exist.*topic|UNKNOWN_TOPIC",
        "the topic is gone or was never made: `python -m arus topics create`",
    ),
    (
        r"STREAMING_CHECKPOINT|Incomplete log file|Failed to read log file|checkpoint offsets",
        "the checkpoint under {checkpoints} is damaged. Bring it back from a copy, or begin afresh: "
        "`python -m arus reset {job}`",
    ),
    (
        r"Concurrent transaction failed",
        "another driver writes the same micro-batches, with the same checkpoint: stop one of the two",
    ),
    (
        r"No space left on device",
        "the disk is full: free some space under {home}; nothing is lost",
    ),
    (
        r"kafka\.common\.errors\.TimeoutException|DisconnectException|waiting for a node|No resolvable bootstrap",
        "Kafka at {broker} does not answer: {start}",
    ),
)


def explain(trace: str, job: str) -> str:
    """Return one line: the remedy where the kind of failure is known, else what it was; the log has the trace."""
    log = home.logs() / f"{job}.log"
    where = {
        "job": job,
        "home": home.home(),
        "broker": home.bootstrap_servers(),
        "start": kafka_remedy(),
        "checkpoints": f"{home.store()}/checkpoints/{job}",
    }
    known = (remedy for pattern, remedy in _KNOWN if re.search(pattern, trace))
    remedy = next(known, "the query failed: {cause}").format(**where, cause=cause(trace)[:300])
    return f"{remedy} (the whole trace: {log})"


def cause(trace: str) -> str:
    """Return the line that says most: the last error that a chain of causes names, else the first line."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): ", line)]
    return named[-1] if named else (lines or ["no message"])[0]
