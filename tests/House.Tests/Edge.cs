namespace AlignProp.House.Tests;

/// <summary>One thing uses another.</summary>
/// <param name="Why">What makes it so, for people.</param>
internal sealed record Edge(string From, string To, string Why);
