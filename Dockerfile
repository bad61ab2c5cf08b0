# An image of Rekey with this team's rekey.config.ts compiled in: docker build -t rekey .
# docs/operations.md, "Containers", has the commands; compose.yaml starts it with a worker, PostgreSQL and a mail catcher.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /rekey
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
# Needed only if PUBLIC_URL has a path, which the build writes into pages: --build-arg PUBLIC_URL=https://example.com/account
ARG PUBLIC_URL=
# The last stage copies `public`, which exists only if the team has files in it, such as the picture of LOGO_URL.
RUN npm run build && mkdir -p public
# Removes the Node.js of npm, because the image has its own, and files that only a build uses.
RUN npm prune --omit=dev && npm uninstall --no-save --omit=dev prisma tailwindcss @tailwindcss/postcss && \
  rm -rf .next/cache node_modules/node-linux-* node_modules/.bin/node node_modules/@next/swc-* node_modules/@img \
  node_modules/@swc/core* node_modules/typescript && \
  find node_modules -name '*.map' -delete && find node_modules/next/dist -name '*.dev.js' -delete && \
  find node_modules/@prisma/client/runtime -name 'query_compiler*' ! -name '*small_bg.postgresql*' -delete

FROM node:24.21.0-bookworm-slim
WORKDIR /rekey
COPY --from=build /rekey/package.json /rekey/next.config.js ./
COPY --from=build /rekey/node_modules ./node_modules
COPY --from=build /rekey/prisma/migrations ./prisma/migrations
COPY --from=build /rekey/scripts ./scripts
COPY --from=build /rekey/dist ./dist
COPY --from=build /rekey/.next ./.next
COPY --from=build /rekey/public ./public
# One web process and no worker in a container, so that an orchestrator decides how many of each run.
ENV NODE_ENV=production WEB_CONCURRENCY=1 WORKER=off
# Nothing is written below /rekey, so its root file system may be read-only.
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "scripts/health-check.js"]
# Without npm and a shell in between, SIGTERM reaches Rekey, which stops within 30 seconds.
CMD ["node", "scripts/run.js", "start"]
