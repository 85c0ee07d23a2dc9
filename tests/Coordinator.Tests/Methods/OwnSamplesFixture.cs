using System.Runtime.InteropServices;
using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Methods;

/// <summary>Golden numbers of tests/fixtures/methods.</summary>
internal static class OwnSamplesFixture
{
    public static float[] Singles(string method, string file, string tensor)
    {
        using var source = SafetensorsFile.Open(PathOf(method, file));
        return source.ReadSingles(tensor);
    }

    public static T[] Values<T>(string method, string file, string tensor) where T : struct
    {
        using var source = SafetensorsFile.Open(PathOf(method, file));
        return MemoryMarshal.Cast<byte, T>(source.Bytes(tensor)).ToArray();
    }

    private static string PathOf(string method, string file) =>
        ProjectFolder.Resolve(Path.Combine("tests", "fixtures", "methods", method, file + ".safetensors"));
}
