"""What a query died of, in one line with the remedy; the whole trace is in the job's log."""

import re

from arus import home

_KNOWN = (
    (
        r"Cannot find earliest offset|Some data may have been lost|STREAMING.*DATA.?LOSS|KAFKA_DATA_LOSS|OffsetOutOfRange",
        "Kafka no longer holds records that were not yet read (topic deleted, or older than its retention). Nothing was skipped. "
        "Bring them back, or begin afresh from what is there: `python -m arus reset {job}`",
    ),
    (
        r"UnknownTopicOrPartition|not present in metadata|does not exist.*topic|UNKNOWN_TOPIC",
        "the topic is gone or was never made: `python -m arus topics create`",
    ),
    (
        r"(?s)checkpoint.*(?:malformed|Incomplete|corrupt|is missing|missing|not exist|Unable to parse)"
        r"|(?:Incomplete log file|malformed|Unable to parse|JsonParseException|JsonEOFException|MismatchedInputException).*",
        "the checkpoint under {checkpoints} is damaged. Bring it back from a copy, or begin afresh: `python -m arus reset {job}`",
    ),
    (
        r"No space left on device",
        "the disk is full: free some space under {home}; nothing is lost, the job continues where it stopped",
    ),
    (
        r"TimeoutException|DisconnectException|Timed out waiting for a node|No resolvable bootstrap",
        "Kafka at {broker} does not answer: `python -m arus broker start`",
    ),
)


def explain(trace: str, job: str) -> str:
    """Return one line: the first line of what went wrong, and the remedy where the kind of failure is known."""
    first = next((line.strip() for line in trace.splitlines() if line.strip()), "unknown error")
    where = {
        "job": job,
        "home": home.home(),
        "broker": home.bootstrap_servers(),
        "checkpoints": f"{home.store()}/checkpoints/{job}",
    }
    for pattern, remedy in _KNOWN:
        if re.search(pattern, trace):
            return remedy.format(**where) + f" [{first[:200]}]"
    return f"{first} (whole trace: {home.logs() / (job + '.log')})"
