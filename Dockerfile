# Orchestrator and worker in one image; the command says which it is.
FROM node:24.20.0-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:24.20.0-trixie-slim
ENV NODE_ENV=production
# Else glibc keeps a pool of memory for every few threads of Node, and gives nothing back: 20 to 40 MB a process.
ENV MALLOC_ARENA_MAX=2
WORKDIR /app
COPY package.json package-lock.json ./
# Without the development dependencies, the npm package `node` among them: here the image's own Node runs.
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY --from=build /app/dist dist
# So that `tutti` is a command in the container.
RUN ln -s /app/dist/cli/main.js /usr/local/bin/tutti
# The user `node` of the image.
USER 1000
# Node is the process that is told to stop: it drains on SIGTERM.
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["--help"]
