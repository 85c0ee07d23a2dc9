using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>The denoiser of Stable Diffusion 1, 2 and XL. Mirrors diffusers' UNet2DConditionModel, with its key names.</summary>
public sealed class UNet2DConditionModel : nn.Module<Tensor, Tensor, Tensor, Tensor>, IDenoiser
{
    private readonly LoraConv2d conv_in;
    private readonly TimestepEmbedding time_embedding;
    private readonly EmbeddingTable? class_embedding;
    private readonly TimestepEmbedding? add_embedding;
    private readonly ModuleList<DownBlock2D> down_blocks;
    private readonly UNetMidBlock? mid_block;
    private readonly ModuleList<UpBlock2D> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly LoraConv2d conv_out;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly LoraLayers _lora;

    public UNet2DConditionModel(UNetConfig config) : base(nameof(UNet2DConditionModel))
    {
        Config = config;
        _activation = Activations.Get(config.Activation);
        var channels = config.BlockOutChannels;
        var levels = channels.Length;
        conv_in = new LoraConv2d(config.InChannels, channels[0], config.ConvInKernel, padding: (config.ConvInKernel - 1) / 2);
        time_embedding = new TimestepEmbedding(channels[0], config.TimeDim, config.Activation);
        class_embedding = config.ClassCount is { } classes ? new EmbeddingTable(classes, config.TimeDim) : null;
        add_embedding = config.TextTime is { } textTime ? new TimestepEmbedding(textTime.InputWidth, config.TimeDim) : null;
        down_blocks = new ModuleList<DownBlock2D>(Enumerable.Range(0, levels)
            .Select(i => new DownBlock2D(config, i, channels[Math.Max(i - 1, 0)], channels[i])).ToArray());
        mid_block = config.MidBlock == MidBlockKind.None ? null : new UNetMidBlock(config);
        up_blocks = new ModuleList<UpBlock2D>(Enumerable.Range(0, levels).Select(i => new UpBlock2D(
            config, i,
            previous: channels[Math.Min(levels - i, levels - 1)],
            skip: channels[Math.Max(levels - 2 - i, 0)],
            channels[levels - 1 - i])).ToArray());
        conv_norm_out = Parts.GroupNorm(config.NormNumGroups, channels[0], config.NormEps);
        conv_out = new LoraConv2d(channels[0], config.OutChannels, config.ConvOutKernel, padding: (config.ConvOutKernel - 1) / 2);
        RegisterComponents();
        _lora = new LoraLayers(this, SiteReader.Component);
    }

    public UNetConfig Config { get; }

    public (int Height, int Width) SampleSize => Config.SampleSize;

    public ScalarType WeightType => conv_in.Weights.dtype;

    public Device Device => conv_in.Weights.device;

    public AdapterSites Sites => _lora.Sites;

    /// <summary>The last layer, which pretraining starts at zero.</summary>
    public LoraConv2d OutputConvolution => conv_out;

    public void SetLora(AdapterSite site, LoraBranch? branch) => _lora.SetLora(site, branch);

    public Prepared Prepare(Conditioning conditioning) => new(conditioning);

    /// <summary>The prediction in the latents' dtype, whatever the weights' is.</summary>
    public Tensor Predict(Tensor x, Tensor time, Prepared prepared)
    {
        using var scope = NewDisposeScope();
        return Predict(x.to(WeightType), time, prepared.Conditioning).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>The predicted noise (or v) of a model that is conditioned on text alone.</summary>
    /// <param name="sample">Noisy latents [B, C, H, W].</param>
    /// <param name="timestep">Scalar or [B].</param>
    /// <param name="context">Text states [B, S, cross_attention_dim].</param>
    /// <returns>[B, C, H, W].</returns>
    public override Tensor forward(Tensor sample, Tensor timestep, Tensor context) =>
        Predict(sample, timestep, new Conditioning(context));

    /// <summary>The predicted noise (or v).</summary>
    /// <param name="sample">Noisy latents [B, C, H, W].</param>
    /// <param name="timestep">Scalar or [B].</param>
    /// <param name="conditioning">Text states, and what else the configuration asks for.</param>
    /// <returns>[B, C, H, W].</returns>
    public Tensor Predict(Tensor sample, Tensor timestep, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        // Every resnet begins its time branch with the same activation: computed once.
        var time = _activation(EmbeddedTime(sample, timestep, conditioning));
        var context = conditioning.States;

        var h = conv_in.forward(Config.CenterInputSample ? sample * 2f - 1f : sample);
        var skips = new Stack<Tensor>();
        skips.Push(h);
        foreach (var block in down_blocks)
        {
            h = block.Down(h, time, context, skips);
        }
        h = mid_block is null ? h : mid_block.forward(h, time, context);
        foreach (var block in up_blocks)
        {
            h = block.Up(h, time, context, skips);
        }
        return conv_out.forward(_activation(conv_norm_out.forward(h))).MoveToOuterDisposeScope();
    }

    /// <summary>Timestep, class and SDXL's pooled text with sizes, in one embedding [B, time width].</summary>
    private Tensor EmbeddedTime(Tensor sample, Tensor timestep, Conditioning conditioning)
    {
        var timesteps = timestep.dim() == 0 ? timestep.expand(sample.shape[0]) : timestep;
        var time = time_embedding.forward(Waves(timesteps.to(sample.device), Config.BlockOutChannels[0]).to(sample.dtype));
        if (class_embedding is not null)
        {
            time = time + class_embedding.forward(conditioning.Classes ?? throw Missing("class labels", "num_class_embeds"));
        }
        if (add_embedding is not null)
        {
            var (pooled, sizes) = (conditioning.Pooled ?? throw Missing("pooled text", "addition_embed_type"), conditioning.Sizes
                ?? throw Missing("image sizes", "addition_embed_type"));
            var waves = Waves(sizes.flatten(), Config.TextTime!.TimeWidth).reshape(sizes.shape[0], -1);
            time = time + add_embedding.forward(cat([pooled.to(waves.dtype), waves], -1).to(time.dtype));
        }
        return time;
    }

    private Tensor Waves(Tensor values, int width) =>
        TimestepEmbedding.Sinusoids(values, width, Config.FlipSinToCos, Config.FreqShift);

    private static InvalidOperationException Missing(string what, string key) =>
        new($"this UNet needs {what} ({key} of its config.json)");
}
