"""What the descriptions of all routes are made of."""

from server.answers import Schema, ref
from server.negotiation import JSON, PROBLEM_JSON

_STATUS = {
    "400": "The body is not JSON or not whole, or the request is malformed.",
    "401": "The server asks for a token, and this is not it.",
    "403": "A page of another site sends this.",
    "404": "What was asked for is not there.",
    "409": "The image is not ready yet (with Retry-After), or it was refused.",
    "413": "The body is too large.",
    "415": "The body's type or Content-Encoding is not taken, or a file is no such image.",
    "421": "The Host is not one this server answers to.",
    "422": "A field is missing, unknown, of the wrong type or out of bounds; `errors` names it.",
    "429": "Too much at once; Retry-After says when to come again.",
    "503": "What answers is not there yet, such as a model or Kafka; `detail` says what to do.",
}
_EVERYWHERE = ("400", "401", "421")


def of_type(schema: Schema, kind: str = JSON) -> Schema:
    return {kind: {"schema": schema}}


PAGE = of_type({"type": "string"}, "text/html")


def all_responses(good: Schema, *errors: str, guarded: bool = True, status: str = "200") -> Schema:
    """Return what can be answered: this if all is well, these errors, and those that any route may give."""
    everywhere = [number for number in _EVERYWHERE if guarded or number != "401"]
    found = {
        number: {
            "description": _STATUS[number],
            "content": of_type(ref("Problem"), PROBLEM_JSON) | PAGE,
        }
        for number in sorted({*errors, *everywhere})
    }
    return {status: good} | found


def described(description: str, kinds: Schema) -> Schema:
    return {"description": description, "content": kinds}


def link(operation: str, parameter: str, value: str) -> Schema:
    return {"operationId": operation, "parameters": {parameter: value}}
