using System.Buffers.Binary;
using System.Diagnostics;
using AlignProp.Adapters.Tests.Weights;

namespace AlignProp.Adapters.Tests.Fuzz;

/// <summary>How many damaged files were tried, refused with a message, and read (damage that leaves a valid file).</summary>
internal sealed record FuzzCounts(string Kind, long Tried, long Refused, long Accepted);

/// <summary>
/// Damaged files of weights, always the same for a seed. Each must be read, or refused by the reader's own exception with one
/// short line that names the file. Anything else
/// - another exception, a tensor whose bytes are not as many as its shape says, much memory, much time - is reported with the
/// seed that makes it.
/// </summary>
internal sealed class FileFuzzer(ulong seed)
{
    private const long MostBytes = 64 << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(60);

    public static IReadOnlyList<string> Kinds { get; } = ["safetensors", "pickle", "zip", "index", "lora", "folder"];

    /// <exception cref="InvalidOperationException">A file was neither read nor refused properly.</exception>
    public FuzzCounts Run(string kind, long count)
    {
        using var corpus = new FuzzCorpus();
        var (refused, samples) = (0L, corpus.Of(kind));
        for (var i = 0L; i < count; i++)
        {
            var random = new DeterministicRandom(seed + ((ulong)i * 0x9e3779b97f4a7c15));
            var mutator = new Mutator(random);
            // A configuration is put back into its own place, so files of a folder take turns.
            var (sample, other) = (samples[kind == "folder" ? (int)(i % samples.Count) : random.NextInt(0, samples.Count - 1)],
                samples[random.NextInt(0, samples.Count - 1)]);
            var file = kind switch
            {
                "safetensors" or "lora" when random.NextInt(0, 3) > 0 => Header(mutator, sample, other),
                "pickle" => TorchWriter.Archive(mutator.Mutate(FuzzCorpus.PickleOf(sample), FuzzCorpus.PickleOf(other)),
                    FuzzCorpus.MembersOf(sample)),
                _ => mutator.Mutate(sample, other),
            };
            refused += Accepts(kind, corpus, file, i) ? 0 : 1;
        }

        return new FuzzCounts(kind, count, refused, count - refused);
    }

    // Damage inside the header only, whose length is put right again: it reaches what lies behind the first checks.
    private static byte[] Header(Mutator mutator, byte[] sample, byte[] other)
    {
        var (length, otherLength) = ((int)BinaryPrimitives.ReadInt64LittleEndian(sample),
            (int)BinaryPrimitives.ReadInt64LittleEndian(other));
        var header = mutator.Mutate(sample[8..(8 + length)], other[8..(8 + otherLength)]);
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. sample[(8 + length)..]];
    }

    private bool Accepts(string kind, FuzzCorpus corpus, byte[] bytes, long index)
    {
        var (clock, before) = (Stopwatch.StartNew(), GC.GetAllocatedBytesForCurrentThread());
        var accepted = false;
        string? wrong = null;
        try
        {
            if (kind == "folder")
            {
                corpus.InspectFolder(bytes, index);
                return true;
            }

            using var file = kind == "index" ? corpus.OpenIndex(bytes) : WeightFiles.Parse(bytes, "fuzzed file");
            Read(file, kind);
            accepted = true;
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException)
        {
            wrong = e.Message.Length > 2000 || e.Message.Any(char.IsControl)
                || !e.Message.Contains(": ", StringComparison.Ordinal) ? $"a message that is not one short line: {e.Message}"
                : null;
        }
        catch (Exception e)
        {
            wrong = e.ToString();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        wrong ??= allocated > MostBytes ? $"{allocated} bytes allocated for a file of {bytes.Length}" : clock.Elapsed > MostTime
            ? $"{clock.Elapsed} for a file of {bytes.Length} bytes" : null;
        return wrong is null ? accepted : throw new InvalidOperationException($"{kind} file {index} of seed {seed}: {wrong}");
    }

    private static void Read(IWeightFile file, string kind)
    {
        foreach (var (name, info) in file.Tensors)
        {
            var expected = info.Shape.Aggregate((Int128)info.DType.Size(), (a, b) => a * b);
            var bytes = file.Bytes(name);
            var sum = 0;
            foreach (var value in bytes)
            {
                sum += value;
            }

            if (bytes.Length != info.ByteCount || expected != info.ByteCount || sum < 0)
            {
                throw new InvalidOperationException($"{name} has {bytes.Length} bytes, its shape says {expected}");
            }

            file.Release(name);
        }

        if (kind == "lora")
        {
            LoraFile.Import(file);
        }
    }
}
