# The builder has what installing needs; the image that runs has neither pip's cache nor a compiler.
FROM python:3.11-slim AS builder
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/base.txt /tmp/base.txt
RUN pip install --require-hashes -r /tmp/base.txt

FROM python:3.11-slim
# A fixed number, so that a volume's owner can be named from outside.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin switchboard
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY . .
# Code stays root's, and cannot be changed by the process that runs it; only var/ is its own.
RUN mkdir -p var && chown switchboard: var
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT') or 8000}/health\", timeout=4)"]
CMD ["python", "manage.py", "serve", "--migrate", "--host", "0.0.0.0"]
