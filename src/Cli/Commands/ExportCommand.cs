using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Takeaway;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>export RUN|ADAPTER</c>: the adapter in the form of another tool, with a model card.</summary>
internal static class ExportCommand
{
    private static readonly string[] Formats = [AdapterExport.Diffusers, AdapterExport.Folded, AdapterExport.Peft,
        AdapterExport.Kohya, AdapterExport.Merged];
    private static readonly Dictionary<string, DType> Precisions = new()
    {
        ["fp32"] = DType.F32,
        ["fp16"] = DType.F16,
        ["bf16"] = DType.BF16
    };

    public static Command Create(TextWriter output, TextWriter error)
    {
        var source = new Argument<string>("run-or-adapter") { Description = "A run's id, or a LoRA file or folder of any tool." };
        var format = new Option<string>("--format")
        {
            Description = "diffusers (0.34 and later), diffusers-folded (older ones), peft (a folder), kohya (ComfyUI, A1111), "
                + "or merged (the UNet with the adapter added, a folder).",
            DefaultValueFactory = _ => AdapterExport.Kohya,
        };
        var path = new Option<string?>("--out")
        {
            Description = "A folder, which gets a model card too, or for diffusers and "
            + "kohya a file that ends in .safetensors. Default: RUN.kohya.safetensors, RUN-FORMAT."
        };
        var dtype = new Option<string>("--dtype")
        {
            Description = "fp32, fp16 or bf16; merged keeps the base's own.",
            DefaultValueFactory = _ => "fp32"
        };
        var model = new Option<string?>("--model")
        { Description = "Diffusers folder the adapter was made for; default: the run's." };
        var name = new Option<string?>("--base-model")
        {
            Description = "What to call the base model in the files, e.g. "
            + "stable-diffusion-v1-5/stable-diffusion-v1-5; default: the folder's name."
        };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("export", "Writes an adapter for other tools.",
            "alignprop export RUN-ID --format diffusers --out my-lora")
        {
            source, format, path, dtype, model, name, runs, json,
        };
        command.SetAction(parsed =>
        {
            var (wanted, precision) = (parsed.GetValue(format)!, parsed.GetValue(dtype)!);
            if (!Formats.Contains(wanted))
            {
                throw new ConfigException($"--format {wanted}: expected one of {string.Join(", ", Formats)}");
            }
            if (!Precisions.TryGetValue(precision, out var kind))
            {
                throw new ConfigException($"--dtype {precision}: expected one of {string.Join(", ", Precisions.Keys)}");
            }
            var given = parsed.GetValue(model) is { Length: > 0 } folder ? GivenFolder(folder) : null;
            var adapter = AdapterSource.Find(parsed.GetValue(runs)!, parsed.GetValue(source)!, given);
            var files = AdapterExport.Write(adapter, BaseModel.Of(given ?? RunsFolder(adapter), parsed.GetValue(name)), wanted,
                parsed.GetValue(path) ?? AdapterExport.DefaultPath(wanted, adapter.Name), kind);
            if (adapter.Note is not null)
            {
                error.WriteLine(adapter.Note);
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, new { Format = wanted, Files = files });
                return;
            }
            foreach (var file in files)
            {
                output.WriteLine(file);
            }
        });
        return command;
    }

    /// <exception cref="ConfigException">There is no such folder.</exception>
    private static string GivenFolder(string folder) =>
        ProjectFolder.Resolve(folder) is var found && Directory.Exists(found) ? found
            : throw new ConfigException($"--model {folder}: folder not found; expected a diffusers folder");

    /// <summary>The run's model, where it is still there.</summary>
    private static string? RunsFolder(AdapterSource adapter) => adapter.Run?.Value("model.path") is { Length: > 0 } folder
        && ProjectFolder.Resolve(folder) is var found && Directory.Exists(found) ? found : null;
}
