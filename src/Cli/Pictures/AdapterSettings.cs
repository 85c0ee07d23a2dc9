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

    /// <summary>The first run of <c>--adapter</c>, whose settings pictures are made with; null = none is a run.</summary>
    public RunDirectory? Run(ParseResult parsed, string runs) => RunOf(Names(parsed), runs);

    /// <summary>The first run of some names.</summary>
    public static RunDirectory? RunOf(IEnumerable<string> names, string runs) =>
        names.Where(n => n != None).Select(n => AdapterSource.RunOf(runs, n)).FirstOrDefault(r => r is not null);

    /// <summary>The adapters of <c>--adapter</c> as one.</summary>
    /// <inheritdoc cref="Variant(ParseResult, string, AdapterPlace)" path="/exception"/>
    public PictureVariant Read(ParseResult parsed, AdapterPlace place)
    {
        var names = Names(parsed);
        if (parsed.GetValue(_weights) is { } text && names.Count == 0)
        {
            throw new ConfigException($"--weights {text}: there is no --adapter to weigh");
        }
        if (names.Count <= 1)
        {
            var weight = parsed.GetValue(_weights) is { } one ? AdapterMix.Numbers("--weights", one, 1)[0] : 1;
            var variant = Variant(parsed, names.FirstOrDefault() ?? None, place);
            return variant with { Scale = variant.Scale * weight };
        }
        var weights = parsed.GetValue(_weights) is { } given ? AdapterMix.Numbers("--weights", given, names.Count)
            : [.. names.Select(_ => 1.0)];
        var sources = names.Select(place.Find).ToList();
        var file = Path.Combine(place.Folder, "sum.safetensors");
        AdapterMix.Of([.. sources.Select(s => s.Weights).Zip(weights)], "outputs").Save(file);
        var label = string.Join(" + ",
            sources.Zip(weights).Select(p => FormattableString.Invariant($"{p.Item2} {p.Item1.Name}")));
        return Ranged(parsed, new PictureVariant(label, file));
    }

    /// <summary>One adapter, copied into the folder as the node reads it.</summary>
    /// <exception cref="ConfigException">There is no such adapter, or a number is out of range.</exception>
    public PictureVariant Variant(ParseResult parsed, string name, AdapterPlace place)
    {
        return name == None ? new PictureVariant("base model", null)
            : Variant(parsed, place.Find(name), place.Folder);
    }

    /// <inheritdoc cref="Variant(ParseResult, string, AdapterPlace)"/>
    public PictureVariant Variant(ParseResult parsed, AdapterSource source, string folder)
    {
        var file = Path.Combine(folder, $"{Guid.NewGuid():N}.safetensors");
        source.Weights.Save(file);
        return Ranged(parsed, new PictureVariant(source.Name, file));
    }

    private List<string> Names(ParseResult parsed) => [.. (parsed.GetValue(_adapter) ?? []).Where(a => a != None)];

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
