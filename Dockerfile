# syntax=docker/dockerfile:1
#
# Tags of one build each, which Dependabot moves on (.github/dependabot.yml); the digests that they had are in the
# provenance of each released image.

FROM rust:1.94.1-slim-bookworm AS build
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
FROM debian:bookworm-20260824-slim
# For the keys at JWT_JWKS_URL, and where traces go.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /blockyard /usr/local/bin/
# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
# Logs go to standard output only, and the container is reached from outside.
ENV HOST=0.0.0.0 LOG_FILE=off LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["blockyard", "health"]
ENTRYPOINT ["blockyard"]
CMD ["serve"]
