namespace AlignProp.Messages.Configuration;

/// <summary>Bad input: the message names the file, key or value and what would be right. Exit code 2.</summary>
public sealed class ConfigException(string message) : Exception(message);
