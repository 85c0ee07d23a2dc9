using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Tests;

public class EmojiFrameTests
{
    [Fact]
    public void What_is_visible_is_cropped_centred_and_fitted()
    {
        // An opaque white 40x20 bar in the corner of a clear 100x100 picture.
        var pixels = new byte[100 * 100 * 4];
        for (var y = 0; y < 20; y++)
        {
            pixels.AsSpan(y * 400, 160).Fill(255);
        }

        var fitted = EmojiFrame.Fit(new RgbaImage(100, 100, pixels), 128);

        Assert.Equal(255, Alpha(64, 64));
        Assert.Equal((0, 255), (Alpha(4, 64), Alpha(5, 64)));
        Assert.Equal((255, 0), (Alpha(122, 64), Alpha(123, 64)));
        Assert.Equal((0, 255), (Alpha(64, 33), Alpha(64, 35)));
        int Alpha(int x, int y) => fitted[(((y * 128) + x) * 4) + 3];
    }
}
