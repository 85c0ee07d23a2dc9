namespace AlignProp.Adapters.Tests.Weights;

public sealed class KeyMismatchTests
{
    private static readonly Dictionary<string, long[]> Expected = new()
    {
        ["b"] = [2, 3],
        ["a"] = [4],
        ["c"] = [5, 6],
        ["d"] = [1]
    };

    [Fact]
    public void All_differences_are_listed_at_once()
    {
        var mismatch = KeyMismatch.Between(Expected,
            Found(("b", [3, 2]), ("c", [5, 6, 1, 1]), ("z", [1]), ("text_model.embeddings.position_ids", [1, 77])));
        Assert.Equal(["a", "d"], mismatch.Missing.Select(m => m.Key));
        Assert.Equal(["file.z"], mismatch.Unexpected);
        Assert.Equal("file.b", Assert.Single(mismatch.Shapes).Key);
        Assert.Equal("""
            unet.safetensors does not fit UNet: 2 keys missing, 1 key unexpected, 1 key of another shape
              missing: a [4]
              missing: d [1]
              unexpected: file.z
              file.b has shape [3, 2], expected [2, 3]
            """, mismatch.Describe("unet.safetensors", "UNet"));
    }

    [Fact]
    public void Equal_keys_are_no_mismatch() =>
        Assert.True(KeyMismatch.Between(Expected, Found([.. Expected.Select(e => (e.Key, e.Value))])).IsEmpty);

    [Fact]
    public void Of_another_model_the_first_hundred_are_listed_and_all_are_counted()
    {
        var text = KeyMismatch.Between(Expected, Found([.. Enumerable.Range(0, 250).Select(i => ($"k{i:d3}", new long[] { 1 }))]))
            .Describe("f", "m");
        Assert.Contains("4 keys missing, 250 keys unexpected", text);
        Assert.Contains("and 150 more", text);
        Assert.Equal(1 + 4 + 100 + 1, text.Split('\n').Length);
    }

    private static Dictionary<string, (string, long[])> Found(params (string Name, long[] Shape)[] tensors) =>
        tensors.ToDictionary(t => t.Name, t => ("file." + t.Name, t.Shape));
}
