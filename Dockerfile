# The wire room's one image; docs/containers.md says how to run it. Builds with BuildKit and without.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
# What is locked stays locked: hatchling builds the wheel here, and neither reaches the image that runs.
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9 hatchling==1.33.0
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Extras of the project that the image is to have: `docker compose build --build-arg EXTRAS=otel` for traces.
ARG EXTRAS=
# The libraries first: they are built anew only when the lock changes.
COPY pyproject.toml requirements.lock ./
RUN uv venv /opt/wireroom \
    && uv pip install --python /opt/wireroom/bin/python --constraint requirements.lock --requirements pyproject.toml ${EXTRAS:+--extra $EXTRAS} \
    && find /opt/wireroom -depth -type d -name tests -exec rm -rf {} + \
    && find /opt/wireroom -type f -regex '.*\.\(c\|cpp\|h\|hpp\|pxd\|pyi\|pyx\)' -delete
COPY README.md LICENSE ./
COPY storage storage
COPY tasks tasks
COPY workers workers
RUN python3 -m hatchling build --target wheel --directory /tmp/dist \
    && uv pip install --python /opt/wireroom/bin/python --no-deps /tmp/dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="wireroom" \
      org.opencontainers.image.description="Event-driven wire-ingestion worker: feeds in, clean articles and ordered events out." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# /keys are mount points: a fresh volume takes over their owner, so that the passwords are made without root.
RUN groupadd --gid 10001 wireroom \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wireroom --shell /usr/sbin/nologin wireroom \
    && install -d -o wireroom -g wireroom -m 0700 /var/lib/wireroom \
    && install -d -o wireroom -g wireroom -m 0755 /keys /keys/own /keys/postgres /keys/redis /keys/wireroom /keys/subscriber /keys/grafana
COPY containers/alive /usr/local/bin/wireroom-alive
COPY containers/keys /usr/local/bin/wireroom-keys
COPY --from=build /opt/wireroom /opt/wireroom
# Two arenas: glibc's default of eight per core keeps memory that threads have given back.
ENV PATH=/opt/wireroom/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    WIREROOM_DATA_DIR=/var/lib/wireroom
USER 10001:10001
WORKDIR /var/lib/wireroom
ENTRYPOINT ["wireroom"]
CMD ["--help"]
