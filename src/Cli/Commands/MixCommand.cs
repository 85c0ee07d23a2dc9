using System.CommandLine;
using System.Globalization;
using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Pictures;
using AlignProp.Cli.Takeaway;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>mix A B 0.5</c>: one adapter of several, the paper's way of steering between rewards.</summary>
internal static class MixCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var sources = new Argument<string[]>("adapters")
        {
            Description =
            "Run ids, or LoRA files or folders of any tool; of two, then the share of the second, 0 to 1.",
            Arity = ArgumentArity.OneOrMore
        };
        sources.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        var weights = new Option<string?>("--weights")
        { Description = "One weight an adapter, with commas between: 0.5,0.3,0.2." };
        var method = new Option<string>("--method")
        {
            Description =
            "parameters (the paper's: A and B are mixed) or outputs (what the adapters add is summed; the rank grows).",
            DefaultValueFactory = _ => "parameters"
        };
        var path = new Option<string>("--out")
        {
            Description = "LoRA file with diffusers names.",
            DefaultValueFactory = _ => "mix.safetensors"
        };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("mix", "Mixes adapters of one base model into one.",
            "alignprop mix RUN-A RUN-B 0.5",
            "alignprop mix a.safetensors b.safetensors RUN-C --weights 0.5,0.3,0.2 --out mixed.safetensors")
        {
            sources, weights, method, path, runs, json,
        };
        command.SetAction(parsed =>
        {
            var parts = Parts(new AdapterPlace(parsed.GetValue(runs)!, null, "", error), [.. parsed.GetValue(sources)!],
                parsed.GetValue(weights));
            var mixed = AdapterMix.Of([.. parts.Select(p => (p.Source.Weights, p.Weight))], parsed.GetValue(method)!);
            var file = parsed.GetValue(path)!;
            try
            {
                DiffusersLoraFormat.Write(file, mixed);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigException($"--out {file}: cannot be written ({e.Message})");
            }
            catch (NonFiniteException e)
            {
                throw new ConfigException($"these adapters cannot be mixed: {e.Message}");
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output,
                    new
                    {
                        File = file,
                        mixed.Rank,
                        mixed.Alpha,
                        mixed.Sha256,
                        Parts = parts.Select(p => new { p.Source.Name, p.Weight })
                    });
                return;
            }
            output.WriteLine(
                $"{file}   {string.Join(" + ", parts.Select(p => FormattableString.Invariant($"{p.Weight} {p.Source.Name}")))}, "
                + $"rank {mixed.Rank}");
        });
        return command;
    }

    private static List<(AdapterSource Source, double Weight)> Parts(AdapterPlace place, List<string> words, string? weights)
    {
        // The last word may be the second adapter's share.
        double? share = null;
        if (weights is null && words.Count > 1 && !Path.Exists(words[^1])
            && double.TryParse(words[^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            share = number is >= 0 and <= 1 ? number
                : throw new ConfigException(
                $"mix {words[^1]}: expected the share of the second adapter, 0 to 1; other weights with --weights");
            words.RemoveAt(words.Count - 1);
        }
        if (words.Count < 2)
        {
            throw new ConfigException("mix: expected at least two adapters, e.g. alignprop mix RUN-A RUN-B 0.5");
        }
        if (weights is null && words.Count > 2)
        {
            throw new ConfigException(
                $"mix: {words.Count} adapters need --weights, e.g. --weights "
                + $"{string.Join(",", words.Select((_, i) => i == 0 ? "0.5" : "0.25"))}");
        }
        double[] all = weights is null ? [1 - (share ?? 0.5), share ?? 0.5]
            : AdapterMix.Numbers("--weights", weights, words.Count);
        return [.. words.Select(place.Find).Zip(all)];
    }
}
