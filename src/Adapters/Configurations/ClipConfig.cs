namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of a CLIPTextConfig; absent ones have transformers' defaults.</summary>
public sealed record ClipTextConfig(int VocabSize, int HiddenSize, int IntermediateSize, int Layers, int Heads, int MaxPositions,
    string HiddenAct, double LayerNormEps, long EosTokenId)
{
    /// <summary>Width of the pooled features of a text encoder with projection (SDXL's second).</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <exception cref="ModelFileException">A value is of the wrong type, or an activation that is not implemented.</exception>
    public static ClipTextConfig Read(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ClipTables.Text.Require(json);
        return new(
            json.Int("vocab_size", 49408), json.Int("hidden_size", 512), json.Int("intermediate_size", 2048),
            json.Int("num_hidden_layers", 12), json.Int("num_attention_heads", 8), json.Int("max_position_embeddings", 77),
            json.OneOf("hidden_act", "quick_gelu", "quick_gelu", "gelu"), json.Double("layer_norm_eps", 1e-5),
            json.Int("eos_token_id", 49407))
        {
            ProjectionDim = json.Int("projection_dim", 512),
        };
    }

    /// <summary>The config.json of a text encoder's folder.</summary>
    /// <exception cref="ModelFileException">Another class, or see <see cref="Read"/>.</exception>
    public static ClipTextConfig Load(string path) => ReadEncoder(JsonConfig.Load(path));

    /// <inheritdoc cref="Load"/>
    public static ClipTextConfig ReadEncoder(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ClipTables.Text.RequireName(json);
        if (json.Texts("architectures", []).FirstOrDefault(a => a is not ("CLIPTextModel" or "CLIPTextModelWithProjection"))
            is { } other)
        {
            throw json.Wrong("architectures", other, "CLIPTextModel or CLIPTextModelWithProjection");
        }
        return Read(json);
    }
}

/// <summary>The keys of a CLIPVisionConfig; absent ones have transformers' defaults.</summary>
public sealed record ClipVisionConfig(int HiddenSize, int IntermediateSize, int Layers, int Heads, int ImageSize, int PatchSize,
    string HiddenAct, double LayerNormEps)
{
    /// <exception cref="ModelFileException">A value is of the wrong type, or an activation that is not implemented.</exception>
    public static ClipVisionConfig Read(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ClipTables.Vision.Require(json);
        return new(
            json.Int("hidden_size", 768), json.Int("intermediate_size", 3072), json.Int("num_hidden_layers", 12),
            json.Int("num_attention_heads", 12), json.Int("image_size", 224), json.Int("patch_size", 32),
            json.OneOf("hidden_act", "quick_gelu", "quick_gelu", "gelu"), json.Double("layer_norm_eps", 1e-5));
    }
}

/// <summary>A CLIPModel config.json: both towers and the width of the shared space.</summary>
public sealed record ClipConfig(ClipTextConfig Text, ClipVisionConfig Vision, int ProjectionDim)
{
    /// <exception cref="ModelFileException">Another class, or a value that is not implemented.</exception>
    public static ClipConfig Load(string path) => Read(JsonConfig.Load(path));

    /// <inheritdoc cref="Load"/>
    public static ClipConfig Read(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ClipTables.Both.RequireName(json);
        ClipTables.Both.Require(json);
        return new ClipConfig(
            ClipTextConfig.Read(Joined(json, "text_config")),
            ClipVisionConfig.Read(Joined(json, "vision_config")),
            json.Int("projection_dim", 512));
    }

    /// <summary>Old files say sizes twice, and transformers lets the second win: both must say the same.</summary>
    private static JsonConfig Joined(JsonConfig json, string key)
    {
        var (one, other) = (json.Object(key), json.Object($"{key}_dict"));
        if (json.Has(key) && other.Keys.FirstOrDefault(k => one.Value(k) != other.Value(k)
            && (ClipTables.Text.UsedKeys.Contains(k) || ClipTables.Vision.UsedKeys.Contains(k))) is { } odd)
        {
            throw other.Wrong(odd, $"{one.Value(odd)}, as {key} has it");
        }
        return json.Has(key) ? one : other;
    }

    /// <summary>OpenCLIP's ViT-H-14: what HPS v2, v2.1 and PickScore were trained from.</summary>
    public static ClipConfig OpenClipViTH14 { get; } = new(
        new ClipTextConfig(49408, 1024, 4096, 24, 16, 77, "gelu", 1e-5, 2),
            new ClipVisionConfig(1280, 5120, 32, 16, 224, 14, "gelu", 1e-5), 1024);

    /// <summary>
    /// The config.json of transformers' CLIPModel, or open_clip_config.json, whose keys are those of open_clip.model.CLIP.
    /// </summary>
    /// <exception cref="ModelFileException">Neither file is there.</exception>
    public static ClipConfig LoadFolder(string folder)
    {
        var openClip = Path.Combine(folder, "open_clip_config.json");
        return File.Exists(openClip) ? ReadOpenClip(JsonConfig.Load(openClip)) : Load(Path.Combine(folder, "config.json"));
    }

    private static ClipConfig ReadOpenClip(JsonConfig json)
    {
        // OpenCLIP takes the features of the largest token id, which transformers means by eos_token_id 2.
        const long LargestId = 2;
        var model = json.Has("model_cfg") ? json.Object("model_cfg") : json;
        var (text, vision) = (model.Object("text_cfg"), model.Object("vision_cfg"));
        var activation = model.Bool("quick_gelu", false) ? "quick_gelu" : "gelu";
        var (textWidth, visionWidth) = (text.Int("width", 512), vision.Int("width", 768));
        return new ClipConfig(
            new ClipTextConfig(text.Int("vocab_size", 49408), textWidth, (int)(textWidth * text.Double("mlp_ratio", 4)),
                text.Int("layers", 12),
                text.Int("heads", 8), text.Int("context_length", 77), activation, 1e-5, LargestId),
            new ClipVisionConfig(visionWidth, (int)(visionWidth * vision.Double("mlp_ratio", 4)), vision.Int("layers", 12),
                visionWidth / vision.Int("head_width", 64), vision.Int("image_size", 224), vision.Int("patch_size", 16),
                    activation, 1e-5),
            model.Int("embed_dim", 512));
    }
}
