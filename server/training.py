"""What the training is at, for those who wait for a first model."""

from arus import locks, status

JOB = "retail_train"
TRAIN_FIRST = f"no model is there yet: ./spark-submit.sh {JOB} makes one"


def no_model_yet() -> str:
    """Return in words what makes a model, or what the training that runs is at."""
    if not locks.runs(JOB):
        return TRAIN_FIRST
    facts = status.job(JOB)
    return f"no model is there yet; {status.headline(JOB, facts)}"
