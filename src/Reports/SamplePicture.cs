using AlignProp.Coordinator.Runs;

namespace AlignProp.Reports;

/// <summary>A picture of an evaluation as files carry it.</summary>
public sealed record SamplePicture(string Prompt, bool HeldOut, ulong Seed, double Reward, byte[] Png)
{
    public static IReadOnlyList<SamplePicture> Of(EvaluationFinished evaluation) =>
        [.. evaluation.Samples.Select(s =>
            new SamplePicture(s.Prompt, s.HeldOut, s.Seed, s.Reward, Reports.Png.Encode(s.Image)))];
}
