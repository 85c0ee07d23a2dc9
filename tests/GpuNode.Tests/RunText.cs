using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Tests;

/// <summary>The run file of a picture request.</summary>
internal static class RunText
{
    public static string Of(string model, int steps, int batch) => RunFileWriter.Render(new RunConfig
    {
        Model = new ModelConfig { Path = model },
        Sampling = new SamplingConfig { Steps = steps, GuidanceScale = 3 },
        Batch = new BatchConfig { Size = batch, ShardSize = batch },
    });
}
