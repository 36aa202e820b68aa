# syntax=docker/dockerfile:1

FROM rust:1.94-slim-bookworm AS build
WORKDIR /build
# The queries were checked before they were committed: no database here.
ENV SQLX_OFFLINE=true CARGO_TERM_COLOR=never
COPY . .
# Without `fetch-postgres`: a container is given a database.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --no-default-features \
    && cp target/release/blockyard /blockyard

FROM debian:bookworm-slim
# For the keys at JWT_JWKS_URL.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /app --create-home blockyard
WORKDIR /app
COPY --from=build /blockyard /usr/local/bin/blockyard
USER 10001
# Logs go to standard output only, and the container is reached from outside.
ENV HOST=0.0.0.0 LOG_FILE=off LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["blockyard", "health"]
ENTRYPOINT ["blockyard"]
CMD ["serve"]
