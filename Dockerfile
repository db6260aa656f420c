# One image for every process: API, worker, prediction, migrations. Without a command it runs all of them on an
# embedded Postgres, with its data in the volume /data.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci"]
COPY . .
RUN ["npm", "run", "build"]
RUN ["npm", "prune", "--omit=dev"]

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    GRAFT_HOME=/data
WORKDIR /app
# The root filesystem may be read-only: /data and /tmp are all that is written to.
RUN ["install", "-d", "-o", "node", "-g", "node", "-m", "0700", "/data"]
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/bases ./bases
COPY --from=build /app/dist ./dist
USER node
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "dist/src/local/health.js", "api"]
CMD ["node", "dist/src/local/main.js"]
