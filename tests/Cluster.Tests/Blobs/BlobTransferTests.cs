using AlignProp.Messages;

namespace AlignProp.Clustering.Tests;

public class BlobTransferTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(BlobRef.ChunkBytes)]
    [InlineData(10 * BlobRef.ChunkBytes + 17)]
    public void A_blob_arrives_whole_whatever_the_order(int size)
    {
        var bytes = new byte[size];
        new Random(1).NextBytes(bytes);
        var blob = BlobRef.Of(bytes);
        var transfer = new BlobTransfer(blob);
        var requests = new Stack<FetchChunk>(transfer.Start());
        var served = 0;
        while (requests.TryPop(out var request))
        {
            Assert.True(requests.Count < BlobTransfer.Window);
            served++;
            if (transfer.Receive((BlobChunk)BlobTransfer.Answer(request, bytes)) is { } next)
            {
                requests.Push(next);
            }
        }
        Assert.True(transfer.IsComplete);
        Assert.Equal(blob.Chunks, served);
        Assert.Equal(bytes, transfer.Verified());
    }

    [Fact]
    public void Lost_chunks_are_asked_for_again()
    {
        var bytes = new byte[3 * BlobRef.ChunkBytes];
        var transfer = new BlobTransfer(BlobRef.Of(bytes));
        var lost = transfer.Start().ToList();
        Assert.Equal(lost, transfer.Retry());
    }

    [Fact]
    public void Foreign_and_ill_sized_chunks_are_ignored_and_a_lie_is_noticed()
    {
        var blob = BlobRef.Of(new byte[] { 1, 2, 3 });
        var transfer = new BlobTransfer(blob);
        Assert.Null(transfer.Receive(new BlobChunk(new("other"), 0, new byte[3])));
        Assert.Null(transfer.Receive(new BlobChunk(blob.Hash, 0, new byte[4])));
        Assert.Null(transfer.Receive(new BlobChunk(blob.Hash, 7, new byte[3])));
        Assert.False(transfer.IsComplete);
        transfer.Receive(new BlobChunk(blob.Hash, 0, new byte[] { 9, 9, 9 }));
        Assert.True(transfer.IsComplete);
        Assert.Null(transfer.Verified());
    }
}
