using System.CommandLine;
using System.Globalization;
using AlignProp.Adapters.Planning;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Pictures;

/// <summary>How pictures are made: as the run of the adapter made them, unless the command line says otherwise.</summary>
internal sealed class PictureSettings
{
    private readonly Option<string?> _model = new(
        "--model")
    {
        Description =
        "Diffusers folder or single-file checkpoint; default: the run's, else models/emoji-diffusion."
    };
    private readonly Option<string?> _tokenizer =
        new("--tokenizer") { Description = "For a single file: folder with vocab.json and merges.txt; default: the run's." };
    private readonly Option<int?> _steps = new("--steps") { Description = "DDIM steps; default: the run's, else 20." };
    private readonly Option<double?> _guidance =
        new("--guidance") { Description = "Guidance scale, 1 or more; default: the run's, else 3." };
    private readonly Option<string?> _negative = new("--negative") { Description = "Negative prompt." };
    private readonly Option<string?> _size = new("--size") { Description = "HEIGHTxWIDTH in pixels; default: the model's own." };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_model, _tokenizer, _steps, _guidance, _negative, _size])
        {
            command.Add(option);
        }
    }

    /// <param name="runs">Run of an adapter that is to be drawn with; null = none is a run.</param>
    /// <returns>A request without items, variants and rewards, its run file, and what the model is.</returns>
    /// <exception cref="ConfigException">A value is out of range, or the model's files are not right.</exception>
    public (PictureRequest Request, RunConfig Config, ModelPlan Plan) Read(ParseResult parsed, RunDirectory? runs, string folder)
    {
        var config = RunFile.Load(runs?.Config ?? RunFile.Default, []);
        var (path, sampling) = (parsed.GetValue(_model) ?? config.Model.Path, config.Sampling);
        var model = config.Model with
        {
            Path = ProjectFolder.Resolve(path),
            Tokenizer = ProjectFolder.Resolve(parsed.GetValue(_tokenizer) ?? config.Model.Tokenizer),
        };
        var plan = ModelFolderCheck.Model(model.Path, model.Tokenizer, model.Prediction);
        var (height, width) = Size(parsed.GetValue(_size)) ?? (sampling.Height, sampling.Width);
        ModelFolderCheck.Size(plan, height, width);
        config = config with
        {
            Model = model,
            Sampling = sampling with
            {
                Steps = InRange("--steps", parsed.GetValue(_steps) ?? sampling.Steps, 1, 1000),
                GuidanceScale = InRange("--guidance", parsed.GetValue(_guidance) ?? sampling.GuidanceScale, 1, 100),
                Height = height,
                Width = width,
                NegativePrompt = parsed.GetValue(_negative) ?? sampling.NegativePrompt,
            },
        };
        var text = RunFileWriter.Render(config, Path.GetFullPath);
        return (new PictureRequest(text, runs is null ? 0 : config.Model.ThreadsPerShard, [], [], [], folder), config, plan);
    }

    /// <summary>Says what of the pictures is not as it is written: settings that are corrected, prompts that are cut.</summary>
    public static void Note(TextWriter error, ModelPlan plan, PictureRequest request, RunConfig config)
    {
        IEnumerable<string> prompts = [.. request.Items.Select(i => i.Prompt), config.Sampling.NegativePrompt];
        foreach (var line in plan.Notices.Concat(PromptCuts.Of(plan, prompts, request.Rewards.Select(r => r.Term))))
        {
            error.WriteLine(line);
        }
    }

    /// <exception cref="ConfigException">It is not.</exception>
    public static T InRange<T>(string option, T value, T min, T max) where T : IComparable<T> => value.CompareTo(min) >= 0
        && value.CompareTo(max) <= 0
        ? value
        : throw new ConfigException(string.Create(CultureInfo.InvariantCulture, $"{option} {value}: expected {min} to {max}"));

    private static (int, int)? Size(string? text)
    {
        if (text is null)
        {
            return null;
        }
        var parts = text.Split('x');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var h)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var w) && h > 0 && w > 0
            ? (h, w)
            : throw new ConfigException($"--size {text}: expected HEIGHTxWIDTH in pixels, e.g. 512x768");
    }
}
