namespace AlignProp.Adapters;

/// <summary>
/// Adds a LoRA to the weights it adapts, W' = W + alpha / r * B A, tensor by tensor, without torch: one tensor is in memory at a
/// time, whatever the model's size. Sums in fp32, rounded once to the file's own precision. A convolution's W [out, in, kh, kw]
/// is seen as [out, in * kh * kw].
/// </summary>
public static class WeightMerger
{
    /// <summary>Writes the merged weights durably as one safetensors file; keys, shapes and precisions are the base's.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="unet">The base's weights in diffusers' names: a file, or the index of its shards.</param>
    /// <param name="lora">Every module must be in the base, with these sizes.</param>
    /// <exception cref="LoraShapeException">
    /// Modules that the base does not have, or has in other sizes; all are named.
    /// </exception>
    /// <exception cref="WeightFileException">A weight of the base is not finite.</exception>
    /// <exception cref="NonFiniteException">A sum does not fit the file's precision.</exception>
    public static void Write(string path, IWeightFile unet, LoraWeights lora)
    {
        ArgumentNullException.ThrowIfNull(unet);
        ArgumentNullException.ThrowIfNull(lora);
        RequireFit(unet, lora);
        var metadata = new Dictionary<string, string>(unet.Metadata, StringComparer.Ordinal) { ["format"] = "pt" };
        SafetensorsWriter.WriteStreaming(path, [.. unet.Tensors.Values], Write, metadata);

        void Write(TensorInfo tensor, Stream stream)
        {
            unet.RequireFinite(tensor.Name);
            if (Module(tensor.Name) is { } module && lora.TryGet(LoraNames.Down(module), out var down))
            {
                var merged = Merge(unet.ReadSingles(tensor.Name), lora[LoraNames.Up(module)].Values, down.Values, lora.Rank,
                    (float)lora.Scale);
                stream.Write(LoraExport.Tensor(tensor.Name, [.. tensor.Shape.Select(s => (int)s)], merged, tensor.DType)
                    .Bytes.Span);
            }
            else
            {
                stream.Write(unet.Bytes(tensor.Name));
            }

            unet.Release(tensor.Name);
        }
    }

    /// <summary>
    /// W + scale * B A in place, fp32, W [out, in], B [out, r], A [r, in], all row-major. The products of one element are added
    /// in the order of r.
    /// </summary>
    internal static float[] Merge(float[] w, ReadOnlySpan<float> b, ReadOnlySpan<float> a, int rank, float scale)
    {
        var (inputs, outputs) = (a.Length / rank, b.Length / rank);
        var row = new float[inputs];
        for (var o = 0; o < outputs; o++)
        {
            Array.Clear(row);
            for (var k = 0; k < rank; k++)
            {
                Elementwise.AddScaled(row, a.Slice(k * inputs, inputs), b[o * rank + k]);
            }

            Elementwise.AddScaled(w.AsSpan(o * inputs, inputs), row, scale);
        }

        return w;
    }

    private static string? Module(string key) =>
        key.EndsWith(".weight", StringComparison.Ordinal) ? key[..^".weight".Length] : null;

    private static void RequireFit(IWeightFile unet, LoraWeights lora)
    {
        var odd = lora.Modules.Select(m => (Module: m, Problem: Problem(unet, lora, m))).Where(m => m.Problem is not null)
            .ToList();
        if (odd.Count > 0)
        {
            var others = odd.Count == 1 ? ""
                : $" (and {odd.Count - 1} other modules: {KeyList.Of([.. odd.Skip(1).Select(o => o.Module)], 4)})";
            throw new LoraShapeException(odd[0].Module,
                $"{odd[0].Problem} in {unet.Path}: an adapter of another model{others}");
        }
    }

    private static string? Problem(IWeightFile unet, LoraWeights lora, string module)
    {
        if (!unet.Tensors.TryGetValue(module + ".weight", out var weight))
        {
            return "is no module";
        }

        if (weight.DType is not (DType.F32 or DType.F16 or DType.BF16))
        {
            return $"is {weight.DType.HeaderName()}, not F32, F16 or BF16,";
        }

        LoraTensor a = lora[LoraNames.Down(module)], b = lora[LoraNames.Up(module)];
        long outputs = b.Shape[0], inputs = a.Values.Length / lora.Rank;
        return weight.Shape.Length >= 2 && weight.Shape[0] == outputs && weight.Count / weight.Shape[0] == inputs
            ? null
            : $"has weights [{string.Join(", ", weight.Shape)}], the adapter is for {outputs} outputs and {inputs} inputs";
    }
}
