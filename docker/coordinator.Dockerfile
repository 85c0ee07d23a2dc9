# The coordinator: plans, leases, averages, commits, serves the console and the dashboard. No torch in it.
# Build from the project's folder: docker build -f docker/coordinator.Dockerfile -t alignprop-coordinator .
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# Packages first: this layer changes only with the lock files.
COPY .editorconfig Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY build build
COPY src/Messages/Messages.csproj src/Messages/packages.lock.json src/Messages/
COPY src/Cluster/Cluster.csproj src/Cluster/packages.lock.json src/Cluster/
COPY src/Adapters/Adapters.csproj src/Adapters/packages.lock.json src/Adapters/
COPY src/Coordinator/Coordinator.csproj src/Coordinator/packages.lock.json src/Coordinator/
COPY src/Reports/Reports.csproj src/Reports/packages.lock.json src/Reports/
COPY src/Web/Web.csproj src/Web/packages.lock.json src/Web/
COPY src/Cli/Cli.csproj src/Cli/packages.lock.json src/Cli/
RUN dotnet restore src/Cli --locked-mode
COPY hocon hocon
COPY src/Messages src/Messages
COPY src/Cluster src/Cluster
COPY src/Adapters src/Adapters
COPY src/Coordinator src/Coordinator
COPY src/Reports src/Reports
COPY src/Web src/Web
COPY src/Cli src/Cli
# The commit: nodes of another version are refused at the door.
ARG REVISION=
RUN dotnet publish src/Cli -c Release --no-restore -o /app -p:SourceRevisionId=$REVISION -p:DebugType=none \
 && find /app -name '*.xml' -delete

FROM mcr.microsoft.com/dotnet/aspnet:10.0
LABEL org.opencontainers.image.title="AlignProp.Actors coordinator" \
      org.opencontainers.image.description="Aligns text-to-image diffusion models with a reward: the coordinator and the alignprop command line"
# The shipped model lies where the nodes have it: its paths are part of a run.
WORKDIR /app
COPY --from=build /app .
COPY hocon/runs hocon/runs
COPY prompts prompts
COPY models models
COPY docker/alignprop.sh /usr/local/bin/alignprop
# 1654 is the base image's unprivileged user.
RUN mkdir -p /data/runs && chown -R 1654:1654 /data && chmod 755 /usr/local/bin/alignprop
USER 1654
VOLUME /data
WORKDIR /data
ENV DOTNET_gcServer=0 DOTNET_CLI_TELEMETRY_OPTOUT=1
STOPSIGNAL SIGTERM
EXPOSE 4053 8080
# Each check starts .NET: about 0.2 s of a core.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["alignprop", "health"]
ENTRYPOINT ["alignprop"]
CMD ["--help"]
