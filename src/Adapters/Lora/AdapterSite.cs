namespace AlignProp.Adapters;

/// <summary>What a layer with a LoRA branch computes.</summary>
public enum SiteKind
{
    /// <summary>Weights [out, in].</summary>
    Linear,

    /// <summary>A 1 x 1 convolution, weights [out, in, 1, 1].</summary>
    Pointwise,

    /// <summary>A larger kernel, e.g. 3 x 3, weights [out, in, kh, kw].</summary>
    Convolution,
}

/// <summary>A layer that can carry a LoRA branch, and what each tool calls it.</summary>
/// <param name="Component">The denoiser's folder in diffusers' layout: unet, transformer.</param>
/// <param name="Module">Path in diffusers' names, e.g. <c>mid_block.attentions.0.transformer_blocks.0.attn1.to_q</c>.</param>
/// <param name="Shape">Of the layer's weights, see <see cref="SiteKind"/>.</param>
public sealed record AdapterSite(string Component, string Module, IReadOnlyList<int> Shape)
{
    public SiteKind Kind => Shape.Count == 2 ? SiteKind.Linear : Shape.Skip(2).All(size => size == 1) ? SiteKind.Pointwise
        : SiteKind.Convolution;

    /// <summary>
    /// Path in the names of the family's first code (of a UNet CompVis':
    /// <c>input_blocks.4.1.transformer_blocks.0.attn1.to_q</c>), which single-file checkpoints and kohya's scripts for SDXL have;
    /// null where there is none.
    /// </summary>
    public string? Original { get; init; }

    /// <summary>Outputs, or channels.</summary>
    public int Out => Shape[0];

    /// <summary>What one output looks at: inputs, or channels times the kernel's size.</summary>
    public int Inputs => Shape.Skip(1).Aggregate(1, (x, y) => x * y);

    /// <summary>What <c>lora.targets</c> calls it: the last name of the path, with the number after it (to_out.0).</summary>
    public string Ending => EndingOf(Module);

    /// <summary>Without <c>.lora.down.weight</c>.</summary>
    public string Diffusers => $"{Component}.{Module}";

    /// <summary>Without <c>.lora_A.weight</c>.</summary>
    public string Peft => PeftPrefix + Module;

    /// <summary>Without <c>.lora_down.weight</c>. kohya's scripts say unet of every denoiser.</summary>
    public string Kohya => KohyaPrefix + Module.Replace('.', '_');

    /// <summary>Every name that a key of some tool may have for it, without the tool's prefix.</summary>
    internal IEnumerable<string> Names =>
        new[] { Module, Original }.OfType<string>().SelectMany(n => new[] { n, n.Replace('.', '_') });

    internal const string PeftPrefix = "base_model.model.";
    internal const string KohyaPrefix = "lora_unet_";

    /// <summary>The branch's A: [r, in], of a convolution [r, in, kh, kw].</summary>
    public int[] DownShape(int rank) => [rank, .. Shape.Skip(1)];

    /// <summary>The branch's B: [out, r], of a convolution [out, r, 1, 1].</summary>
    public int[] UpShape(int rank) => [Out, rank, .. Shape.Skip(2).Select(_ => 1)];

    /// <summary>Numbers in a branch of a rank.</summary>
    public long Parameters(int rank) => (long)rank * (Inputs + Out);

    /// <summary>
    /// Inputs and outputs of an adapter's branch for this module where they are not this layer's ("99 to 128"); null where they
    /// are.
    /// </summary>
    /// <remarks>
    /// A 1 x 1 convolution and a linear layer of the same sizes hold the same numbers, and files have the one for the other.
    /// </remarks>
    /// <exception cref="KeyNotFoundException">The adapter has none.</exception>
    public string? Misfit(LoraWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        int inputs = weights[LoraNames.Down(Module)].Values.Length / weights.Rank,
            outputs = weights[LoraNames.Up(Module)].Shape[0];
        return outputs == Out && inputs == Inputs ? null : $"{inputs} to {outputs}";
    }

    /// <summary>
    /// Whether A of these sizes fits: [r, in] and [r, in, 1, 1] for a linear layer and for a 1 x 1 convolution, whose numbers are
    /// the same; [r, in, kh, kw] for a larger kernel.
    /// </summary>
    internal bool FitsDown(IReadOnlyList<long> shape) =>
        WithoutOnes(shape).Skip(1).SequenceEqual(WithoutOnes([.. Shape.Select(size => (long)size)]).Skip(1));

    /// <summary>Whether B of these sizes fits: [out, r] or [out, r, 1, 1].</summary>
    internal bool FitsUp(IReadOnlyList<long> shape) => WithoutOnes(shape) is [var outputs, _] && outputs == Out;

    /// <summary>Sizes without the ones of a 1 x 1 kernel.</summary>
    internal static IReadOnlyList<long> WithoutOnes(IReadOnlyList<long> shape) =>
        shape.Count > 2 && shape.Skip(2).All(size => size == 1) ? [.. shape.Take(2)] : shape;

    /// <summary>PEFT's rule: the whole path, or its end after a dot.</summary>
    public bool EndsIn(string ending) => Module == ending || Module.EndsWith("." + ending, StringComparison.Ordinal);

    public bool Equals(AdapterSite? other) =>
        other is not null && Component == other.Component && Module == other.Module && Shape.SequenceEqual(other.Shape);

    public override int GetHashCode() => HashCode.Combine(Component, Module);

    public override string ToString() => $"{Diffusers} [{string.Join(", ", Shape)}]";

    internal static string EndingOf(string module)
    {
        var parts = module.Split('.');
        return parts.Length > 1 && parts[^1].All(char.IsAsciiDigit) ? $"{parts[^2]}.{parts[^1]}" : parts[^1];
    }
}
