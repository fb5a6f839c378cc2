# syntax=docker/dockerfile:1
# docker build -t lethe .                                       CUDA wheels, for workers with a GPU
# docker build -t lethe:cpu --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /app
COPY requirements.lock .
# Every file is checked against its hash in the lock, which is complete: `--no-deps` keeps pip from adding anything. A CPU image
# leaves out PyPI's torch and its CUDA libraries and takes the same version of torch from the index of CPU wheels, whose hashes
# PyPI does not know.
RUN if [ -z "$TORCH_INDEX" ]; then pip install --no-deps --require-hashes -r requirements.lock; \
    else awk '/^[a-z]/ {keep = !/^(torch==|triton==|cuda-|nvidia-)/} keep' requirements.lock > cpu.lock \
      && pip install --no-deps --require-hashes -r cpu.lock \
      && pip install --no-deps --index-url "$TORCH_INDEX" "$(grep -oE '^torch==[0-9.]+' requirements.lock)"; fi \
    && pip check
COPY locale locale
RUN python -m venv /opt/babel && /opt/babel/bin/pip install "Babel==2.*" \
    && /opt/babel/bin/pybabel compile -D django -d locale

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin lethe \
    && mkdir -p /srv/artefacts /srv/gateway /srv/keys /srv/ledger /srv/run && chown -R lethe /srv
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY compliance compliance
COPY unlearning_jobs unlearning_jobs
COPY requests_app requests_app
COPY templates templates
COPY static static
COPY --from=build /app/locale locale
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=PASSIVE \
    LETHE_ENV=production LETHE_VAR=/srv/run LETHE_ARTEFACTS=/srv/artefacts
# The hashed static files are part of the image; the command needs settings but no secret of any installation.
RUN SECRET_KEY=build DATA_KEYS=build:0000000000000000000000000000000000000000000000000000000000000000 \
    INDEX_KEY=0000000000000000000000000000000000000000000000000000000000000000 \
    LEDGER_KEYS=0000000000000000000000000000000000000000000000000000000000000000 \
    ALLOWED_HOSTS=localhost PUBLIC_URL=https://localhost LOG_ORIGIN=build DEFAULT_FROM_EMAIL=build@localhost DATABASE_URL=postgresql://localhost/build \
    python manage.py collectstatic --noinput && chown -R lethe /srv
USER lethe
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:8000/healthz', headers={'X-Forwarded-Proto': 'https'}))"]
CMD ["gunicorn", "compliance.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "4"]
