namespace AlignProp.Adapters;

/// <summary>One factor of a LoRA branch, or its gradient, or one of its moments.</summary>
/// <param name="Name"><c>MODULE.lora_A.weight</c> or <c>MODULE.lora_B.weight</c>.</param>
/// <param name="Shape">A: [r, in] (a convolution: [r, in, kh, kw]); B: [out, r] (a convolution: [out, r, 1, 1]).</param>
/// <param name="Values">Row-major fp32; never changed once it is part of a <see cref="LoraWeights"/>.</param>
public sealed record LoraTensor(string Name, int[] Shape, float[] Values);
