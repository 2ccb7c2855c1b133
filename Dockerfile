# One image for every role: `serve`, `worker`, `prepare-server`. docs/server.md
#   TORCH   where torch comes from: an index of CPU wheels, or "" for an image without torch (encoders classic and onnx)
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ARG TORCH=https://download.pytorch.org/whl/cpu
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/categoriser
COPY requirements.lock pyproject.toml README.md ./
RUN if [ -n "$TORCH" ]; then \
      /opt/categoriser/bin/pip install --index-url "$TORCH" "$(grep '^torch==' requirements.lock)"; \
    fi
COPY config config
COPY categoriser categoriser
RUN /opt/categoriser/bin/pip install -c requirements.lock ".[server${TORCH:+,clip}]"

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/categoriser --create-home categoriser \
 && mkdir -p /library /cache \
 && chown categoriser:categoriser /library /cache
COPY --from=build /opt/categoriser /opt/categoriser
ENV PATH=/opt/categoriser/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CATEGORISER_LIBRARY=/library \
    CATEGORISER_SHARED__CACHE=/cache \
    HF_HOME=/var/lib/categoriser/models
USER categoriser
WORKDIR /var/lib/categoriser
VOLUME ["/library", "/cache"]
EXPOSE 8642
STOPSIGNAL SIGTERM
# of a service; a worker has another one, see docker-compose.yml
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8642/healthz', timeout=4)"]
ENTRYPOINT ["categoriser"]
CMD ["serve", "--host", "0.0.0.0"]
