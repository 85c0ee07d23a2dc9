using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Takeaway;

/// <summary>Writes an adapter in the form of another tool: one file, or a folder with its model card.</summary>
internal static class AdapterExport
{
    public const string Diffusers = "diffusers", Folded = "diffusers-folded", Peft = "peft", Kohya = "kohya", Merged = "merged";

    private const string Extension = ".safetensors";

    /// <summary>Where nothing is said: kohya's one file, a folder for the others.</summary>
    public static string DefaultPath(string format, string name) => format == Kohya ? $"{name}.kohya{Extension}"
        : $"{name}-{format}";

    /// <returns>The files that were written, the card last.</returns>
    /// <exception cref="ConfigException">
    /// The format cannot be a single file, or needs a model; the place cannot be written to; the adapter does not fit the model.
    /// </exception>
    public static IReadOnlyList<string> Write(AdapterSource source, BaseModel model, string format, string path, DType dtype)
    {
        // A device, a pipe or a link to a file is one file whatever its name.
        var single = path.EndsWith(Extension, StringComparison.Ordinal) || File.Exists(path);
        if (single && format is Peft or Merged)
        {
            throw new ConfigException($"--out {path}: {format} is a folder of files; give a folder");
        }
        if (format == Merged && model.Folder is null)
        {
            throw new ConfigException(
                "--format merged: --model is needed: the diffusers folder whose UNet the adapter is added to");
        }
        // What can be wrong is found before anything is written.
        var modules = model.Modules(source.Weights);
        var folder = single ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        var mine = !Directory.Exists(folder);
        try
        {
            Directory.CreateDirectory(folder);
            IReadOnlyList<string> files = [path];
            if (single)
            {
                WriteWeights(source, model, format, path, dtype, modules);
            }
            else
            {
                files = WriteFolder(source, model, format, path, dtype, modules);
            }
            if (format != Merged)
            {
                var sites = model.Folder is null ? null : LoraLayoutReader.Read(model.Folder);
                ExportProof.Require(path, source.Weights, dtype, sites);
            }
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"--out {path}: cannot be written to ({e.Message})");
        }
        catch (Exception e) when (e is LoraShapeException or NonFiniteException)
        {
            throw new ConfigException($"{source.Name} as {format}: {e.Message}");
        }
        finally
        {
            // Refused: nothing of it stays.
            if (mine && Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
            {
                Directory.Delete(folder);
            }
        }
    }

    private static List<string> WriteFolder(AdapterSource source, BaseModel model, string format, string folder, DType dtype,
        IReadOnlyCollection<string>? modules)
    {
        List<string> files = [];
        string In(string name)
        {
            files.Add(Path.Combine(folder, name));
            return files[^1];
        }

        switch (format)
        {
            case Diffusers or Folded:
                WriteWeights(source, model, format, In(DiffusersLoraFormat.FileName), dtype, modules);
                break;
            case Kohya:
                WriteWeights(source, model, format, In(source.Name + Extension), dtype, modules);
                break;
            case Peft:
                PeftLoraFormat.Write(folder, source.Weights, model.Name, modules, dtype);
                In(PeftLoraFormat.FileName);
                In(PeftLoraFormat.ConfigName);
                break;
            default:
                var config = File.ReadAllBytes(Path.Combine(model.Folder!, "unet", "config.json"));
                using (var unet = WeightFiles.Open(SiteReader.DenoiserFile(model.Folder!)))
                {
                    WeightMerger.Write(In("diffusion_pytorch_model.safetensors"), unet, source.Weights);
                }
                DurableFile.Replace(In("config.json"), stream => stream.Write(config));
                break;
        }
        return [.. files, .. ModelCardFolder.Write(folder, source, model, format, dtype, files)];
    }

    private static void WriteWeights(AdapterSource source, BaseModel model, string format, string path, DType dtype,
        IReadOnlyCollection<string>? modules)
    {
        switch (format)
        {
            case Diffusers:
                DiffusersLoraFormat.WriteWithStrength(path, source.Weights, modules, dtype);
                break;
            case Folded:
                DiffusersLoraFormat.WriteFolded(path, source.Weights, dtype);
                break;
            default:
                KohyaLoraFormat.Write(path, source.Weights, dtype, KohyaMetadata(source, model));
                break;
        }
    }

    private static Dictionary<string, string> KohyaMetadata(AdapterSource source, BaseModel model)
    {
        var metadata = new Dictionary<string, string>
        {
            ["ss_base_model_version"] = model.KohyaVersion ?? model.Name,
            ["ss_v2"] = model.KohyaVersion is "sd_v2" or "sd_v2_v" ? "True" : "False",
            ["ss_sd_model_name"] = model.Name,
            ["ss_output_name"] = source.Name,
            ["modelspec.architecture"] = $"{model.Architecture ?? model.Name}/lora",
            ["modelspec.implementation"] = "diffusers",
            ["modelspec.title"] = source.Name,
            ["modelspec.prediction_type"] = model.Prediction == "v_prediction" ? "v" : "epsilon",
        };
        if (source.Run is { } run)
        {
            metadata["ss_steps"] = $"{run.LastStep}";
            metadata["ss_learning_rate"] = run.Value("optimizer.learning-rate");
            metadata["ss_seed"] = run.Value("seed");
        }
        return metadata;
    }
}
