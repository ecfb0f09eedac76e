# The one image of every service in docker-compose.yml but Kafka: Python, Java, the locked packages and jars, and the code.
# No HEALTHCHECK: what healthy means differs from service to service, so docker-compose.yml says it.
FROM python:3.11-slim-bookworm AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/*

FROM base AS locked
WORKDIR /opt/arus
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/run.txt requirements/
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
# Only what arus.jars needs, so that a change of any other code keeps this layer.
COPY conf/ivy.xml conf/ivysettings.xml conf/jars.sha256 conf/
COPY arus/__init__.py arus/errors.py arus/home.py arus/jars.py arus/java.py arus/progress.py arus/text.py arus/
RUN python -m arus.jars && rm -r .jars/cache

FROM base
# The ids are fixed since a volume remembers numbers, not names. A new volume takes the owner of the folder it covers.
RUN groupadd --gid 10001 arus \
    && useradd --uid 10001 --gid arus --no-create-home --home-dir /tmp --shell /usr/sbin/nologin arus \
    && install --directory --owner=arus --group=arus /var/lib/arus /var/lib/spark
WORKDIR /opt/arus
COPY --from=locked /opt/venv /opt/venv
COPY --from=locked /opt/arus/.jars .jars
COPY . .
# PYTHONPATH: Spark's Python workers start in their own folder and import arus too.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/arus \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
CMD ["python", "-m", "arus", "--help"]
