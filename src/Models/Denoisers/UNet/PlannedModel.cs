using AlignProp.Adapters;
using AlignProp.Adapters.Planning;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;
using AlignProp.Models.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>Builds the networks of a plan and fills them: from the folders of a diffusers model, or from one file.</summary>
internal static class PlannedModel
{
    /// <exception cref="ModelFileException">
    /// The plan has problems, or a weight is missing or has another shape.
    /// </exception>
    public static TextToImage Load(ModelPlan plan, DecodeMode decode, Device device, ScalarType dtype)
    {
        plan.RequireSound();
        var (unetConfig, vaeConfig) = (plan.UNet!, plan.Vae!);
        var vaeType = vaeConfig.ForceUpcast ? ScalarType.Float32 : dtype;
        string Part(string name) => Path.Combine(plan.Path, name);

        var unetModule = Parts.Blueprint(() => new UNet2DConditionModel(unetConfig));
        var vaeModule = Parts.Blueprint(() => new AutoencoderKL(vaeConfig));
        UNet2DConditionModel unet;
        AutoencoderKL vae;
        if (plan.IsSingleFile)
        {
            var modules = LdmNames.UNetModules(new LdmLevels(unetConfig.LayersPerBlock, unetConfig.DownAttention));
            unet = Weights.Load(unetModule, plan.Path,
                key => Inside(key, LdmNames.UNetPrefix, k => LdmNames.UNet(k, modules)), device, dtype);
            vae = Weights.Load(vaeModule, plan.Path,
                key => Inside(key, LdmNames.VaePrefix, k => LdmNames.Vae(k, vaeConfig.BlockOutChannels.Length)), device, vaeType);
        }
        else
        {
            unet = Weights.Load(unetModule, Part("unet"), device: device, dtype: dtype);
            vae = Weights.Load(vaeModule, Part("vae"), PublishedNames.Vae, device, vaeType);
        }
        var prompts = new PromptEncoder([.. plan.Texts.Select(t => new TextTower(t.Tokenizer!, Text(plan, t, device, dtype)))],
            unetConfig.TextTime is null ? PromptStyle.LastHidden : PromptStyle.PenultimateWithPooled, device, plan.ZerosForEmpty);
        return StableDiffusion.Of(prompts, unet, vae, plan.Scheduler!, decode);
    }

    private static ClipTextModel Text(ModelPlan plan, PlannedText text, Device device, ScalarType dtype)
    {
        var module = Parts.Blueprint(() => new ClipTextModel(text.Config, text.HasProjection));
        return (plan.IsSingleFile, text.IsOpenClip) switch
        {
            (false, _) => Weights.Load(module, text.Place, PublishedNames.Text, device, dtype),
            (_, true) => Weights.Load(module, plan.Path, file => OpenClipLayout.Read(file, text.Place)
                .Where(s => text.Reads(s.Key)).ToDictionary(s => s.Key, s => s.Value), device, dtype),
            _ => Weights.Load(module, plan.Path, key => Inside(key, text.Place, PublishedNames.Text), device, dtype),
        };
    }

    private static string? Inside(string key, string prefix, Func<string, string> rename) =>
        key.StartsWith(prefix, StringComparison.Ordinal) ? rename(key[prefix.Length..]) : null;
}
