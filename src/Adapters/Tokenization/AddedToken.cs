using System.Text.RegularExpressions;
using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters.Tokenization;

/// <summary>A word that a tokenizer's folder adds to the vocabulary (textual inversion): one token wherever it stands.</summary>
/// <param name="Content">The word as it is written in prompts.</param>
/// <param name="Id">Row of the token embedding.</param>
/// <param name="Special">Control tokens, which are looked for in the text as it is.</param>
/// <param name="Normalized">Looked for in the text after clean-up, where case does not count.</param>
/// <param name="SingleWord">Not inside a longer word.</param>
/// <param name="Source">The file it stands in.</param>
internal sealed record AddedToken(string Content, int Id, bool Special, bool Normalized, bool SingleWord, string Source)
{
    /// <summary>added_tokens.json: a word and its id, nothing else.</summary>
    public static IEnumerable<AddedToken> OfMap(JsonConfig json) => json.Keys
        .Select(word => new AddedToken(word, json.Int(word, -1), Special: false, Normalized: true, SingleWord: false, json.Path));

    /// <summary>added_tokens_decoder of tokenizer_config.json: an id and what is known of its word.</summary>
    public static IEnumerable<AddedToken> OfDecoder(JsonConfig json)
    {
        foreach (var key in json.Keys)
        {
            if (!int.TryParse(key, System.Globalization.NumberStyles.None, null, out var id))
            {
                throw new ModelFileException($"{json.Path}: {key} is not a token id; expected a whole number");
            }
            yield return Of(json.Object(key), id);
        }
    }

    /// <summary>added_tokens of tokenizer.json: a list.</summary>
    public static IEnumerable<AddedToken> OfList(IEnumerable<JsonConfig> items) =>
        items.Select(json => Of(json, json.Int("id", -1)));

    private static AddedToken Of(JsonConfig json, int id)
    {
        // Spaces around it do not count: CLIP's split leaves them out anyway.
        TokenizerTables.Added.Require(json);
        var special = json.Bool("special", false);
        return new AddedToken(json.Text("content", ""), id, special, json.Bool("normalized", !special),
            json.Bool("single_word", false), json.Path);
    }

    /// <summary>A pattern that finds it.</summary>
    public string Pattern()
    {
        var word = Regex.Escape(Content);
        var cased = Normalized ? $"(?i:{word})" : word;
        return SingleWord ? $@"(?<!\w){cased}(?!\w)" : cased;
    }
}
