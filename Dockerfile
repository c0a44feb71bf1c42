# The studio in the browser, on the CPU: docker build -t impasto . && IMPASTO_TOKEN=… docker compose up
FROM python:3.12-slim

RUN useradd --create-home painter
WORKDIR /impasto
COPY . .
# The plugins' networks are in the repository: nothing is downloaded when it runs.
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir ".[web]" ./plugins/*/ \
    && rm -rf /impasto

USER painter
WORKDIR /home/painter
ENV OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8765/health'), timeout=4)"]
# The token comes from the environment, IMPASTO_TOKEN; without one it does not begin.
CMD ["impasto", "serve", "--host", "0.0.0.0"]
