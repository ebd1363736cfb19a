# One command, its schema and the Node that it was tested with, on a base that has a libc and libstdc++ and need
# have nothing else: no shell, no package manager.
#
# `make image` builds it. By hand, with bases pinned by digest and for another platform:
#
#   docker build --platform linux/arm64 \
#     --build-arg RUNTIME_BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:… .

# Any Node from 20 on and npm: the Node that goes into the image comes from package-lock.json.
ARG BUILD_BASE=docker.io/library/node:24-bookworm-slim
ARG RUNTIME_BASE=gcr.io/distroless/cc-debian12:nonroot

# Of the tools of development, the build needs a few: what is installed changes only with them.
FROM ${BUILD_BASE} AS manifest
WORKDIR /src
COPY package.json package-lock.json .npmrc scripts/image-manifest.mjs ./
RUN node image-manifest.mjs /manifest

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY --from=manifest /manifest ./
RUN npm ci --omit=dev
COPY build.mjs ./
COPY src src
COPY package.json ./
RUN node_modules/.bin/node build.mjs
COPY LICENSE ./
COPY schema schema
COPY scripts/image-root.mjs scripts/
# Paths are part of the compile cache: it is made where it will lie.
RUN node_modules/.bin/node scripts/image-root.mjs /opt/slipway

FROM ${RUNTIME_BASE}
COPY --from=build /opt/slipway /opt/slipway
# What changes with every commit comes last.
ARG RELEASE=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
ARG RUNTIME_BASE
LABEL org.opencontainers.image.title="slipway" \
      org.opencontainers.image.description="Gets a PostgreSQL database ready before the application starts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${RELEASE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${RUNTIME_BASE}"
ENV PATH=/opt/slipway/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_COMPILE_CACHE=/opt/slipway/cache \
    NODE_ENV=production
# A number: the kubelet cannot tell of a name that it is not root (`runAsNonRoot`).
USER 65532:65532
WORKDIR /opt/slipway
STOPSIGNAL SIGTERM
ENTRYPOINT ["slipway"]
