using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Training;

/// <summary>Draws training examples: animals twice as often as objects, a caption for each, mirrored half the time.</summary>
public sealed class Sampler
{
    private readonly CaptionSampler _captions;
    private readonly int[] _pool;

    public Sampler(EmojiDataset data)
    {
        _captions = new CaptionSampler(data);
        _pool = Enumerable.Range(0, data.Count)
            .SelectMany(i => Enumerable.Repeat(i, data.Concepts[data.ConceptIndex[i]].IsAnimal ? 2 : 1)).ToArray();
    }

    public Draw[] Batch(Random random, int size, Func<int, bool>? keep = null)
    {
        var draws = new Draw[size];
        for (var i = 0; i < size; i++)
        {
            int image;
            do
            {
                image = _pool[random.Next(_pool.Length)];
            }
            while (keep is not null && !keep(image));
            var (caption, background) = _captions.Sample(image, random);
            draws[i] = new Draw(image, background, random.Next(2) == 0, caption);
        }
        return draws;
    }
}
