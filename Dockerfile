# One image for every process; compose.yaml and the hosts' service managers choose with: python manage.py run <process>
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements/ requirements/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --no-deps -r requirements/base.txt \
    && python -m venv /opt/tools \
    && /opt/tools/bin/pip install --require-hashes --no-deps -r requirements/embedded.txt
COPY package.json package-lock.json .npmrc build.mjs ./
COPY ipaas/ ipaas/
COPY static/src/ static/src/
COPY templates/ templates/
COPY docs/ docs/
COPY locale/ locale/
COPY manage.py mkdocs.yml SECURITY.md THREAT_MODEL.md CHANGELOG.md CONTRIBUTING.md ./
RUN /opt/tools/bin/python -c "from ipaas.launcher.frontend import ensure_frontend; ensure_frontend()" \
    && /opt/tools/bin/python -c "from ipaas.launcher.docs_site import ensure_docs; raise SystemExit(not ensure_docs())" \
    && /opt/tools/bin/python -c "from ipaas.launcher.catalogs import ensure_catalogs; ensure_catalogs()" \
    && IPAAS_HOME=/tmp/build /opt/venv/bin/python manage.py collectstatic --noinput

FROM ${PYTHON}
LABEL org.opencontainers.image.title="ipaas" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    IPAAS_HOME=/var/lib/ipaas IPAAS_HOST=0.0.0.0
RUN groupadd --gid 10001 ipaas \
    && useradd --uid 10001 --gid ipaas --home-dir /var/lib/ipaas --no-create-home --shell /usr/sbin/nologin ipaas \
    && install --directory --owner ipaas --group ipaas --mode 0700 /var/lib/ipaas
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py pyproject.toml LICENSE ./
COPY ipaas/ ipaas/
COPY connectors/ connectors/
COPY templates/ templates/
COPY --from=build /app/locale/ locale/
COPY --from=build /app/static/dist/ static/dist/
COPY --from=build /app/static/docs/ static/docs/
COPY --from=build /app/staticfiles/ staticfiles/
USER 10001:10001
VOLUME /var/lib/ipaas
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "manage.py", "run", "web", "--healthy"]
CMD ["python", "manage.py", "run", "web"]
