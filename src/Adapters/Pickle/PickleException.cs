namespace AlignProp.Adapters;

/// <summary>What is wrong with a pickle stream; <see cref="TorchFile"/> adds the file.</summary>
internal sealed class PickleException(string problem) : Exception(problem);
