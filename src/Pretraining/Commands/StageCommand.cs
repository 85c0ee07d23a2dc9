using AlignProp.Pretraining.Training;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Commands;

/// <summary>
/// The stages of making the shipped model, in this order; each resumes from its own last checkpoint in the work folder:
/// <c>STAGE [--data FILE] [--work FOLDER] [--steps N] [--batch N] [--threads N] [--out PATH]</c>.
/// </summary>
public static class StageCommand
{
    private static readonly Dictionary<string, Action<CommandOptions>> Stages = new()
    {
        ["vae"] = o => Open(o, work => VaeStage.Run(work, new Sampler(work.Data), o.Get("steps", 7000))),
        ["text"] = o =>
            WithLatents(o, (work, latents) => TextStage.Run(work, new Sampler(work.Data), latents, o.Get("steps", 1500))),
        ["unet"] = o => WithLatents(o, (work, latents) => UNetStage.Run(work, new Sampler(work.Data), latents,
            o.Get("steps", 5000), o.Get("batch", 16),
                model => Sheets.Samples(work, model, latents.ScalingFactor, o.Get("out", "data/preview.png")))),
        ["clip"] = o => Open(o, work => ClipStage.Run(work, new Sampler(work.Data), o.Get("steps", 1500), o.Get("batch", 64))),
        ["decoder"] = o =>
            WithLatents(o, (work, latents) => DecoderStage.Run(work, new Sampler(work.Data), latents, o.Get("steps", 4000))),
        ["export"] = o => WithLatents(o, (work, latents) => ExportStage.Run(work, latents.ScalingFactor, o.Get("out", "models"))),
        ["samples"] = o => Open(o, work => SampleSheet.Run(work, o.Get("models", "models"),
            File.ReadLines(o.Get("prompts", "prompts/animals-training.txt")).Where(l => l.Length > 0 && l[0] != '#').ToList(),
            double.Parse(o.Get("guidance", "3")), o.Get("out", "data/samples.png"))),
        ["heads"] = o => Open(o, work => HeadStage.Run(work, o.Get("steps", 1500))),
    };

    public static IEnumerable<string> Names => Stages.Keys;

    public static int Run(string stage, IReadOnlyList<string> arguments)
    {
        var options = new CommandOptions(arguments, "data", "work", "steps", "batch", "threads", "out", "models", "prompts",
            "guidance");
        set_num_threads(options.Get("threads", 1));
        Stages[stage](options);
        return 0;
    }

    private static void Open(CommandOptions options, Action<Workspace> run) =>
        run(Workspace.Open(options.Get("work", "data/pretraining"), options.Get("data", "data/emoji32.bin")));

    private static void WithLatents(CommandOptions options, Action<Workspace, Latents> run) => Open(options, work =>
    {
        var vae = VaeStage.Load(work);
        using var latents = Latents.Encode(work, vae);
        Console.WriteLine($"latents: scaling factor {latents.ScalingFactor:F4}, reconstruction {VaeStage.Psnr(work, vae):F1} dB");
        run(work, latents);
    });
}
