# The agent:   docker build -t podhand .
# The client:  docker build -t podhand-client --target client .
#
# What `npm run build:emissary` has made before, in dist/emissary, comes into both, for `podhand init`.
#
# NODE_IMAGE: Node 24 on a Debian with glibc, with npm, node in /usr/local/bin.
ARG NODE_IMAGE=node:24-trixie-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /podhand
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM dependencies AS client-root
RUN apt-get update && apt-get install -y --no-install-recommends binutils
RUN npm ci --ignore-scripts
COPY proto proto
COPY scripts/bundle-client.ts scripts/
COPY src src
RUN node scripts/bundle-client.ts /client/podhand/podhand.mjs
COPY package.json LICENSE /client/podhand/
COPY proto /client/podhand/proto
# By a pattern: a directory that is not there is left out.
COPY LICENSE dist/emissar[y] /client/podhand/dist/emissary/
# Node, without its symbols, and the libraries that it is linked with; nothing else: no shell, no package manager.
RUN set -eu; \
    for file in /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ )]*'); do \
      mkdir -p "/client$(dirname "$file")"; cp -L "$file" "/client$file"; \
    done; \
    strip --strip-unneeded /client/usr/local/bin/node; \
    mkdir -m 1777 /client/tmp; \
    ln -s /podhand/podhand.mjs /client/usr/local/bin/podhand; \
    chmod 755 /client/podhand/podhand.mjs

FROM scratch AS client
COPY --from=client-root /client /
LABEL org.opencontainers.image.title="podhand-client" \
      org.opencontainers.image.description="The client of podhand, for containers of a pod" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/usr/local/bin
# Any user will do: it needs the pod's socket and nothing else.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/podhand"]

FROM ${NODE_IMAGE} AS agent
WORKDIR /podhand
COPY --from=dependencies /podhand/node_modules node_modules
COPY package.json LICENSE ./
COPY LICENSE dist/emissar[y] dist/emissary/
COPY bin bin
COPY proto proto
COPY src src
COPY scripts/fill-compile-cache.ts scripts/
# Fills the cache of compiled code; the root file system is read-only when the agent runs.
RUN ln -s /podhand/bin/podhand /usr/local/bin/podhand && node scripts/fill-compile-cache.ts \
    && podhand agent --print-config && podhand --help
LABEL org.opencontainers.image.title="podhand" \
      org.opencontainers.image.description="Node agent for pods: watches containers, reads logs, collects outputs, stops them" \
      org.opencontainers.image.licenses="Apache-2.0"
# Each thread would take memory from an arena of its own, and keep what it once had.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
# Root, with the few capabilities that the manifest leaves it: sockets and records of a node are root's, and the rights
# that docker and pns take are those of root. Without any capability it does for kubelet and k8sapi.
USER 0:0
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["podhand", "--admin", "health", "--timeout", "4s"]
ENTRYPOINT ["podhand"]
CMD ["agent"]
