using System.Text.Json;
using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters.Tokenization;

/// <summary>
/// The files of a CLIP tokenizer's folder: vocabulary and merges (vocab.json and merges.txt, or tokenizer.json where a newer
/// transformers wrote that alone), special tokens, and the tokens the folder adds.
/// </summary>
/// <param name="Vocabulary">Id of every piece, without the added tokens.</param>
/// <param name="Merges">Pairs, the first to be merged first.</param>
/// <param name="Added">The tokens that the folder adds, without start, end and padding.</param>
internal sealed record TokenizerFolder(string Folder, Dictionary<string, int> Vocabulary, IReadOnlyList<string> Merges,
    int MaxLength, string Bos, string Eos, string Pad, IReadOnlyList<AddedToken> Added)
{
    private const string Start = "<|startoftext|>", End = "<|endoftext|>";

    /// <param name="pad">Padding token, whatever the files say: OpenCLIP's towers were trained with "!" (id 0).</param>
    /// <exception cref="ModelFileException">A file is missing, is not text, or says what is not done here.</exception>
    public static TokenizerFolder Load(string folder, string? pad)
    {
        var (config, map, whole) = (Read(folder, "tokenizer_config.json", TokenizerTables.Config),
            Read(folder, "special_tokens_map.json", TokenizerTables.Map), Read(folder, "tokenizer.json", TokenizerTables.Whole));
        var (vocabulary, merges) = Pieces(folder, whole);
        // As in transformers the map wins, unless the configuration is of the newer kind that carries its tokens itself: SD 2's
        // "!" stands in the map only.
        JsonConfig[] sources = config.Has("added_tokens_decoder") ? [config] : [map, config];
        string Token(string key, string otherwise) => sources.Select(s => Word(s, key)).FirstOrDefault(t => t is not null)
            ?? otherwise;
        var (bos, eos, padding) = (Token("bos_token", Start), Token("eos_token", End), pad ?? Token("pad_token", End));
        var added = AllAdded(folder, config, map, whole, vocabulary);
        foreach (var token in added)
        {
            vocabulary.TryAdd(token.Content, token.Id);
        }
        return new TokenizerFolder(folder, vocabulary, merges, Length(config), bos, eos, padding,
            [.. added.Where(a => a.Content != bos && a.Content != eos && a.Content != padding)]);
    }

    /// <summary>The id of a special token.</summary>
    /// <exception cref="ModelFileException">It has none.</exception>
    public int Id(string token) => Vocabulary.TryGetValue(token, out var id) ? id
        : throw new ModelFileException($"{Path.Combine(Folder, "vocab.json")}: special token {token} is missing");

    // transformers writes 1e30 where it knows no limit.
    private static int Length(JsonConfig config)
    {
        const int Default = 77, Least = 3;
        if (config.Find("model_max_length") is not { ValueKind: JsonValueKind.Number } number
            || !number.TryGetInt32(out var length))
        {
            return Default;
        }
        return length >= Least ? length : throw config.Wrong("model_max_length", $"{Least} or more");
    }

    private static (Dictionary<string, int>, IReadOnlyList<string>) Pieces(string folder, JsonConfig whole)
    {
        var (vocabPath, mergesPath) = (Path.Combine(folder, "vocab.json"), Path.Combine(folder, "merges.txt"));
        if (whole.Has("model") && !File.Exists(vocabPath) && !File.Exists(mergesPath))
        {
            return Model(whole.Object("model"));
        }
        foreach (var path in new[] { vocabPath, mergesPath }.Where(p => !File.Exists(p)))
        {
            throw new ModelFileException($"{path}: file not found; a CLIP tokenizer folder has vocab.json and merges.txt");
        }
        return (Ids(vocabPath, Utf8Text.Bytes(vocabPath, m => new ModelFileException(m))),
            [.. Utf8Text.Lines(mergesPath, m => new ModelFileException(m))
                .Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal))]);
    }

    private static (Dictionary<string, int>, IReadOnlyList<string>) Model(JsonConfig model)
    {
        TokenizerTables.Model.Require(model);
        var vocabulary = Ids($"{model.Path}:vocab",
            System.Text.Encoding.UTF8.GetBytes(model.Find("vocab")?.GetRawText() ?? "null"));
        if (model.Find("merges") is not { ValueKind: JsonValueKind.Array } merges)
        {
            throw model.Wrong("merges", "a list");
        }
        // Written as "a b", or as a pair since tokenizers 0.20.
        return (vocabulary, [.. merges.EnumerateArray().Select(m => m.ValueKind switch
        {
            JsonValueKind.String => m.GetString()!,
            JsonValueKind.Array when m.GetArrayLength() == 2 => $"{m[0]} {m[1]}",
            _ => throw model.Wrong("merges", $"{m.GetRawText()}", "pairs of pieces"),
        })]);
    }

    private static Dictionary<string, int> Ids(string path, byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(json) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new ModelFileException($"{path}: not a JSON object of token ids ({e.Message})", e);
        }
    }

    private static List<AddedToken> AllAdded(string folder, JsonConfig config, JsonConfig map, JsonConfig whole,
        Dictionary<string, int> vocabulary)
    {
        var found = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        IEnumerable<AddedToken> all =
        [
            .. config.Has("added_tokens_decoder") ? AddedToken.OfDecoder(config.Object("added_tokens_decoder")) : [],
            .. AddedToken.OfList(whole.Objects("added_tokens")),
            .. AddedToken.OfMap(Read(folder, "added_tokens.json", null)),
        ];
        foreach (var token in all)
        {
            var known = found.TryGetValue(token.Content, out var other) ? (int?)other.Id
                : vocabulary.TryGetValue(token.Content, out var id) ? id : null;
            if (token.Content.Length == 0 || token.Id < 0)
            {
                throw new ModelFileException($"{token.Source}: \"{token.Content}\" = {token.Id}: expected a word and an "
                    + "id of 0 or more");
            }
            if (known is { } wanted && wanted != token.Id)
            {
                throw new ModelFileException($"{token.Source}: {token.Content} = {token.Id}; expected {wanted}, as "
                    + $"{other?.Source ?? "the vocabulary"} has it");
            }
            found.TryAdd(token.Content, token);
        }
        foreach (var (source, key) in new[] { config, map }.SelectMany(s =>
            new[] { "additional_special_tokens", "extra_special_tokens" }.Select(k => (s, k))))
        {
            foreach (var word in Words(source, key).Where(w => !found.ContainsKey(w)))
            {
                found[word] = vocabulary.TryGetValue(word, out var id)
                    ? new AddedToken(word, id, Special: true, Normalized: false, SingleWord: false, source.Path)
                    : throw new ModelFileException($"{source.Path}: {key} names {word}, which has no id; expected it in "
                        + "added_tokens.json or the vocabulary");
            }
        }
        return [.. found.Values];
    }

    /// <summary>The words of a list, or of an object by name (transformers 5).</summary>
    private static IEnumerable<string> Words(JsonConfig source, string key) => source.Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(e => Content(e)
            ?? throw source.Wrong(key, "a list of words")),
        { ValueKind: JsonValueKind.Object } named => named.EnumerateObject().Select(p => Content(p.Value)
            ?? throw source.Wrong(key, "an object of words")),
        _ => throw source.Wrong(key, "a list of words"),
    };

    private static string? Word(JsonConfig source, string key) => source.Find(key) is { } value
        ? Content(value) ?? throw source.Wrong(key, "a word, or an object with its content") : null;

    private static string? Content(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object when value.TryGetProperty("content", out var content)
            && content.ValueKind == JsonValueKind.String => content.GetString(),
        JsonValueKind.String => value.GetString(),
        _ => null,
    };

    private static JsonConfig Read(string folder, string name, ConfigClass? table)
    {
        var path = Path.Combine(folder, name);
        var json = File.Exists(path) ? JsonConfig.Load(path) : JsonConfig.Parse(path, "{}"u8);
        table?.Require(json);
        return json;
    }
}
