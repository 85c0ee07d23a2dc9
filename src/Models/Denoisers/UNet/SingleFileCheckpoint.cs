using AlignProp.Adapters;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;
using AlignProp.Models.Samplers;
using AlignProp.Models.Text;
using AlignProp.Models.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>
/// One file with everything, as v1-5-pruned-emaonly.safetensors: CompVis' key layout, read into the same structures.
/// </summary>
internal static class SingleFileCheckpoint
{
    private const string HuggingFaceText = "cond_stage_model.transformer.";
    private const string OpenClipText = "cond_stage_model.model.";
    private const string XlFirstText = "conditioner.embedders.0.transformer.";
    private const string XlSecondText = "conditioner.embedders.1.model.";

    /// <summary>OpenCLIP pads with id 0.</summary>
    private const string OpenClipPad = "!";

    /// <exception cref="ModelFileException">
    /// Not such a file, no tokenizer, a structure that is not supported, or weights that do not fit.
    /// </exception>
    public static TextToImage Load(string path, StableDiffusionOptions options, Device device, ScalarType dtype)
    {
        var shapes = Shapes(path);
        var structure = new LdmStructure(shapes, path);
        bool Has(string prefix) => shapes.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal));
        var towers = structure.IsXl
            ? [new Tower(XlFirstText, structure.HuggingFaceText(XlFirstText), null, false, false),
                new Tower(XlSecondText, structure.OpenClipText(XlSecondText, penultimate: false), OpenClipPad, true, true)]
            : Has(OpenClipText)
                ? new[] { new Tower(OpenClipText, structure.OpenClipText(OpenClipText, penultimate: true), OpenClipPad, true,
                    false) }
                : [new Tower(HuggingFaceText, structure.HuggingFaceText(HuggingFaceText), null, false, false)];
        var (unetConfig, vaeConfig) = (structure.UNet(), structure.Vae());
        PartsCheck.Fit(path, unetConfig, vaeConfig, [.. towers.Select(t => t.Config)]);
        var tokenizers = towers.Select(t => Tokenizer(path, options.Tokenizer, t.Pad)).ToList();

        var modules = LdmNames.UNetModules(structure.Levels);
        var unet = Weights.Load(Parts.Blueprint(() => new UNet2DConditionModel(unetConfig)), path,
            key => Inside(key, LdmNames.UNetPrefix, k => LdmNames.UNet(k, modules)), device, dtype);
        var vae = Weights.Load(Parts.Blueprint(() => new AutoencoderKL(vaeConfig)), path,
            key => Inside(key, LdmNames.VaePrefix, k => LdmNames.Vae(k, vaeConfig.BlockOutChannels.Length)), device,
                vaeConfig.ForceUpcast ? ScalarType.Float32 : dtype);
        var prompts = new PromptEncoder(
            [.. towers.Zip(tokenizers, (t, words) => new TextTower(words, t.Load(path, device, dtype)))],
            structure.IsXl ? PromptStyle.PenultimateWithPooled : PromptStyle.LastHidden, device, zerosForEmpty: structure.IsXl);
        return StableDiffusion.Of(prompts, unet, vae, Scheduler(options.Prediction, shapes, Has(OpenClipText)), options.Decode);
    }

    /// <summary>SD's schedule; files made for v-prediction with zero terminal SNR carry empty tensors of these names.</summary>
    private static SchedulerConfig Scheduler(string prediction, Dictionary<string, long[]> shapes, bool isSd2) =>
        SchedulerConfig.StableDiffusion with
        {
            PredictionType = prediction.Length > 0 ? prediction
                : isSd2 || shapes.ContainsKey("v_pred") ? "v_prediction" : "epsilon",
            RescaleBetasZeroSnr = shapes.ContainsKey("ztsnr"),
        };

    private static ClipTokenizer Tokenizer(string path, string folder, string? pad) => folder.Length > 0
        ? ClipTokenizer.Load(folder, pad)
        : throw new ModelFileException(
            $"{path}: a single file has no tokenizer; set model.tokenizer to a folder with CLIP's vocab.json and merges.txt (the "
            + $"tokenizer folder of any Stable Diffusion)");

    private static string? Inside(string key, string prefix, Func<string, string> rename) =>
        key.StartsWith(prefix, StringComparison.Ordinal) ? rename(key[prefix.Length..]) : null;

    private static Dictionary<string, long[]> Shapes(string path)
    {
        using var file = Weights.Open(path);
        return file.Tensors.ToDictionary(t => t.Key, t => t.Value.Shape);
    }

    /// <summary>A text encoder inside the file.</summary>
    private sealed record Tower(string Prefix, ClipTextConfig Config, string? Pad, bool OpenClip, bool Projection)
    {
        public ClipTextModel Load(string path, Device device, ScalarType dtype)
        {
            var module = Parts.Blueprint(() => new ClipTextModel(Config, Projection));
            return OpenClip
                ? Weights.Load(module, path, file => Read(OpenClipLayout.Read(file, Prefix)), device, dtype)
                : Weights.Load(module, path, key => Inside(key, Prefix, k => k), device, dtype);
        }

        /// <summary>
        /// Without what the encoder does not have: the layer after the penultimate, the contrastive scale, a projection nobody
        /// reads.
        /// </summary>
        private Dictionary<string, StoredTensor> Read(IReadOnlyDictionary<string, StoredTensor> stored) => stored
            .Where(s => s.Key != "logit_scale" && (Projection || s.Key != "text_projection.weight")
                && !s.Key.StartsWith($"text_model.encoder.layers.{Config.Layers}.", StringComparison.Ordinal))
            .ToDictionary(s => s.Key, s => s.Value);
    }
}
