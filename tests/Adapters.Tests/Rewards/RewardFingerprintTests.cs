namespace AlignProp.Adapters.Tests.Rewards;

public sealed class RewardFingerprintTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-fingerprint-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_image_text_model_a_head_names_is_part_of_it()
    {
        var (head, clip) = (Make("head", "config.json", "{\"clip\": \"../clip\"}"), Make("clip", "model.safetensors", "one"));
        var before = RewardFingerprint.Of(head);
        Assert.Equal(Path.GetFullPath(clip), RewardFingerprint.ClipFolder(head));
        Assert.Equal(before, RewardFingerprint.Of(head));
        Make("clip", "model.safetensors", "two");
        Assert.NotEqual(before, RewardFingerprint.Of(head));
        Directory.Delete(clip, recursive: true);
        Assert.Contains("clip: folder not found",
            Assert.Throws<DirectoryNotFoundException>(() => RewardFingerprint.Of(head)).Message);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("ImageReward.pt")]
    [InlineData("pytorch_model.bin")]
    [InlineData("vocab.txt")]
    public void Every_file_a_reward_reads_counts(string name)
    {
        var folder = Make("reward", name, "one");
        var before = RewardFingerprint.Of(folder);
        Make("reward", name, "two");
        Assert.NotEqual(before, RewardFingerprint.Of(folder));
    }

    [Fact]
    public void One_file_and_no_files()
    {
        var file = Path.Combine(Make("script", "reward.pt", "one"), "reward.pt");
        var before = RewardFingerprint.Of(file);
        Make("script", "reward.pt", "two");
        Assert.NotEqual(before, RewardFingerprint.Of(file));
        Assert.Equal("", RewardFingerprint.Of(""));
        Assert.Throws<DirectoryNotFoundException>(() => RewardFingerprint.Of(Path.Combine(_folder, "none")));
    }

    [Fact]
    public void A_reward_is_described_once() => Assert.Equal(RewardCatalog.All.Count, RewardCatalog.Names.Distinct().Count());

    private string Make(string folder, string file, string text)
    {
        var path = Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName;
        File.WriteAllText(Path.Combine(path, file), text);
        return path;
    }
}
