using System.Runtime.InteropServices;
using System.Text;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>
/// Files made by PyTorch (tests/fixtures/pickle/make_with_torch.py), by Python's own pickler (make.py) and by <see
/// cref="TorchWriter"/>.
/// </summary>
public sealed class TorchFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("torch-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("state_dict.pt")]
    [InlineData("state_dict_slow_pickler.pt")]
    [InlineData("protocol4.pt")]
    [InlineData("no_byteorder.pth")]
    [InlineData("lightning.ckpt")]
    [InlineData("torch_state_dict.pt")]
    [InlineData("torch_lightning.ckpt")]
    [InlineData("torch_protocol4.pt")]
    public void PyTorchs_and_Pythons_pickles_are_read_tensor_by_tensor(string name)
    {
        using var file = WeightFiles.Open(Fixture.PathOf("pickle", name));
        Assert.Equal(11, file.Tensors.Count);
        Check(file, "layer.weight", DType.F32, [3, 4], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        Check(file, "layer.transposed", DType.F32, [4, 3], 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
        Check(file, "layer.slice", DType.F32, [2, 2], 5, 7, 9, 11);
        Check(file, "layer.row", DType.F32, [1, 4], 4, 5, 6, 7);
        Check(file, "half", DType.F16, [2], 1.5f, -2);
        Check(file, "bf", DType.BF16, [2], 1, -0.5f);
        Check(file, "scalar", DType.F32, [], 2.6592f);
        Check(file, "empty", DType.F32, [0, 3]);
        Check(file, "untyped", DType.F32, [2], 3, 4);
        Check(file, "parameter", DType.F32, [2], 7, 8);
        Assert.Equal(DType.I64, file.Tensors["ids"].DType);
        Assert.Equal([0, 1, 1L << 40], MemoryMarshal.Cast<byte, long>(file.Bytes("ids")).ToArray());
        file.Release("layer.transposed");
        Check(file, "layer.transposed", DType.F32, [4, 3], 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
    }

    [Theory]
    [InlineData("big_endian.pt", "big-endian")]
    [InlineData("compressed.pt", "compressed in the zip file")]
    [InlineData("other_global.ckpt", "pytorch_lightning.callbacks.ModelCheckpoint, which is refused")]
    [InlineData("expanded.pt",
        "'w': [1000000, 1000000] with strides [0, 0] from element 0 does not fit into its storage of 1 elements")]
    [InlineData("beyond.pt", "'w': [2, 2] with strides [2, 1] from element 1 does not fit into its storage of 4 elements")]
    [InlineData("old.pt", "old format (before 1.6)")]
    [InlineData("torch_old.pt", "old format (before 1.6)")]
    [InlineData("torch_module.pt", "torch.nn.modules.linear.Linear, which is refused")]
    [InlineData("torch_script.pt", "TorchScript")]
    public void What_is_refused_says_why_and_names_the_file(string name, string reason)
    {
        var path = Fixture.PathOf("pickle", name);
        var error = Assert.Throws<WeightFileException>(() => WeightFiles.Open(path));
        Assert.StartsWith(path + ": ", error.Message);
        Assert.Contains(reason, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("__builtin__", "getattr")]
    [InlineData("torch", "load")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch._utils", "_rebuild_sparse_tensor")]
    [InlineData("torch.storage", "_load_from_bytes")]
    [InlineData("collections", "OrderedDict.fromkeys")]
    [InlineData("numpy.core.multiarray", "scalar")]
    [InlineData("_codecs", "encode")]
    [InlineData("functools", "partial")]
    public void A_global_that_builds_no_tensor_is_named(string module, string name)
    {
        var error = Refused(new PickleBuilder().Global(module, name).Text("id").Op(0x85).Op('R').Stop());
        Assert.Contains($"the pickle wants {module}.{name}, which is refused", error);
        Assert.Contains($"{module}.{name}", Refused(new PickleBuilder(4).Text(module).Text(name).Op(0x93).Stop()));
    }

    public static TheoryData<string, byte[], string> Streams => new()
    {
        { "INST", new PickleBuilder().Ops("(").Raw(Encoding.ASCII.GetBytes("ios\nsystem\n")).Stop(), "opcode 0x69" },
        { "OBJ", new PickleBuilder().Ops("(").Global("collections", "OrderedDict").Ops("o").Stop(), "opcode 0x6f" },
        { "NEWOBJ", new PickleBuilder().Global("collections", "OrderedDict").Op(')').Op(0x81).Stop(), "opcode 0x81" },
        { "EXT1", new PickleBuilder().Op(0x82).Op(1).Stop(), "opcode 0x82" },
        { "text opcodes", new PickleBuilder().Raw(Encoding.ASCII.GetBytes("I1\n")).Stop(), "opcode 0x49" },
        { "protocol 1", Encoding.ASCII.GetBytes("}."), "protocol" },
        { "protocol 6", new PickleBuilder(6).Ops("}").Stop(), "protocol" },
        { "empty", [], "protocol" },
        { "no stop", new PickleBuilder().Op('}').ToArray(), "ends in the middle" },
        { "a string longer than the file", new PickleBuilder().Op('X').U32(uint.MaxValue).Stop(), "ends in the middle" },
        { "a long longer than the file", new PickleBuilder().Op(0x8b).U32(0x7fffffff).Stop(), "ends in the middle" },
        { "a huge integer", new PickleBuilder().Op(0x8b).U32(5000).Raw(new byte[5000]).Stop(), "an integer of 5000 bytes" },
        { "an empty stack", new PickleBuilder().Stop(), "takes more from its stack" },
        { "below a mark", new PickleBuilder().Ops("}(0").Stop(), "takes more from its stack" },
        { "no mark", new PickleBuilder().Ops("}u").Stop(), "lacks a mark" },
        { "odd items", new PickleBuilder().Ops("}(NNNu").Stop(), "not a dict" },
        { "append to a dict", new PickleBuilder().Ops("}Na").Stop(), "not a list" },
        { "an unknown memo", new PickleBuilder().Op('h').Op(3).Stop(), "memo 3" },
        { "reduce of a string", new PickleBuilder().Text("os.system").Ops(")R").Stop(), "REDUCE" },
        { "a storage called", new PickleBuilder().Global("torch", "FloatStorage").Ops(")R").Stop(),
            "torch.FloatStorage is called with arguments" },
        { "build of a list", new PickleBuilder().Ops("]}b").Stop(), "BUILD" },
        { "a persistent id of another kind", new PickleBuilder().Text("module").Op('Q').Stop(), "persistent id" },
        { "a list at the top", new PickleBuilder().Op(']').Stop(), "not a dictionary of tensors" },
        { "a tensor at the top", new PickleBuilder().Tensor("FloatStorage", "0", 1, 0, [1], [1]).Stop(), "single tensor" },
        { "no tensors", new PickleBuilder().Ops("}").Text("weights").Ops("}s").Stop(),
            "no tensors at its top or under state_dict; there is weights" },
        { "a string that is not UTF-8", new PickleBuilder().Op('X').U32(1).Raw(0xff).Stop(), "not UTF-8" },
    };

    [Theory]
    [MemberData(nameof(Streams))]
    public void A_wrong_stream_is_refused_with_the_reason(string what, byte[] pickle, string reason) =>
        Assert.True(Refused(pickle).Contains(reason, StringComparison.Ordinal), $"{what}: {Refused(pickle)}");

    public static TheoryData<string, long, long, long[], long[], string> Tensors => new()
    {
        { "FloatStorage", 4, 0, [5], [1], "does not fit into its storage of 4 elements" },
        { "FloatStorage", 4, 4, [1], [1], "does not fit" },
        { "FloatStorage", 4, long.MaxValue, [1], [1], "does not fit" },
        { "FloatStorage", 4, -1, [1], [1], "negative" },
        { "FloatStorage", 4, 0, [-1], [1], "negative" },
        { "FloatStorage", 4, 0, [1], [-1], "negative" },
        { "FloatStorage", 4, 0, [2, 2], [1], "2 sizes and 1 strides" },
        { "FloatStorage", 4, 0, [1L << 62, 1L << 62], [1, 1], "does not fit" },
        { "FloatStorage", 4, 0, [2], [long.MaxValue], "does not fit" },
        { "FloatStorage", 4, 0, [2, 2, 2], [0, 0, 0], "does not fit" },
        { "FloatStorage", 5, 0, [1], [1], "has 16 bytes, not 5 elements of 4" },
        { "DoubleStorage", 4, 0, [1], [1], "has 16 bytes, not 4 elements of 8" },
        { "UntypedStorage", 16, 0, [1], [1], "untyped" },
    };

    [Theory]
    [MemberData(nameof(Tensors))]
    public void A_tensor_that_does_not_lie_in_its_storage_is_named(string type, long count, long offset, long[] shape,
        long[] strides, string reason)
    {
        var pickle = new PickleBuilder().Ops("}").Text("w").Tensor(type, "0", count, offset, shape, strides).Op('s').Stop();
        Assert.Contains(reason, Error(TorchWriter.Archive(pickle, ("data/0", new byte[16]))));
    }

    [Fact]
    public void A_storage_that_is_not_there_is_named() =>
        Assert.Contains("'w': its storage data/../0 is not in the zip file",
            Refused(new PickleBuilder().Ops("}").Text("w").Tensor("FloatStorage", "../0", 1, 0, [1], [1]).Op('s').Stop()));

    [Fact]
    public void Deep_and_self_containing_containers_neither_overflow_nor_explode()
    {
        var deep = new PickleBuilder();
        for (var i = 0; i < 200_000; i++)
        {
            deep.Op(']');
        }

        for (var i = 1; i < 200_000; i++)
        {
            deep.Op('a');
        }

        Assert.Contains("not a dictionary", Refused(deep.Stop()));
        var doubling = new PickleBuilder().Op(']').Op('q').Op(0);
        for (var i = 0; i < 200; i++)
        {
            doubling.Ops("]h").Op(i).Op('a').Op('h').Op(i).Op('a').Op('q').Op(i + 1);
        }

        Assert.Contains("not a dictionary", Refused(doubling.Stop()));
        Assert.Contains("not a dictionary", Refused(new PickleBuilder().Op(']').Op('q').Op(0).Op('h').Op(0).Op('a').Stop()));
    }

    [Fact]
    public void A_stream_without_end_stops_at_the_bound_of_steps()
    {
        var nothing = new byte[9_000_000];
        Array.Fill(nothing, (byte)'N');
        Assert.Contains("more than 4000000 steps", Refused([0x80, 2, .. nothing]));
    }

    [Fact]
    public void A_storage_beyond_four_gigabytes_is_found_by_zip64()
    {
        var path = Path.Combine(_folder, "large.bin");
        const long large = (1L << 32) + 4096;
        using (var stream = File.Create(path))
        using (var writer = new TorchWriter(stream))
        {
            writer.Add("data.pkl", new PickleBuilder().Ops("}(").Text("large").Tensor("ByteStorage", "0", large, 0, [large], [1])
                .Text("after").Tensor("FloatStorage", "1", 2, 0, [2], [1]).Op('u').Stop());
            writer.Add("data/0", large, s => s.Seek(large, SeekOrigin.Current)); // a hole: no disk is used
            writer.Add("data/1", MemoryMarshal.AsBytes<float>([1.5f, -3]).ToArray());
        }

        using var file = WeightFiles.Open(path);
        Assert.Equal(large, file.Tensors["large"].ByteCount);
        Check(file, "after", DType.F32, [2], 1.5f, -3);
        Assert.Contains("'large': 4294971392 bytes are more than one span can hold",
            Assert.Throws<WeightFileException>(() => file.Bytes("large").Length).Message);
    }

    private static void Check(IWeightFile file, string name, DType dtype, long[] shape, params float[] values)
    {
        Assert.Equal(dtype, file.Tensors[name].DType);
        Assert.Equal(shape, file.Tensors[name].Shape);
        Assert.Equal(values, file.ReadSingles(name));
    }

    private static string Refused(byte[] pickle) => Error(TorchWriter.Archive(pickle));

    private static string Error(byte[] file) => Assert.Throws<WeightFileException>(() => WeightFiles.Parse(file, "weights.pt"))
        .Message;
}
