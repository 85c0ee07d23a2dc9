using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Adapters.Inspection;
using AlignProp.Cli.Display;

namespace AlignProp.Cli.Commands;

/// <summary>
/// <c>inspect PATH</c>: what a file or folder is, parameters per part, and what is missing or not finite. Needs no torch.
/// </summary>
internal static class InspectCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Command Create(TextWriter output)
    {
        var path = new Argument<string>("path")
        {
            Description = "A diffusers folder, a folder of one model, a file of weights "
            + "(safetensors, .bin, .pt, .pth, .ckpt), a LoRA, or a run."
        };
        var hash = new Option<bool>("--hash")
        { Description = "SHA-256 of every file that is read (of gigabytes: takes a while)." };
        var json = new Option<bool>("--json") { Description = "For scripts." };
        var command = new Verb("inspect", "Says what a model file or folder is and what it lacks.",
            "alignprop inspect models/emoji-diffusion")
        {
            path, hash, json,
        };
        command.SetAction(parsed =>
        {
            var place = parsed.GetValue(path)!;
            var inspection = WithNumbers(Inspector.Inspect(place), place);
            var hashes = parsed.GetValue(hash) ? Hashes(place, inspection) : null;
            if (parsed.GetValue(json))
            {
                output.WriteLine(
                    JsonSerializer.Serialize(new
                    {
                        inspection.Path,
                        inspection.Kind,
                        inspection.Parts,
                        Facts = inspection.Facts.DistinctBy(f => f.Key).ToDictionary(f => f.Key, f => f.Value),
                        inspection.Problems,
                        inspection.Metadata,
                        Sha256 = hashes
                    }, Json));
            }
            else
            {
                InspectionView.Write(output, inspection, hashes);
            }
            return inspection.Problems.Count == 0 ? 0 : 2;
        });
        return command;
    }

    /// <summary>A LoRA's numbers are looked at where it is read as one.</summary>
    private static Inspection WithNumbers(Inspection inspection, string path) => inspection.Parts.Any(p => p.What == "LoRA")
        ? inspection
        : inspection with { Problems = [.. inspection.Problems, .. FiniteFiles.Problems(path).Select(p => p.Message)] };

    private static SortedDictionary<string, string> Hashes(string path, Inspection inspection)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (var file in inspection.Parts.SelectMany(p =>
            p.Files.Select(f => File.Exists(Path.Combine(folder, p.Name, f)) ? Path.Combine(p.Name, f) : f)).Distinct())
        {
            try
            {
                using var stream = File.OpenRead(Path.Combine(folder, file));
                hashes[file] = Convert.ToHexStringLower(SHA256.HashData(stream));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new WeightFileException(Path.Combine(folder, file), null, $"cannot be read: {e.Message}", e);
            }
        }
        return hashes;
    }
}
