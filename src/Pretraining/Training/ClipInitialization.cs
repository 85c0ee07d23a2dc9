using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>Embeddings from N(0, 0.02): torch's default of N(0, 1) drowns what a small transformer adds.</summary>
public static class ClipInitialization
{
    public static void Apply(nn.Module module)
    {
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (name.EndsWith("_embedding.weight", StringComparison.Ordinal) && parameter.dim() == 2)
            {
                nn.init.normal_(parameter, 0, 0.02);
            }
        }
    }
}
