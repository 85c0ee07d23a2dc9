namespace AlignProp.Adapters;

/// <summary>A NaN or an infinity where numbers are needed. The message names what and the key.</summary>
public sealed class NonFiniteException(string what, string key) : Exception($"{what}: '{key}' holds a NaN or an infinity")
{
    internal static void ThrowIfNot(LoraWeights weights, string what)
    {
        if (weights.FirstNonFinite is { } key)
        {
            throw new NonFiniteException(what, key);
        }
    }
}
