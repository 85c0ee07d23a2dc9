using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Files;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>What a head's number means.</summary>
public enum HeadKind
{
    /// <summary>A preference score, trained pairwise as HPS is (Bradley-Terry); higher is preferred.</summary>
    Preference,

    /// <summary>Size of the image as a JPEG, in kilobytes.</summary>
    JpegSize,

    /// <summary>Probability that a concept is shown.</summary>
    Detector,
}

/// <summary>
/// A small MLP on the L2-normalised image features of a CLIP model. Folder: config.json
/// <c>{"kind", "clip": "../emoji-clip", "hidden": [..], "concept"}</c> and head.safetensors.
/// </summary>
public sealed class HeadReward : IReward
{
    private readonly ClipEmbedder _clip;
    private readonly RewardHead _head;
    private readonly HeadKind _kind;

    public HeadReward(ClipEmbedder clip, RewardHead head, HeadKind kind)
    {
        (_clip, _head, _kind) = (clip, head, kind);
    }

    /// <exception cref="ModelFileException">A file is missing, damaged or of another shape.</exception>
    public static HeadReward Load(string folder, Device device, ScalarType dtype)
    {
        var path = Path.Combine(folder, "config.json");
        var json = JsonConfig.Load(path);
        var kind = json.Text("kind", "") switch
        {
            "preference" => HeadKind.Preference,
            "jpeg-size" => HeadKind.JpegSize,
            "detector" => HeadKind.Detector,
            var other => throw new ModelFileException($"{path}: kind = \"{other}\", expected preference, jpeg-size or detector"),
        };
        var clip = ClipEmbedder.Load(Path.Combine(folder, json.Text("clip", ".")), device, dtype, antialias: true);
        var head = Weights.Load(new RewardHead(clip.Width, json.Ints("hidden", [])), Path.Combine(folder, "head.safetensors"));
        head.to(device);
        return new HeadReward(clip, head, kind);
    }

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var output = _head.forward(_clip.Images(images));
        return (_kind == HeadKind.Detector ? output.sigmoid() : output).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        return _clip.Images(images);
    }

    public void Dispose()
    {
        _clip.Dispose();
        _head.Dispose();
    }
}

/// <summary>Linear layers with GELU between them, one output.</summary>
public sealed class RewardHead : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers;

    public RewardHead(int features, IReadOnlyList<int> hidden) : base(nameof(RewardHead))
    {
        int[] widths = [features, .. hidden, 1];
        layers = new ModuleList<Linear>(widths.Zip(widths.Skip(1), (a, b) => nn.Linear(a, b)).ToArray());
        RegisterComponents();
    }

    /// <param name="x">[B, features].</param>
    /// <returns>[B].</returns>
    public override Tensor forward(Tensor x)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            x = layers[i].forward(i == 0 ? x : nn.functional.gelu(x));
        }
        return x.squeeze(-1);
    }
}
