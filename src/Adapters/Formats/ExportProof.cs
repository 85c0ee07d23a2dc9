namespace AlignProp.Adapters;

/// <summary>
/// That a file that was written says what it was written of: read back, whatever its format, each branch adds the same to its
/// layer.
/// </summary>
public static class ExportProof
{
    /// <param name="path">File or folder; what is no plain file cannot be read back, and is left alone.</param>
    /// <param name="original">What it was written of.</param>
    /// <param name="dtype">It was rounded to.</param>
    /// <param name="sites">Of the model, where it is known.</param>
    /// <exception cref="LoraFormatException">A branch is missing, or has another strength or other values.</exception>
    public static void Require(string path, LoraWeights original, DType dtype = DType.F32, AdapterSites? sites = null)
    {
        if (!Directory.Exists(path) && !OutputPlace.Of(path).IsPlain)
        {
            return;
        }
        var back = LoraFile.Import(path, sites).Weights;
        foreach (var tensor in original.Tensors)
        {
            if (!back.TryGet(tensor.Name, out var read))
            {
                throw new LoraFormatException(path, tensor.Name, "is missing when the file is read back");
            }
            // The strength may stand in alpha or in B: what the branch adds is scale B A.
            var strength = LoraNames.Split(tensor.Name).IsDown ? 1 : (float)(back.Scale / original.Scale);
            if (!Same(tensor.Values, read.Values, strength, Precision(dtype)))
            {
                throw new LoraFormatException(path, tensor.Name, "is another one when the file is read back: its values or its "
                    + "strength are not the adapter's");
            }
        }
    }

    private static bool Same(float[] original, float[] read, float strength, double precision)
    {
        if (original.Length != read.Length)
        {
            return false;
        }
        var (difference, size) = (0.0, 0.0);
        for (var i = 0; i < original.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(original[i] - read[i] * strength));
            size = Math.Max(size, Math.Abs(original[i]));
        }
        return difference <= precision * size + float.Epsilon;
    }

    /// <summary>Of one rounding, relative to the largest value, with room for the strength's own.</summary>
    private static double Precision(DType dtype) => dtype switch
    {
        DType.F16 => 2e-3,
        DType.BF16 => 1.6e-2,
        _ => 1e-5,
    };
}
