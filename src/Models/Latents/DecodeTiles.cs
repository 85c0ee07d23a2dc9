using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Latents;

/// <summary>
/// Overlapping square tiles of a latent image, decoded one at a time and blended with linear ramps that add up to one at every
/// pixel. Sizes as in diffusers' tiled_decode: 64 latents a tile, a quarter of overlap.
/// </summary>
/// <param name="factor">Pixels per latent.</param>
internal sealed class DecodeTiles(int factor, int size = 64, double overlap = 0.25)
{
    public bool IsOne(Tensor latents) => latents.shape[2] <= size && latents.shape[3] <= size;

    /// <param name="z">[B, C, h, w].</param>
    /// <param name="decode">Of one tile.</param>
    /// <returns>[B, 3, H, W].</returns>
    public Tensor Blend(Tensor z, Func<Tensor, Tensor> decode)
    {
        using var scope = NewDisposeScope();
        Tensor? image = null;
        foreach (var tile in Tiles(z))
        {
            using var inner = NewDisposeScope();
            var part = decode(tile.Of(z)) * tile.Weights(z);
            var whole = nn.functional.pad(part, tile.Padding(z));
            image = (image is null ? whole : image + whole).MoveToOuterDisposeScope();
        }
        return image!.MoveToOuterDisposeScope();
    }

    /// <summary>The vector-Jacobian product of <see cref="Blend"/>.</summary>
    /// <param name="gradientOf">That of decoding one tile: (tile, gradient in its image) -> gradient in the tile.</param>
    public Tensor Gradient(Tensor z, Tensor gradient, Func<Tensor, Tensor, Tensor> gradientOf)
    {
        using var scope = NewDisposeScope();
        var sum = zeros_like(z);
        foreach (var tile in Tiles(z))
        {
            using var inner = NewDisposeScope();
            var region = gradient.narrow(2, tile.Top * factor, tile.Height * factor)
                .narrow(3, tile.Left * factor, tile.Width * factor);
            sum.narrow(2, tile.Top, tile.Height).narrow(3, tile.Left, tile.Width)
                .add_(gradientOf(tile.Of(z), region * tile.Weights(z)));
        }
        return sum.MoveToOuterDisposeScope();
    }

    private IEnumerable<Tile> Tiles(Tensor z)
    {
        var (rows, columns) = (Starts(z.shape[2]), Starts(z.shape[3]));
        return rows.SelectMany((top,
            r) => columns.Select((left, c) =>
            new Tile(rows, r, columns, c, Math.Min(size, z.shape[2]), Math.Min(size, z.shape[3]), factor)));
    }

    /// <summary>As few tiles as overlap by at least the wanted share, spread evenly.</summary>
    private long[] Starts(long length)
    {
        if (length <= size)
        {
            return [0];
        }
        var count = (int)Math.Ceiling((length - size) / (size * (1 - overlap))) + 1;
        return [.. Enumerable.Range(0, count).Select(i => (long)Math.Round(i * (double)(length - size) / (count - 1)))];
    }

    private sealed record Tile(long[] Rows, int Row, long[] Columns, int Column, long Height, long Width, int Factor)
    {
        public long Top => Rows[Row];

        public long Left => Columns[Column];

        public Tensor Of(Tensor z) => z.narrow(2, Top, Height).narrow(3, Left, Width);

        public long[] Padding(Tensor z) =>
            [Left * Factor, (z.shape[3] - Left - Width) * Factor, Top * Factor, (z.shape[2] - Top - Height) * Factor];

        /// <summary>[H, W] of the tile, from 0 to 1 over the overlap with a neighbour.</summary>
        public Tensor Weights(Tensor z) => Ramp(Rows, Row, Height, z).unsqueeze(1) * Ramp(Columns, Column, Width, z).unsqueeze(0);

        private Tensor Ramp(long[] starts, int index, long length, Tensor z)
        {
            var weights = ones(length * Factor, dtype: z.dtype, device: z.device);
            if (index > 0)
            {
                var shared = (starts[index - 1] + length - starts[index]) * Factor;
                weights.narrow(0, 0, shared).copy_(Rising(shared, z));
            }
            if (index < starts.Length - 1)
            {
                var shared = (starts[index] + length - starts[index + 1]) * Factor;
                weights.narrow(0, (length * Factor) - shared, shared).copy_(1 - Rising(shared, z));
            }
            return weights;
        }

        private static Tensor Rising(long count, Tensor z) => ((arange(count, dtype: ScalarType.Float32) + 0.5f) / count)
            .to(z.dtype).to(z.device);
    }
}
