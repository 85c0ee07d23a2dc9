using static TorchSharp.torch;

namespace AlignProp.Models.Blip;

/// <summary>BLIP's image and text encoders, under the names a checkpoint has them.</summary>
internal sealed class BlipEncoders : nn.Module
{
    internal readonly BlipVisionEncoder visual_encoder;
    internal readonly BlipTextEncoder text_encoder;

    public BlipEncoders(BlipVisionConfig vision, BlipTextConfig text) : base(nameof(BlipEncoders))
    {
        visual_encoder = new BlipVisionEncoder(vision);
        text_encoder = new BlipTextEncoder(text, vision.Width);
        RegisterComponents();
    }
}
