using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Planning;

/// <summary>
/// Reads one file with everything, as v1-5-pruned-emaonly.safetensors: CompVis' key layout, the structure read off its shapes.
/// </summary>
internal sealed class SingleFilePlanner(string path, ModelOptions options)
{
    public const string HuggingFaceText = "cond_stage_model.transformer.", OpenClipText = "cond_stage_model.model.",
        XlFirstText = "conditioner.embedders.0.transformer.", XlSecondText = "conditioner.embedders.1.model.";

    /// <summary>OpenCLIP pads with id 0.</summary>
    private const string OpenClipPad = "!";

    private const string VelocityMark = "v_pred", ZeroSnrMark = "ztsnr", ModelSpec = "modelspec.prediction_type";

    private readonly ProblemList _problems = new();

    public ModelPlan Plan()
    {
        var (tensors, metadata) = Read();
        var shapes = tensors.ToDictionary(t => t.Name, t => t.Shape, StringComparer.Ordinal);
        bool Has(string prefix) => shapes.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal));
        var structure = new LdmStructure(shapes, path);
        foreach (var (prefix, what) in new[] { (LdmNames.UNetPrefix, "UNet"), (LdmNames.VaePrefix, "VAE") }
            .Where(p => !Has(p.Item1)))
        {
            _problems.Add([$"{path}: no key begins with {prefix} (the {what}); expected a single-file Stable Diffusion "
                + "checkpoint, or a diffusers folder"]);
        }
        if (shapes.Keys.FirstOrDefault(k => k.StartsWith("edm_", StringComparison.Ordinal)) is { } edm)
        {
            _problems.Add([$"{path}: {WeightFileException.OneLine(edm, 100)}: models of EDM (Playground v2.5, CosXL) are not "
                + "supported; expected one whose noise is a table of betas"]);
        }
        var unet = Has(LdmNames.UNetPrefix) ? _problems.Try(structure.UNet) : null;
        var vae = Has(LdmNames.VaePrefix) ? _problems.Try(structure.Vae) : null;
        var isSd2 = !structure.IsXl && Has(OpenClipText);
        var texts = (structure.IsXl
            ? new[] { Text(XlFirstText, () => structure.HuggingFaceText(XlFirstText), null, false, false),
                Text(XlSecondText, () => structure.OpenClipText(XlSecondText, penultimate: false), OpenClipPad, true, true) }
            : isSd2
            ? [Text(OpenClipText, () => structure.OpenClipText(OpenClipText, penultimate: true), OpenClipPad, true, false)]
            : [Text(HuggingFaceText, () => structure.HuggingFaceText(HuggingFaceText), null, false, false)])
            .OfType<PlannedText>().ToList();
        if (unet is not null && vae is not null && texts.Count == (structure.IsXl ? 2 : 1))
        {
            _problems.Try(() => PartsCheck.Fit(path, unet, vae, [.. texts.Select(t => t.Config)]));
        }
        var (prediction, source) = Prediction(shapes, metadata, isSd2);
        return new ModelPlan
        {
            Path = path,
            IsSingleFile = true,
            Family = structure.IsXl || Has("conditioner.embedders.1.") ? "SDXL" : isSd2 ? "SD 2.x"
                : Has(HuggingFaceText) ? "SD 1.x" : "Stable Diffusion of an unknown family",
            UNet = unet,
            Vae = vae,
            Scheduler = SchedulerConfig.StableDiffusion with
            {
                PredictionType = prediction,
                RescaleBetasZeroSnr = shapes.ContainsKey(ZeroSnrMark),
            },
            PredictionSource = source,
            Markers = [.. new[] { VelocityMark, ZeroSnrMark }.Where(shapes.ContainsKey)],
            Texts = texts,
            ZerosForEmpty = structure.IsXl,
            Weights = [.. Networks(structure, unet, vae, texts)],
            Problems = _problems.All,
        };
    }

    private (IReadOnlyList<TensorInfo>, IReadOnlyDictionary<string, string>) Read()
    {
        try
        {
            using var file = WeightFiles.Open(path);
            return ([.. file.Tensors.Values], file.Metadata);
        }
        catch (WeightFileException e)
        {
            throw new ModelFileException(e.Message, e);
        }
    }

    private PlannedText? Text(string prefix, Func<ClipTextConfig> read, string? pad, bool openClip, bool projection)
    {
        var tokenizer = options.Tokenizer is null ? null : _problems.Try(() => Tokenizer(pad));
        if (_problems.Try(read) is not { } config)
        {
            return null;
        }
        if (tokenizer is not null)
        {
            _problems.Try(() => PartsCheck.Fit(options.Tokenizer!, tokenizer, config));
        }
        return new PlannedText(prefix, config, tokenizer, openClip, projection);
    }

    private ClipTokenizer Tokenizer(string? pad) => options.Tokenizer!.Length > 0
        ? ClipTokenizer.Load(options.Tokenizer, pad)
        : throw new ModelFileException(
            $"{path}: a single file has no tokenizer; set model.tokenizer to a folder with CLIP's vocab.json and merges.txt (the "
            + $"tokenizer folder of any Stable Diffusion)");

    /// <summary>Files made for v-prediction carry an empty tensor of that name, or say it in their header.</summary>
    private (string Type, string Source) Prediction(Dictionary<string, long[]> shapes,
        IReadOnlyDictionary<string, string> metadata, bool isSd2)
    {
        if (options.Prediction.Length > 0)
        {
            return (options.Prediction, "as asked for");
        }
        if (shapes.ContainsKey(VelocityMark))
        {
            return ("v_prediction", $"the file's key {VelocityMark}");
        }
        switch (metadata.GetValueOrDefault(ModelSpec))
        {
            case "v" or "v_prediction":
                return ("v_prediction", $"the header's {ModelSpec}");
            case "epsilon":
                return ("epsilon", $"the header's {ModelSpec}");
            case { } other:
                _problems.Add([$"{path}: {ModelSpec} = {WeightFileException.OneLine(other, 100)} is not supported; expected "
                    + "epsilon or v"]);
                break;
        }
        return isSd2 ? ("v_prediction", "as SD 2.1 is published; its 512-base needs model.prediction = epsilon")
            : ("epsilon", "as published");
    }

    private IEnumerable<PlannedWeights> Networks(LdmStructure structure, UNetConfig? unet, VaeConfig? vae,
        IReadOnlyList<PlannedText> texts)
    {
        if (unet is not null)
        {
            var modules = LdmNames.UNetModules(structure.Levels);
            yield return new PlannedWeights("", path, null, StructureKeys.UNet(unet),
                PlannedWeights.Inside(LdmNames.UNetPrefix, k => LdmNames.UNet(k, modules)));
        }
        if (vae is not null)
        {
            yield return new PlannedWeights("", path, null, StructureKeys.Vae(vae),
                PlannedWeights.Inside(LdmNames.VaePrefix, k => LdmNames.Vae(k, vae.BlockOutChannels.Length)));
        }
        foreach (var text in texts)
        {
            yield return new PlannedWeights("", path, null, StructureKeys.Text(text.Config, text.HasProjection), text.IsOpenClip
                ? file => OpenClipNames.Found(file.Tensors.Values, text.Place).Where(f => text.Reads(f.Name))
                : PlannedWeights.Inside(text.Place, PublishedNames.Text));
        }
    }
}
