using System.Text.Json;
using System.Text.Json.Serialization;

namespace AlignProp.Coordinator.Runs;

/// <summary>What a node, or one device of it, is at; people and the HTTP API read it as <see cref="NodeStates.Text"/>.</summary>
[JsonConverter(typeof(NodeStates.Converter))]
public enum NodeState { Joined, Idle, Computing, Benched, Silent, Lost, CutOff, Leaving, Left, Refused }

public static class NodeStates
{
    private static readonly Dictionary<string, NodeState> ByText = Enum.GetValues<NodeState>().ToDictionary(Text);

    public static string Text(this NodeState state) =>
        state == NodeState.CutOff ? "cut off" : state.ToString().ToLowerInvariant();

    /// <summary>Takes part, and comes and goes in order.</summary>
    public static bool IsInOrder(this NodeState state) =>
        state is NodeState.Joined or NodeState.Idle or NodeState.Computing or NodeState.Leaving or NodeState.Left;

    internal sealed class Converter : JsonConverter<NodeState>
    {
        public override NodeState Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            ByText.TryGetValue(reader.GetString() ?? "", out var state)
                ? state
                : throw new JsonException($"no state of a node; expected one of {string.Join(", ", ByText.Keys)}");

        public override void Write(Utf8JsonWriter writer, NodeState value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Text());
    }
}
