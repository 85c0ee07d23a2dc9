using System.CommandLine;
using System.Globalization;
using AlignProp.Cli.Options;
using AlignProp.Cli.Takeaway;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Pictures;

/// <summary>Which adapters to draw with, how strongly, and at which timesteps.</summary>
internal sealed class AdapterSettings
{
    /// <summary>Stands for the base model.</summary>
    public const string None = "none";

    private readonly Option<string[]> _adapter = new(
        "--adapter")
    {
        Description =
        "Run id, or LoRA file or folder of any tool, or none; may repeat: their outputs are summed."
    };
    private readonly Option<string?> _weights =
        new("--weights") { Description = "One weight an --adapter, with commas between; default: 1 each." };
    private readonly Option<double> _scale = new(
        "--lora-scale")
    {
        Description = "Factor on what the adapter adds: 1 as trained, 0 nothing.",
        DefaultValueFactory = _ => 1
    };
    private readonly Option<string> _from = new(
        "--lora-from")
    {
        Description = "The adapter is active between two timesteps: this one ...",
        DefaultValueFactory = _ => "1000"
    };
    private readonly Option<string> _to = new(
        "--lora-to")
    {
        Description = "... and this one. 1000 is pure noise, 0 the picture; or fractions, 1.0 to 0.0.",
        DefaultValueFactory = _ => "0"
    };

    public AdapterSettings() => _adapter.CompletionSources.Add(_ =>
        [None, .. Interactive.Words.Runs(RunOptions.DefaultRuns), .. Interactive.Words.Files(".safetensors")]);

    public void AddTo(Command command, bool adapters = true)
    {
        foreach (var option in adapters ? (Option[])[_adapter, _weights, _scale, _from, _to] : [_scale, _from, _to])
        {
            command.Add(option);
        }
    }

    /// <summary>The adapters of <c>--adapter</c> as one.</summary>
    /// <inheritdoc cref="Variant(ParseResult, string, string, string)" path="/exception"/>
    public (PictureVariant Variant, RunDirectory? Run) Read(ParseResult parsed, string runs, string folder)
    {
        var names = (parsed.GetValue(_adapter) ?? []).Where(a => a != None).ToList();
        if (parsed.GetValue(_weights) is { } text && names.Count == 0)
        {
            throw new ConfigException($"--weights {text}: there is no --adapter to weigh");
        }
        if (names.Count <= 1)
        {
            var weight = parsed.GetValue(_weights) is { } one ? AdapterMix.Numbers("--weights", one, 1)[0] : 1;
            var (variant, run) = Variant(parsed, names.FirstOrDefault() ?? None, runs, folder);
            return (variant with { Scale = variant.Scale * weight }, run);
        }
        var weights = parsed.GetValue(_weights) is { } given ? AdapterMix.Numbers("--weights", given, names.Count)
            : [.. names.Select(_ => 1.0)];
        var sources = names.Select(n => AdapterSource.Find(runs, n)).ToList();
        var file = Path.Combine(folder, "sum.safetensors");
        AdapterMix.Of([.. sources.Select(s => s.Weights).Zip(weights)], "outputs").Save(file);
        var label = string.Join(" + ",
            sources.Zip(weights).Select(p => FormattableString.Invariant($"{p.Item2} {p.Item1.Name}")));
        return (Ranged(parsed, new PictureVariant(label, file)), sources.FirstOrDefault(s => s.Run is not null)?.Run?.Directory);
    }

    /// <summary>One adapter, copied into the folder as the node reads it.</summary>
    /// <exception cref="ConfigException">There is no such adapter, or a number is out of range.</exception>
    public (PictureVariant Variant, RunDirectory? Run) Variant(ParseResult parsed, string name, string runs, string folder)
    {
        if (name == None)
        {
            return (new PictureVariant("base model", null), null);
        }
        var source = AdapterSource.Find(runs, name);
        var file = Path.Combine(folder, $"{Guid.NewGuid():N}.safetensors");
        source.Weights.Save(file);
        return (Ranged(parsed, new PictureVariant(source.Name, file)), source.Run?.Directory);
    }

    private PictureVariant Ranged(ParseResult parsed, PictureVariant variant)
    {
        var scale = PictureSettings.InRange("--lora-scale", parsed.GetValue(_scale), -10, 10);
        var (a, b) = (Timestep("--lora-from", parsed.GetValue(_from)!), Timestep("--lora-to", parsed.GetValue(_to)!));
        var label = variant.Label + (scale == 1 ? "" : FormattableString.Invariant($" x {scale}")) + (a is 1000 && b is 0 ? ""
            : FormattableString.Invariant($", t {Math.Max(a, b)} to {Math.Min(a, b)}"));
        return variant with { Label = label, Scale = scale, From = Math.Min(a, b), To = Math.Max(a, b) };
    }

    /// <summary>A whole number is a timestep, one with a point a fraction.</summary>
    internal static double Timestep(string option, string text)
    {
        var ok = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value);
        var timestep = text.Contains('.', StringComparison.Ordinal) ? value * 1000 : value;
        return ok && timestep is >= 0 and <= 1000 ? timestep
            : throw new ConfigException($"{option} {text}: expected a timestep, 0 to 1000, or a fraction, 0.0 to 1.0");
    }
}
