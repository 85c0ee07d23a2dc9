# A GPU node: one device worker per accelerator. The CPU build by default;
#   docker build -f docker/gpunode.Dockerfile --build-arg TORCH_BACKEND=cuda -t alignprop-gpunode:cuda .
# brings TorchSharp-cuda-linux instead (several GB; the host needs NVIDIA's driver and container toolkit). The cuda build was not run by us.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
ARG TORCH_BACKEND=cpu
WORKDIR /source
COPY .editorconfig Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY build build
COPY src/Messages/Messages.csproj src/Messages/packages.lock.json src/Messages/
COPY src/Cluster/Cluster.csproj src/Cluster/packages.lock.json src/Cluster/
COPY src/Adapters/Adapters.csproj src/Adapters/packages.lock.json src/Adapters/
COPY src/Models/Models.csproj src/Models/packages.lock.json src/Models/
COPY src/GpuNode/GpuNode.csproj src/GpuNode/packages.lock.json src/GpuNode/
# The committed lock files pin the cpu graph.
RUN if [ "$TORCH_BACKEND" = cpu ]; then locked=--locked-mode; fi; dotnet restore src/GpuNode -p:TorchBackend=$TORCH_BACKEND ${locked:-}
COPY hocon hocon
COPY src/Messages src/Messages
COPY src/Cluster src/Cluster
COPY src/Adapters src/Adapters
COPY src/Models src/Models
COPY src/GpuNode src/GpuNode
# Python's side of libtorch and the libraries of its tests (35 MB) are loaded by nobody, and its symbol table (92 MB) is for debuggers.
# The commit: nodes of another version are refused at the door.
ARG REVISION=
RUN dotnet publish src/GpuNode -c Release --no-restore -o /app -p:SourceRevisionId=$REVISION -p:TorchBackend=$TORCH_BACKEND -p:DebugType=none \
 && find /app -name '*.xml' -delete \
 && cd /app && rm -f libtorch_python.so libtorchbind_test.so libjitbackend_test.so libbackend_with_compiler.so libnnapi_backend.so libaoti_custom_ops.so \
 && if [ "$TORCH_BACKEND" = cpu ]; then strip --strip-unneeded libtorch_cpu.so; fi

# With ASP.NET: the health checks of --health.
FROM mcr.microsoft.com/dotnet/aspnet:10.0
LABEL org.opencontainers.image.title="AlignProp.Actors GPU node" \
      org.opencontainers.image.description="Samples, scores and backpropagates through the denoising chain, for a coordinator"
# OpenMP's runtime is libtorch's own; libstdc++ is not in the slim base.
RUN if ! ldconfig -p | grep -q libstdc++.so.6; then apt-get update && apt-get install -y --no-install-recommends libstdc++6 && rm -rf /var/lib/apt/lists/*; fi
WORKDIR /app
COPY --from=build /app .
COPY models models
# The sign of life of the health check.
RUN mkdir /run/alignprop && chown 1654:1654 /run/alignprop
USER 1654
# libtorch reads these when it loads: one sleeping thread pool. As many threads as model.threads-per-shard of the run (1 by default).
ENV OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 DOTNET_gcServer=0
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["sh", "-c", "test -n \"$(find /run/alignprop/alive -newermt '-30 seconds' 2>/dev/null)\""]
# SIGTERM finishes the shard in hand and leaves the cluster: give it the time of a shard (stop_grace_period).
ENTRYPOINT ["dotnet", "/app/AlignProp.GpuNode.dll", "run", "--alive", "/run/alignprop/alive"]
