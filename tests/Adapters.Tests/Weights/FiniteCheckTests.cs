namespace AlignProp.Adapters.Tests.Weights;

public sealed class FiniteCheckTests
{
    public static TheoryData<DType, string, string> Values => new()
    {
        { DType.F32, "0000c07f", "NaN" }, { DType.F32, "000080ff", "an infinity" },
        { DType.F64, "000000000000f87f", "NaN" }, { DType.F64, "000000000000f07f", "an infinity" },
        { DType.F16, "007e", "NaN" }, { DType.F16, "00fc", "an infinity" },
        { DType.BF16, "c07f", "NaN" }, { DType.BF16, "807f", "an infinity" },
        { DType.F8E5M2, "7f", "NaN" }, { DType.F8E5M2, "7c", "an infinity" }, { DType.F8E4M3, "ff", "NaN" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void One_value_among_many_is_found_wherever_it_is(DType dtype, string hex, string what)
    {
        var (size, value) = (dtype.Size(), Convert.FromHexString(hex));
        // Lengths that fill vectors and leave a rest.
        foreach (var (count, at) in new[] { (1, 0), (7, 6), (64, 63), (77, 0), (77, 40), (77, 76) })
        {
            var bytes = new byte[count * size];
            Assert.True(FiniteCheck.IsFinite(dtype, bytes));
            value.CopyTo(bytes, at * size);
            var written = SafetensorsWriter.Serialize([new TensorData("w", dtype, [1, count], bytes)]);
            using var file = SafetensorsFile.Parse(written, "f");
            Assert.Equal($"f: 'w': holds {what} at [0, {at}] (1 of {count} values are not finite); expected finite numbers",
                Assert.Throws<WeightFileException>(() => file.RequireFinite("w")).Message);
        }
    }

    [Fact]
    public void The_largest_numbers_are_finite()
    {
        (DType, string)[] largest = [(DType.F32, "ffff7f7f"), (DType.F16, "ff7b"), (DType.BF16, "7f7f"), (DType.F8E5M2, "7b"),
            (DType.F8E4M3, "fe"), (DType.F64, "ffffffffffffef7f"), (DType.I32, "ffffff7f")];
        Assert.All(largest, l => Assert.True(FiniteCheck.IsFinite(l.Item1, Convert.FromHexString(l.Item2))));
    }
}
