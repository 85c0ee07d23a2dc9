using System.IO.Compression;
using System.Text.Json;
using AlignProp.Adapters.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

[Collection(FixtureCollection.Name)]
public class TokenizerTests
{
    private const string Vocabulary = "tokenizer_vocab";

    [SharedFact(Vocabulary)]
    public void Golden_prompts_have_the_ids_of_the_published_tokenizer()
    {
        using var scope = NewDisposeScope();
        var tokenizer = ClipTokenizer.Load(Fixture.Shared(Vocabulary)!);
        var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Fixture.Path("tokenizer", "prompts.json")))!;
        var expected = Fixture.Tensors("tokenizer", "expected.safetensors")["ids_slow_ftfy"];
        Assert.Equal(expected.shape[0], prompts.Length);
        var wrong = Enumerable.Range(0, prompts.Length)
            .Where(i => !tokenizer.Encode(prompts[i]).SequenceEqual(expected[i].data<long>().ToArray())).ToList();
        Assert.Empty(wrong);
    }

    /// <summary>Two thousand random prompts of many scripts (tests/fixtures/golden/make_prompts.py).</summary>
    [SharedFact(Vocabulary)]
    public void Random_prompts_have_the_ids_of_transformers()
    {
        var tokenizer = ClipTokenizer.Load(Fixture.Shared(Vocabulary)!);
        using var file = new GZipStream(File.OpenRead(Fixture.Path("golden", "prompts.json.gz")), CompressionMode.Decompress);
        using var json = JsonDocument.Parse(file);
        var prompts = json.RootElement.GetProperty("prompts").EnumerateArray().Select(p => p.GetString()!).ToList();
        var ids = json.RootElement.GetProperty("ids").EnumerateArray()
            .Select(row => row.EnumerateArray().Select(i => i.GetInt64()).ToArray()).ToList();
        Assert.True(prompts.Count > 2000);
        var wrong = prompts.Zip(ids).Where(p => !tokenizer.Encode(p.First).AsSpan(0, p.Second.Length).SequenceEqual(p.Second))
            .Select(p => p.First).ToList();
        Assert.Empty(wrong);
    }

    [SharedFact(Vocabulary)]
    public void A_photo_of_a_fox()
    {
        var ids = ClipTokenizer.Load(Fixture.Shared(Vocabulary)!).Encode("a photo of a fox");
        Assert.Equal([49406, 320, 1125, 539, 320, 3240, 49407], ids[..7]);
        Assert.All(ids[7..], id => Assert.Equal(49407, id));
    }

    [SharedTheory(Vocabulary)]
    [InlineData("{}", "{\"pad_token\": \"!\"}", 0)]
    [InlineData("{\"pad_token\": \"<|endoftext|>\"}", "{\"pad_token\": \"!\"}", 0)]
    [InlineData("{\"pad_token\": {\"content\": \"!\"}, \"added_tokens_decoder\": {}}", "{\"pad_token\": \"<|endoftext|>\"}", 0)]
    [InlineData("{\"pad_token\": \"<|endoftext|>\"}", "{}", 49407)]
    public void The_padding_token_comes_from_the_map_unless_the_configuration_is_of_the_newer_kind(string config, string map,
        int pad)
    {
        var folder = Directory.CreateTempSubdirectory("alignprop-tokenizer-").FullName;
        try
        {
            foreach (var name in new[] { "vocab.json", "merges.txt" })
            {
                File.Copy(Path.Combine(Fixture.Shared(Vocabulary)!, name), Path.Combine(folder, name));
            }
            File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), config);
            File.WriteAllText(Path.Combine(folder, "special_tokens_map.json"), map);
            var ids = ClipTokenizer.Load(folder).Encode("a photo of a fox!");
            // A padding token of its own is read as such within a prompt; otherwise "!" ends a word (256).
            Assert.Equal([49406, 320, 1125, 539, 320, 3240, pad == 0 ? 0 : 256, 49407], ids[..8]);
            Assert.All(ids[8..], id => Assert.Equal(pad, id));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_shipped_vocabulary_round_trips_through_the_same_code()
    {
        var tokenizer = ClipTokenizer.Load(Path.Combine(Fixture.Root, "models", "emoji-diffusion", "tokenizer"));
        var ids = tokenizer.Encode("a photo of a fox");
        Assert.Equal(tokenizer.MaxLength, ids.Length);
        Assert.Equal(tokenizer.BosId, ids[0]);
        Assert.Equal(ids, tokenizer.Encode("  A  Photo of a FOX "));
        Assert.Contains((long)tokenizer.EosId, ids);
    }
}
