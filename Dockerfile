# One image for every process: API, worker, prediction, migrations. Without a command it runs all of them on an
# embedded Postgres, with its data in the volume /data. The target `gpu` is the same with TensorFlow for NVIDIA GPUs in it.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci"]
COPY . .
RUN ["npm", "run", "build"]
RUN ["npm", "prune", "--omit=dev"]

FROM ${NODE_IMAGE} AS service
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

# Its CUDA wheels are fetched by digest; the driver and the devices come from NVIDIA's container runtime.
FROM service AS gpu
USER root
ENV GRAFT_ENGINE_HOME=/opt/graft \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3 python3-pip \
 && node dist/workers/executors/tensorflow/install/main.js --gpu \
 && apt-get purge -y --auto-remove g++ python3 python3-pip \
 && rm -rf /var/lib/apt/lists/* /root/.cache /root/.npm
USER node

# What is built where no target is named.
FROM service
