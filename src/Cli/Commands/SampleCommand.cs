using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Pictures;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Commands;

/// <summary><c>sample PROMPT</c>: pictures with or without adapters, in a GpuNode process of its own.</summary>
internal static class SampleCommand
{
    public static Command Create(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        var prompts = new Argument<string[]>("prompt")
        {
            Description = "One prompt or several: a row each.",
            Arity = ArgumentArity.OneOrMore
        };
        var (settings, adapters) = (new PictureSettings(), new AdapterSettings());
        var seed = new Option<int>("--seed")
        {
            Description = "Seed of the first picture's noise; the same seed is the same picture.",
            DefaultValueFactory = _ => 0
        };
        var count = new Option<int>("--count")
        {
            Description = "Pictures a prompt, 1 to 64, each from its own seed.",
            DefaultValueFactory = _ => 4
        };
        var withBase = new Option<bool>("--with-base") { Description = "Also a row of the same seeds without the adapter." };
        var plain = new Option<bool>("--plain") { Description = "Only the pictures, without captions." };
        var path = new Option<string>("--out") { Description = "PNG file.", DefaultValueFactory = _ => "sample.png" };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("sample", "Makes pictures of a prompt, with any adapters or none.",
            "alignprop sample \"a panda\" --adapter RUN-ID --with-base",
            "alignprop sample \"a panda\" --adapter RUN-ID --lora-scale 0.6 --lora-from 0.7 --lora-to 0.0",
            "alignprop sample \"a cat\" \"a dog\" --adapter a.safetensors --adapter b.safetensors --weights 0.7,0.3")
        {
            prompts, seed, count, withBase, plain, path, runs, json,
        };
        adapters.AddTo(command);
        settings.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using var studio = new PictureStudio();
            var each = PictureSettings.InRange("--count", parsed.GetValue(count), 1, 64);
            var (empty, config, plan) = settings.Read(parsed, adapters.Run(parsed, parsed.GetValue(runs)!), studio.Folder);
            var variant = adapters.Read(parsed,
                new AdapterPlace(parsed.GetValue(runs)!, config.Model.Path, studio.Folder, error));
            var texts = parsed.GetValue(prompts)!;
            List<PictureVariant> variants = parsed.GetValue(withBase) && variant.Adapter is not null
                ? [new PictureVariant("base model", null), variant] : [variant];
            var request = empty with
            {
                Items = Items(texts, (ulong)parsed.GetValue(seed), each),
                Variants = variants,
                Threads = 0
            };
            PictureSettings.Note(error, plan, request, config);
            var result = await studio.DrawAsync(request, error, interrupted);
            var rows = result.Pictures.Chunk(each).Select(row => new SheetRow(
                $"{request.Items[row[0].Item].Prompt}   {variants[row[0].Variant].Label}",
                    [.. row.Select((p, i) =>
                    new SheetCell(studio.Bytes(p), $"picture {i + 1} of seed {parsed.GetValue(seed)}"))]));
            var file = parsed.GetValue(path)!;
            Save(file, () => PictureSheet.Write(file, [.. rows], !parsed.GetValue(plain)));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output,
                    new
                    {
                        File = file,
                        config.Sampling.Steps,
                        Guidance = config.Sampling.GuidanceScale,
                        Variants = variants.Select(v => new { v.Label, v.Scale, v.From, v.To }),
                        Prompts = texts,
                        Count = each,
                        Seed = parsed.GetValue(seed)
                    });
                return;
            }
            output.WriteLine(file);
        });
        return command;
    }

    /// <summary>A picture's seed depends on the seed and its number, not on the prompt: prompts can be compared.</summary>
    internal static IReadOnlyList<ShardSample> Items(IReadOnlyList<string> prompts, ulong seed, int count) =>
        [.. prompts.SelectMany(p => Enumerable.Range(0, count)
            .Select(i =>
            new ShardSample(p, Seeds.Derive(seed, 0, i, Seeds.Noise), Seeds.Derive(seed, 0, i, Seeds.VarianceNoise))))];

    /// <exception cref="ConfigException">The file cannot be written.</exception>
    internal static void Save(string file, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"--out {file}: cannot be written ({e.Message})");
        }
    }
}
