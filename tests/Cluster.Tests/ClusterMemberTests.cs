using Akka.Cluster;
using AlignProp.Clustering.Tests.Security;

namespace AlignProp.Clustering.Tests;

/// <summary>Members on the loopback, over real sockets.</summary>
public sealed class ClusterMemberTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_member_joins_is_cut_off_joins_again_and_leaves()
    {
        var first = Member("coordinator", keepsPort: true);
        var second = Member("node");
        await first.JoinItselfAsync();
        Assert.False(second.IsUp);
        second.Join([first.Address]);
        await UntilAsync(() => Up(first) == 2 && Up(second) == 2);
        Assert.True(first.IsUp && second.IsUp);

        var before = second.Address;
        first.Cluster.Down(before);
        Assert.Equal("cut off from the majority of the cluster", await second.Separated.WaitAsync(Patience));
        Assert.False(second.IsUp);
        Assert.Null(second.Refusal);
        await second.RestartAsync();
        Assert.NotEqual(before, second.Address);
        second.Join([first.Address]);
        await UntilAsync(() => Up(first) == 2 && Up(second) == 2);

        await second.LeaveAsync();
        await UntilAsync(() => Up(first) == 1);
        // Others know its address.
        before = first.Address;
        await first.RestartAsync();
        Assert.Equal(before, first.Address);
        Assert.False(first.Separated.IsCompleted);
        await first.LeaveAsync();
    }

    [Fact]
    public async Task With_a_certificate_of_another_authority_joining_again_would_not_help()
    {
        using var ours = new TestAuthority();
        using var other = new TestAuthority();
        var first = Member("coordinator", ours.Issue());
        var stranger = Member("node", other.Issue());
        await first.JoinItselfAsync();
        stranger.Join([first.Address]);
        Assert.Equal("a peer went away in the middle of a handshake", await stranger.Separated.WaitAsync(Patience));
        Assert.Contains(" is refused: ", stranger.Refusal);
        Assert.Equal(1, Up(first));
        await first.LeaveAsync();
    }

    private static ClusterMember Member(string role, TlsFiles? tls = null, bool keepsPort = false) =>
        new(new MemberOptions(role, RemotingSecurity.For(tls: tls), KeepsPort: keepsPort));

    private static int Up(ClusterMember member) => member.Cluster.State.Members.Count(m => m.Status == MemberStatus.Up);

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var waited = TimeSpan.Zero; !condition(); waited += TimeSpan.FromMilliseconds(50))
        {
            Assert.True(waited < Patience, "not in time");
            await Task.Delay(50);
        }
    }
}
