using System.Text.Json;
using AlignProp.Messages.Configuration;

namespace AlignProp.Messages;

/// <summary>
/// What <c>sample</c>, <c>evaluate</c> and <c>compare</c> ask a GpuNode process to draw and score, as a JSON file: every item
/// with every variant.
/// </summary>
/// <param name="RunFile">
/// Model, sampling and batch as a run file says them; its adapter, rewards and prompts are not looked at.
/// </param>
/// <param name="Threads">libtorch threads; 0 = as many as the machine has cores.</param>
/// <param name="Folder">Where the pictures and <c>result.json</c> (<see cref="PictureResult"/>) go.</param>
public sealed record PictureRequest(string RunFile, int Threads, IReadOnlyList<ShardSample> Items,
    IReadOnlyList<PictureVariant> Variants,
    IReadOnlyList<PictureReward> Rewards, string Folder)
{
    private static readonly JsonSerializerOptions Json = new(
        JsonSerializerDefaults.Web)
    {
        NumberHandling =
        System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals
    };

    public static string ResultFile(string folder) => Path.Combine(folder, "result.json");

    public static T Read<T>(string path) => JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), Json)
        ?? throw new InvalidDataException($"{path}: empty");

    public static void Write<T>(string path, T value) =>
        File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(value, Json));
}

/// <summary>One way to draw the items.</summary>
/// <param name="Adapter">A LoRA file, or null for the base model.</param>
/// <param name="Scale">Factor on what the adapter adds; 1 = as it was made, 0 = nothing.</param>
/// <param name="From">The adapter is active at times t of From to To, 0 to 1000.</param>
public sealed record PictureVariant(string Label, string? Adapter, double Scale = 1, double From = 0, double To = 1000)
{
    public bool IsActive(double time) => time >= From && time <= To;
}

/// <summary>A reward to score with, and what messages call it.</summary>
public sealed record PictureReward(string Label, RewardTermConfig Term);

/// <param name="Pictures">Variant by variant, in the order of the items.</param>
public sealed record PictureResult(IReadOnlyList<Picture> Pictures);

/// <param name="File">PNG in the request's folder.</param>
/// <param name="Scores">One a reward, in the request's order; higher is better.</param>
/// <param name="Features">What the picture shows, L2-normalised, by the first reward; empty without rewards.</param>
public sealed record Picture(int Variant, int Item, string File, IReadOnlyList<float> Scores, float[] Features);

/// <summary>What <c>AlignProp.GpuNode check</c> finds.</summary>
public sealed record NodeMachine(string Torch, bool Cuda, IReadOnlyList<string> Devices, double MatMulGflops);
