"""Settings from `spark.arus.*` keys: every fault is named, all in one line."""

from dataclasses import dataclass

import pytest

from arus import settings
from arus.errors import ArusError
from arus.settings import Trigger


@dataclass(frozen=True)
class Settings:
    threshold_celsius: float
    batch_rows: int
    console: bool
    thresholds_file: str
    trigger: Trigger


GIVEN = {
    "spark.arus.threshold-celsius": " 80 ",
    "spark.arus.batch-rows": "1000",
    "spark.arus.console": "true",
    "spark.arus.thresholds-file": "",
    "spark.arus.trigger": "2 seconds",
    "spark.master": "local[2]",
}


def test_settings_have_their_types_and_sparks_own_keys_are_left_alone() -> None:
    expected = Settings(80.0, 1000, True, "", Trigger("processingTime", "2 seconds"))
    assert settings.read(Settings, GIVEN) == expected


def test_an_unknown_key_is_named_with_the_known_ones() -> None:
    with pytest.raises(ArusError) as error:
        settings.read(Settings, GIVEN | {"spark.arus.treshold-celsius": "80"})
    assert str(error.value) == (
        "settings: spark.arus.treshold-celsius is unknown (known: spark.arus.batch-rows, spark.arus.console, "
        "spark.arus.threshold-celsius, spark.arus.thresholds-file, spark.arus.trigger)"
    )


def test_a_missing_key_is_named() -> None:
    given = {key: value for key, value in GIVEN.items() if key != "spark.arus.console"}
    with pytest.raises(ArusError, match=r"^settings: spark\.arus\.console is missing$"):
        settings.read(Settings, given)


def test_all_faults_are_named_in_one_line() -> None:
    wrong = {
        "spark.arus.threshold-celsius": "hot",
        "spark.arus.batch-rows": "1.5",
        "spark.arus.console": "yes",
        "spark.arus.trigger": "often",
        "spark.arus.other": "",
    }
    with pytest.raises(ArusError) as error:
        settings.read(Settings, wrong)
    message = str(error.value)
    assert "\n" not in message
    assert [fault.partition(" (known")[0] for fault in message.removeprefix("settings: ").split("; ")][:3] == [
        "spark.arus.other is unknown",
        "spark.arus.thresholds-file is missing",
        "spark.arus.batch-rows = '1.5' is not a whole number",
    ]
    assert "spark.arus.console = 'yes' is not true or false" in message
    assert "spark.arus.threshold-celsius = 'hot' is not a finite number" in message
    assert "spark.arus.trigger = 'often' is not realtime <interval>" in message


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity"])
def test_a_threshold_that_nothing_is_above_is_refused(text: str) -> None:
    with pytest.raises(ArusError, match="is not a finite number"):
        settings.read(Settings, GIVEN | {"spark.arus.threshold-celsius": text})


@pytest.mark.parametrize(
    ("text", "trigger", "options"),
    [
        ("availableNow", Trigger("availableNow"), {"availableNow": True}),
        ("realtime 5 minutes", Trigger("realtime", "5 minutes"), {"realTime": "5 minutes"}),
        ("2 seconds", Trigger("processingTime", "2 seconds"), {"processingTime": "2 seconds"}),
        ("0 seconds", Trigger("processingTime", "0 seconds"), {"processingTime": "0 seconds"}),
        (" 1 second ", Trigger("processingTime", "1 second"), {"processingTime": "1 second"}),
        ("250 milliseconds", Trigger("processingTime", "250 milliseconds"), {"processingTime": "250 milliseconds"}),
        ("1 hour", Trigger("processingTime", "1 hour"), {"processingTime": "1 hour"}),
    ],
)
def test_every_form_of_trigger_becomes_its_spark_option(
    text: str, trigger: Trigger, options: dict[str, object]
) -> None:
    assert Trigger.parse(text) == trigger
    assert trigger.options() == options


def test_a_trigger_drains_or_is_realtime_or_neither() -> None:
    forms = [Trigger.parse(text) for text in ("availableNow", "realtime 5 minutes", "2 seconds")]
    assert [(trigger.drains, trigger.is_realtime) for trigger in forms] == [
        (True, False),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 minutes", 600.0),
        ("1 minute", 60.0),
        ("2 seconds", 2.0),
        ("1 second", 1.0),
        ("0 seconds", 0.0),
        ("250 milliseconds", 0.25),
        ("1 millisecond", 0.001),
        ("1 hour", 3600.0),
        ("24 hours", 86400.0),
        ("realtime 5 minutes", 300.0),
        ("availableNow", 0.0),
    ],
)
def test_a_trigger_knows_its_interval_in_seconds(text: str, seconds: float) -> None:
    assert Trigger.parse(text).seconds == seconds


@pytest.mark.parametrize(
    "text", ["", "now", "2", "2 days", "-1 seconds", "realtime", "realtime availableNow", "2 secondss"]
)
def test_any_other_trigger_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"^realtime <interval>, <interval> .* or availableNow$"):
        Trigger.parse(text)
