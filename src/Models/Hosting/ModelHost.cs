using AlignProp.Adapters;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Hosting;

/// <summary>
/// A model on a device with what it is used with: the reward it is trained on, rewards it is measured by, the LoRA branches of a
/// run.
/// </summary>
public sealed class ModelHost : IDisposable
{
    private readonly IReward? _reward;
    private readonly LoraInjection? _lora;

    private ModelHost(TextToImage model, IReward? reward, IReadOnlyList<IReward> measures, LoraInjection? lora) =>
        (Model, _reward, Measures, _lora) = (model, reward, measures, lora);

    public TextToImage Model { get; }

    /// <summary>What is trained on: up is always better.</summary>
    public IReward Reward => _reward ?? throw new InvalidOperationException("the model was loaded without a reward");

    /// <summary>Rewards beside it.</summary>
    public IReadOnlyList<IReward> Measures { get; }

    /// <summary>The trained weights; zeros until some are loaded.</summary>
    public LoraInjection Lora => _lora ?? throw new InvalidOperationException("the model was loaded without LoRA");

    /// <param name="reward">Terms of the reward's sum; null = none.</param>
    /// <param name="lora">Which layers get branches; null = none.</param>
    /// <exception cref="ModelFileException">
    /// A file is not right, the precision does not run on the device, or a LoRA target matches nothing.
    /// </exception>
    public static ModelHost Load(ModelConfig config, Device device, IReadOnlyList<RewardTermConfig>? reward = null,
        IReadOnlyList<RewardTermConfig>? measures = null, LoraConfig? lora = null)
    {
        var dtype = DTypeOf(config.Precision, device);
        IReward One(RewardTermConfig term) => RewardRegistry.Load(term, device, dtype);
        var model = StableDiffusion.Load(config.Path, device, dtype, new StableDiffusionOptions(config.Tokenizer,
            config.Prediction == "auto" ? "" : config.Prediction, Enum.Parse<DecodeMode>(config.Decode, ignoreCase: true)));
        return new ModelHost(model,
            reward is null ? null
                : new WeightedReward([.. reward.Select(t => new WeightedTerm(One(t), t.Weight, t.Mean, t.Std))]),
            [.. (measures ?? []).Select(One)],
            lora is null ? null : LoraInjection.Attach(model.Denoiser, lora));
    }

    public void Dispose()
    {
        _lora?.Dispose();
        _reward?.Dispose();
        foreach (var measure in Measures)
        {
            measure.Dispose();
        }
        Model.Dispose();
    }

    private static ScalarType DTypeOf(string precision, Device device) => (precision, device.type) switch
    {
        ("fp32", _) => ScalarType.Float32,
        ("bf16", DeviceType.CUDA) => ScalarType.BFloat16,
        ("fp16", DeviceType.CUDA) => ScalarType.Float16,
        _ => throw new ModelFileException(
            $"model.precision = {precision} on {device}: expected fp32 (half precision runs on CUDA only)"),
    };
}
