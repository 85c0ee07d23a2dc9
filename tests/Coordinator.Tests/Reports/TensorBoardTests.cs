using System.Buffers.Binary;
using AlignProp.Coordinator.Runs;
using AlignProp.Reports;
using AlignProp.Reports.TensorBoard;
using Google.Protobuf;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Reports;

/// <summary>Event files read back by the format's own rules: lengths, both checksums, and the message's field numbers.</summary>
public sealed class TensorBoardTests : IDisposable
{
    private static readonly EvaluatedSample Cat = new("a cat", true, 1, 4.0, ReportFolder.Image(SKColors.Red));

    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Scalars_and_pictures_are_read_back()
    {
        Tell(new TensorBoardLog(_folder.Run, "preference"), ReportFolder.Evaluation(0, 4.25, Cat), ReportFolder.Step(1),
            ReportFolder.Step(2, loss: double.NaN));
        var events = Events(Assert.Single(Files()));
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.All(events, e => Assert.InRange(e.WallTime, 1.7e9, 1e10));
        Assert.Equal([0L, 0, 1, 2], events.Select(e => e.Step));
        Assert.Equal(4.25f, events[1].Scalars["held-out/preference/mean"]);
        Assert.Equal(ReportFolder.Picture(SKColors.Red), events[1].Pictures["evaluation/00 a cat"]);
        Assert.Equal((4.01f, 0.5f, 1.5f, 3.5f, 1.25f),
            (events[2].Scalars["reward/mean"], events[2].Scalars["loss"], events[2].Scalars["gradient/norm"],
            events[2].Scalars["truncation/mean K"], events[2].Scalars["seconds/step"]));
        Assert.True(float.IsNaN(events[3].Scalars["loss"]));
    }

    [Fact]
    public void A_resumed_run_writes_another_file_and_no_step_twice()
    {
        Tell(new TensorBoardLog(_folder.Run, "preference", new At(1)), ReportFolder.Evaluation(0, 4, Cat), ReportFolder.Step(1));
        MetricsLog.Append(_folder.Run.Metrics, MetricsLine.Of(ReportFolder.Evaluation(0, 4))!);
        MetricsLog.Append(_folder.Run.Metrics, MetricsLine.Of(ReportFolder.Step(1))!);
        Tell(new TensorBoardLog(_folder.Run, "preference", new At(2)), ReportFolder.Step(1), ReportFolder.Step(2),
            ReportFolder.Step(2), ReportFolder.Evaluation(2, 5, Cat));
        Assert.Equal(2, Files().Count);
        Assert.Equal([1L, 2], Files().SelectMany(Events).Where(e => e.Scalars.ContainsKey("loss")).Select(e => e.Step));
        Assert.Equal([0L, 2], Files().SelectMany(Events).Where(e => e.Pictures.Count > 0).Select(e => e.Step));
    }

    [Fact]
    public void A_changed_byte_is_found_by_the_checksums_of_this_reader()
    {
        Tell(new TensorBoardLog(_folder.Run, "preference"), ReportFolder.Step(1));
        var bytes = File.ReadAllBytes(Files().Single());
        bytes[^10] ^= 1;
        Assert.Throws<InvalidDataException>(() => Records(bytes).Count());
    }

    /// <summary>The check value of CRC-32C that RFC 3720 gives, for the reader itself.</summary>
    [Fact]
    public void The_readers_own_checksum_is_right() => Assert.Equal(0xe3069283u, Crc32C("123456789"u8));

    private static void Tell(TensorBoardLog log, params RunProgress[] events)
    {
        foreach (var e in events)
        {
            log.Report(e);
        }
    }

    private List<string> Files() =>
        [.. Directory.GetFiles(_folder.Run.TensorBoard, "events.out.tfevents.*").Order(StringComparer.Ordinal)];

    private static List<Told> Events(string file) => [.. Records(File.ReadAllBytes(file)).Select(Read)];

    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            var data = file[(at + 12)..(at + 12 + length)];
            if (Unmask(file, at + 8) != Crc32C(file.AsSpan(at, 8)) || Unmask(file, at + 12 + length) != Crc32C(data))
            {
                throw new InvalidDataException($"checksum at {at}");
            }
            yield return data;
            at += length + 16;
        }
    }

    private static uint Unmask(byte[] file, int at)
    {
        var rotated = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)) - 0xa282ead8;
        return (rotated >> 17) | (rotated << 15);
    }

    /// <summary>Bit by bit, with the reflected Castagnoli polynomial: nothing in common with the writer's.</summary>
    private static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78);
            }
        }
        return ~crc;
    }

    private static Told Read(byte[] data)
    {
        var told = new Told();
        Fields(data, (field, input) =>
        {
            switch (field)
            {
                case 1: told.WallTime = input.ReadDouble(); break;
                case 2: told.Step = input.ReadInt64(); break;
                case 3: told.Version = input.ReadString(); break;
                case 5:
                    Fields(input.ReadBytes().ToByteArray(),
                    (_, summary) => Value(told, summary.ReadBytes().ToByteArray())); break;
                default: throw new InvalidDataException($"field {field} of an event");
            }
        });
        return told;
    }

    private static void Value(Told told, byte[] data)
    {
        var (tag, scalar, picture) = ("", (float?)null, (byte[]?)null);
        Fields(data, (field, input) =>
        {
            switch (field)
            {
                case 1: tag = input.ReadString(); break;
                case 2: scalar = input.ReadFloat(); break;
                case 4: picture = Png(input.ReadBytes().ToByteArray()); break;
                default: throw new InvalidDataException($"field {field} of a value");
            }
        });
        if (scalar is { } number)
        {
            told.Scalars.Add(tag, number);
        }
        if (picture is not null)
        {
            told.Pictures.Add(tag, picture);
        }
    }

    private static byte[] Png(byte[] data)
    {
        var (png, numbers) = (Array.Empty<byte>(), new Dictionary<int, int>());
        Fields(data, (field, input) =>
        {
            if (field == 4)
            {
                png = input.ReadBytes().ToByteArray();
            }
            else
            {
                numbers[field] = input.ReadInt32();
            }
        });
        Assert.Equal((32, 32, 3), (numbers[1], numbers[2], numbers[3]));
        return png;
    }

    private static void Fields(byte[] data, Action<int, CodedInputStream> read)
    {
        using var input = new CodedInputStream(data);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            read(WireFormat.GetTagFieldNumber(tag), input);
        }
    }

    private sealed class Told
    {
        public double WallTime { get; set; }
        public long Step { get; set; }
        public string Version { get; set; } = "";
        public Dictionary<string, float> Scalars { get; } = [];
        public Dictionary<string, byte[]> Pictures { get; } = [];
    }

    private sealed class At(int second) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(1_700_000_000 + second);
    }
}
