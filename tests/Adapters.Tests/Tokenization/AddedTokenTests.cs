using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Tests.Tokenization;

/// <summary>Words that a tokenizer's folder adds are one token each, whichever file names them.</summary>
public sealed class AddedTokenTests : IDisposable
{
    private const int First = 1147;

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-words-").FullName;

    public AddedTokenTests()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Fixture.Root, "models", "emoji-diffusion", "tokenizer")))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("added_tokens.json", """{"<my-thing>": 1147}""")]
    [InlineData("tokenizer_config.json",
        """{"model_max_length": 16, "added_tokens_decoder": {"1147": {"content": "<my-thing>", "special": false}}}""")]
    [InlineData("tokenizer.json", """{"added_tokens": [{"id": 1147, "content": "<my-thing>", "normalized": false}]}""")]
    public void A_word_is_its_token(string file, string json)
    {
        Write(file, json);
        var tokenizer = ClipTokenizer.Load(_folder);
        Assert.Equal(First, tokenizer.LargestId);
        Assert.Equal(["<my-thing>"], tokenizer.AddedWords);
        var (with, without) = (tokenizer.Encode("a <my-thing> on grass"), tokenizer.Encode("a on grass"));
        Assert.Equal([.. without[..2], First, .. without[2..^1]], with);
    }

    [Fact]
    public void The_longer_word_is_meant_case_counts_where_it_is_said_and_single_words_stand_alone()
    {
        Write("added_tokens.json", """{"<x>": 1147, "<x>y": 1148}""");
        Write("tokenizer_config.json", """
            {"model_max_length": 16, "added_tokens_decoder": {
              "1149": {"content": "Zorg", "normalized": false}, "1150": {"content": "qua", "single_word": true}}}
            """);
        var tokenizer = ClipTokenizer.Load(_folder);
        long[] Added(string prompt) => [.. tokenizer.Encode(prompt).Where(i => i >= First)];
        Assert.Equal([1148L], Added("a <x>y"));
        Assert.Equal([1147L, 1147], Added("<x> <X>z"));
        Assert.Equal([1149L], Added("Zorg zorg"));
        Assert.Equal([1150L], Added("qua aqua"));
    }

    [Theory]
    [InlineData("added_tokens.json", """{"<a>": -3}""", "added_tokens.json: \"<a>\" = -3")]
    [InlineData("added_tokens.json", """{"<a>": "x"}""", "added_tokens.json: <a> = x, expected an integer")]
    [InlineData("added_tokens.json", """{"<|startoftext|>": 5}""",
        "<|startoftext|> = 5; expected 1145, as the vocabulary has it")]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": ["<b>"]}""", "names <b>, which has no id")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "T5Tokenizer"}""",
        "tokenizer_class = T5Tokenizer is not supported")]
    [InlineData("tokenizer_config.json", """{"do_lower_case": false}""",
        "do_lower_case = false is not supported; expected true")]
    [InlineData("tokenizer_config.json", """{"sp_model_kwargs": {}}""", "sp_model_kwargs = {} is not a key of CLIPTokenizer")]
    [InlineData("merges.txt", "a b\nc\u00ff", "")]
    public void What_cannot_be_used_is_refused(string file, string text, string expected)
    {
        if (file == "merges.txt")
        {
            File.WriteAllBytes(Path.Combine(_folder, file), [.. "a b\nc "u8, 0xFF]);
            expected = "merges.txt line 2: not UTF-8: byte 7 is 0xFF";
        }
        else
        {
            Write(file, text);
        }
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => ClipTokenizer.Load(_folder)).Message);
    }

    [Fact]
    public void What_does_not_fit_is_said()
    {
        var tokenizer = ClipTokenizer.Load(_folder);
        Assert.Null(tokenizer.Cut("a panda"));
        Assert.EndsWith("big panda", tokenizer.Cut($"a {string.Concat(Enumerable.Repeat("cat ", 60))}big panda"));
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);
}
