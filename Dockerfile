# syntax=docker/dockerfile:1
#
# By digest (of all platforms together), with the tag that it had; Dependabot moves both on (.github/dependabot.yml).

FROM rust:1.94.1-slim-bookworm@sha256:cf9dd0ec73e75f827fe59123fff9dc65af1a1c8363c3c31ee8d7f8ad0b6a5fb2 AS build
WORKDIR /build
# The queries were checked before they were committed: no database here.
ENV SQLX_OFFLINE=true CARGO_TERM_COLOR=never
ARG TARGETARCH
COPY . .
# The caches keep the crates and what was compiled of them: after a change only Blockyard itself is compiled again.
# Without `fetch-postgres`: a container is given a database.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=blockyard-$TARGETARCH,target=/build/target,sharing=locked \
    cargo build --release --locked --no-default-features \
    && cp target/release/blockyard /blockyard

# Not smaller than Debian: platforms run release commands in a shell.
FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
# For the keys at JWT_JWKS_URL, and where traces go.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /blockyard /usr/local/bin/
# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
# Logs go to standard output only, and the container is reached from outside.
ENV HOST=0.0.0.0 LOG_FILE=off LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["blockyard", "health"]
# No entrypoint: another command is the whole command, `blockyard migrate`, however a platform puts the two together.
CMD ["blockyard", "serve"]
