using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Planning;

/// <summary>Reads a diffusers folder: model_index.json and one folder a part, each with its own configuration.</summary>
internal sealed class FolderPlanner(string folder)
{
    private const string NetworkStem = "diffusion_pytorch_model", TextStem = "model";

    private readonly ProblemList _problems = new();
    private readonly List<string> _notices = [];

    public ModelPlan Plan()
    {
        if (!Directory.Exists(folder))
        {
            throw new ModelFileException($"{folder}: there is no such file or folder; expected a diffusers folder with "
                + "model_index.json, or a single-file checkpoint");
        }
        var index = Config("model_index.json");
        var unet = _problems.Try(Config("unet/config.json"), UNetTable.Class, UNetConfigReader.Read);
        var isXl = unet is not null ? unet.TextTime is not null : index is not null && PipelineTable.IsXl(index) == true;
        var vae = _problems.Try(Config("vae/config.json"), VaeTable.Class, json => VaeConfig.Read(json, upcastByDefault: isXl));
        (string Encoder, string Tokenizer)[] towers = isXl
            ? [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")] : [("text_encoder", "tokenizer")];
        if (index is not null)
        {
            _problems.Add(PipelineTable.Problems(index,
                ["unet", "vae", "scheduler", .. towers.SelectMany(t => new[] { t.Encoder, t.Tokenizer })]));
            if (unet is not null && PipelineTable.IsXl(index) is { } named && named != isXl)
            {
                _problems.Add([index.Wrong("_class_name", isXl
                    ? "a pipeline of SDXL: unet/config.json has addition_embed_type = text_time"
                    : "a pipeline of Stable Diffusion 1 or 2: unet/config.json has no addition_embed_type").Message]);
            }
        }
        // SDXL's second encoder is the one with a projection.
        var texts = towers.Select((t, i) => Text(t.Encoder, t.Tokenizer, projection: i == 1)).ToList();
        var scheduler = Scheduler(index, isXl);
        if (unet is not null && vae is not null && texts.All(t => t is not null))
        {
            _problems.Try(() => PartsCheck.Fit(folder, unet, vae, [.. texts.Select(t => t!.Config)]));
        }
        return new ModelPlan
        {
            Path = folder,
            IsSingleFile = false,
            Family = Family(unet, isXl),
            UNet = unet,
            Vae = vae,
            Scheduler = scheduler,
            Texts = [.. texts.OfType<PlannedText>()],
            ZerosForEmpty = isXl && index is not null
                && _problems.Try<object>(() => index.Bool("force_zeros_for_empty_prompt", true)) is not false,
            Weights =
            [
                new PlannedWeights("unet", At("unet"), NetworkStem, unet is null ? null : StructureKeys.UNet(unet),
                    PlannedWeights.Named(k => k)),
                new PlannedWeights("vae", At("vae"), NetworkStem, vae is null ? null : StructureKeys.Vae(vae),
                    PlannedWeights.Named(PublishedNames.Vae)),
                .. towers.Zip(texts, (t, text) => new PlannedWeights(t.Encoder, At(t.Encoder), TextStem,
                    text is null ? null : StructureKeys.Text(text.Config, text.HasProjection),
                    PlannedWeights.Named(PublishedNames.Text))),
            ],
            Problems = _problems.All,
            Notices = _notices,
        };
    }

    /// <summary>By the width of the text states the UNet attends to.</summary>
    private static string Family(UNetConfig? unet, bool isXl) => (unet?.CrossAttentionDim[^1], isXl) switch
    {
        (_, true) => "SDXL",
        (768, _) => "SD 1.x",
        (1024, _) => "SD 2.x",
        (null, _) => "of an unknown family",
        var (width, _) => $"Stable Diffusion's structure in sizes of its own (text states of {width})",
    };

    private string At(string name) => System.IO.Path.Combine(folder, name);

    private JsonConfig? Config(string name) => _problems.Try(() => JsonConfig.Load(At(name)));

    private PlannedText? Text(string encoder, string words, bool projection)
    {
        var config = _problems.Try(Config($"{encoder}/config.json"), ClipTables.Text, ClipTextConfig.ReadEncoder);
        var tokenizer = _problems.Try(() => ClipTokenizer.Load(At(words)));
        if (config is null)
        {
            return null;
        }
        if (tokenizer is not null)
        {
            _problems.Try(() => PartsCheck.Fit(At(words), tokenizer, config));
        }
        return new PlannedText(At(encoder), config, tokenizer, IsOpenClip: false, projection);
    }

    /// <summary>
    /// diffusers' pipelines of Stable Diffusion 1 and 2 (not SDXL's) correct what old files say: an offset of 1, no clipping.
    /// </summary>
    private SchedulerConfig? Scheduler(JsonConfig? index, bool isXl)
    {
        var named = index is null ? null : PipelineTable.ClassOf(index, "scheduler");
        var json = Config("scheduler/scheduler_config.json");
        // A class that has betas; another one is named once, without its keys.
        var known = json is not null && SchedulerTable.DefaultsOf(json.Text("_class_name", named ?? "DDIMScheduler")) is not null;
        var read = known ? _problems.Try(json, SchedulerTable.Class, Read)
            : json is null ? null : _problems.Try(() => Read(json));
        if (read is null || isXl)
        {
            return read;
        }
        if (read.StepsOffset != 1)
        {
            _notices.Add($"{json!.Path}: steps_offset = {read.StepsOffset} is taken as 1, as StableDiffusionPipeline does");
        }
        if (read.ClipSample)
        {
            _notices.Add($"{json!.Path}: clip_sample = true is taken as false, as StableDiffusionPipeline does");
        }
        return read with { StepsOffset = 1, ClipSample = false };

        SchedulerConfig Read(JsonConfig config) => SchedulerConfig.Read(config, named ?? "DDIMScheduler");
    }
}
