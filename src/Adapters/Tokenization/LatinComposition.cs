using System.Text;

namespace AlignProp.Adapters.Tokenization;

/// <summary>
/// Unicode composition (NFC) of a Latin letter and one combining mark. The product runs without ICU, where
/// <see cref="string.Normalize()"/> leaves everything but ASCII as it is.
/// </summary>
internal static class LatinComposition
{
    // A mark, and pairs of letter and composed letter.
    private static readonly Dictionary<char, string> Composed = new()
    {
        ['\u0300'] = "AÀEÈIÌNǸOÒUÙWẀYỲaàeèiìnǹoòuùwẁyỳ",
        ['\u0301'] = "AÁCĆEÉGǴIÍKḰLĹMḾNŃOÓPṔRŔSŚUÚWẂYÝZŹaácćeégǵiíkḱlĺmḿnńoópṕrŕsśuúwẃyýzź",
        ['\u0302'] = "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶZẐaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷzẑ",
        ['\u0303'] = "AÃEẼIĨNÑOÕUŨVṼYỸaãeẽiĩnñoõuũvṽyỹ",
        ['\u0304'] = "AĀEĒGḠIĪOŌUŪYȲaāeēgḡiīoōuūyȳ",
        ['\u0306'] = "AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭ",
        ['\u0307'] = "AȦBḂCĊDḊEĖFḞGĠHḢIİMṀNṄOȮPṖRṘSṠTṪWẆXẊYẎZŻaȧbḃcċdḋeėfḟgġhḣmṁnṅoȯpṗrṙsṡtṫwẇxẋyẏzż",
        ['\u0308'] = "AÄEËHḦIÏOÖUÜWẄXẌYŸaäeëhḧiïoötẗuüwẅxẍyÿ",
        ['\u030a'] = "AÅUŮaåuůwẘyẙ",
        ['\u030b'] = "OŐUŰoőuű",
        ['\u030c'] = "AǍCČDĎEĚGǦHȞIǏKǨLĽNŇOǑRŘSŠTŤUǓZŽaǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒrřsštťuǔzž",
        ['\u0327'] = "CÇDḐEȨGĢHḨKĶLĻNŅRŖSŞTŢcçdḑeȩgģhḩkķlļnņrŗsştţ",
        ['\u0328'] = "AĄEĘIĮOǪUŲaąeęiįoǫuų",
    };

    // A composed letter, and the letter without its mark.
    private static readonly Dictionary<char, char> Plain =
        Composed.Values.SelectMany(pairs => Enumerable.Range(0, pairs.Length / 2).Select(i => (pairs[2 * i + 1], pairs[2 * i])))
            .DistinctBy(p => p.Item1).ToDictionary(p => p.Item1, p => p.Item2);

    /// <summary>Letters without their marks, as BERT's uncased vocabularies have them.</summary>
    public static string StripMarks(string text) => text.All(char.IsAscii) ? text
        : string.Concat(text.Where(c => !Composed.ContainsKey(c)).Select(c => Plain.GetValueOrDefault(c, c)));

    public static string Compose(string text)
    {
        if (!text.Any(Composed.ContainsKey))
        {
            return text;
        }
        var builder = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (builder.Length > 0 && Composed.TryGetValue(c, out var pairs) && Find(pairs, builder[^1]) is { } composed)
            {
                builder[^1] = composed;
            }
            else
            {
                builder.Append(c);
            }
        }
        return builder.ToString();
    }

    private static char? Find(string pairs, char letter)
    {
        for (var i = 0; i < pairs.Length; i += 2)
        {
            if (pairs[i] == letter)
            {
                return pairs[i + 1];
            }
        }
        return null;
    }
}
