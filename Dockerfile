# One image for web, worker, scheduler and the migrate step: the command says which.
FROM python:3.13-slim-bookworm AS build
RUN python -m venv /opt/puqpanel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Changes of the code alone do not install the locked requirements again.
COPY constraints constraints
RUN /opt/puqpanel/bin/pip install --quiet --no-deps --require-hashes -r constraints/panel.txt
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY puqpanel puqpanel
# Editable, as ./panel does it: modules/ and migrations/ are found beside the package, and stay readable on the host that runs them.
RUN mkdir -p /app && cp -a . /app && cd /app && /opt/puqpanel/bin/pip install --quiet --no-deps --no-build-isolation -e .

FROM python:3.13-slim-bookworm
# A user of its own that owns nothing but the instance folder: the panel cannot change its own code.
RUN useradd --system --uid 10001 --home-dir /instance --shell /usr/sbin/nologin panel \
    && install -d -o panel -g panel -m 0700 /instance
COPY --from=build /opt/puqpanel /opt/puqpanel
COPY --from=build /app /app
WORKDIR /app
COPY wsgi.py ./
COPY migrations migrations
COPY modules modules
ENV PATH=/opt/puqpanel/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PUQPANEL_INSTANCE=/instance \
    PUQPANEL_HOST=0.0.0.0 \
    PUQPANEL_LOG_JSON=yes
USER panel
VOLUME /instance
EXPOSE 8000
# Each process answers for what it is: see compose.yaml. A stop lets running tasks finish.
STOPSIGNAL SIGTERM
ENTRYPOINT ["puqpanel"]
CMD ["web"]
