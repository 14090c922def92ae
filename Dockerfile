# The image in which an orchestrator runs the pipeline's components. On Vertex AI each task calls
#   python -m tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor
# with arguments of its own. TFX's automatic image would call `setup.py install`, so the project brings this one:
#   docker build -t REGION-docker.pkg.dev/PROJECT/REPOSITORY/rrn_tf:0.1.0 .
# The modern set: trixie has the glibc that the wheels of TFX 1.21 need.

FROM python:3.13-trixie AS build
# The full image has the compiler that a few source distributions of the lock need.
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir uv==0.13.9
COPY requirements/modern-py313.txt /src/requirements/
RUN /opt/venv/bin/uv pip install --python /opt/venv/bin/python --no-cache --no-deps -r /src/requirements/modern-py313.txt
COPY setup.py pyproject.toml MANIFEST.in README.md LICENSE /src/
COPY rrn_tf /src/rrn_tf
COPY components /src/components
COPY pipeline /src/pipeline
COPY schemas /src/schemas
RUN /opt/venv/bin/uv pip install --python /opt/venv/bin/python --no-cache --no-deps --no-build-isolation /src

FROM python:3.13-slim-trixie
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    TF_USE_LEGACY_KERAS=1
WORKDIR /pipeline
COPY schemas/*.pbtxt /pipeline/schemas/
ENTRYPOINT ["python", "-m", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"]
