namespace AlignProp.Clustering;

/// <summary>The network settings would let strangers in, or cannot work; the message says what would be right.</summary>
public sealed class RemotingSecurityException(string message, Exception? inner = null) : ArgumentException(message, inner);
