using System.Runtime.InteropServices;
using SkiaSharp;

namespace AlignProp.Pretraining.Data;

/// <summary>A picture in premultiplied RGBA.</summary>
public sealed record RgbaImage(int Width, int Height, byte[] Pixels)
{
    /// <summary>Decodes WebP or PNG.</summary>
    public static RgbaImage Decode(Stream stream)
    {
        using var data = SKData.Create(stream);
        using var codec = SKCodec.Create(data) ?? throw new InvalidDataException("Not a picture.");
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul);
        var pixels = new byte[info.BytesSize];
        var pinned = GCHandle.Alloc(pixels, GCHandleType.Pinned);
        try
        {
            var result = codec.GetPixels(info, pinned.AddrOfPinnedObject());
            return result == SKCodecResult.Success
                ? new RgbaImage(info.Width, info.Height, pixels)
                : throw new InvalidDataException($"The picture does not decode: {result}.");
        }
        finally
        {
            pinned.Free();
        }
    }
}
