using System.Threading.Channels;

namespace Datum.Providers.DevPlane;

/// <summary>A bounded feed of committed changes. One that falls behind is ended, as the real server ends a slow watch.</summary>
internal sealed class Watcher
{
    private readonly Channel<Change> channel;

    public Watcher(int capacity)
    {
        channel = Channel.CreateBounded<Change>(new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    }

    public ChannelReader<Change> Changes => channel.Reader;

    public bool Offer(Change change)
    {
        if (channel.Writer.TryWrite(change)) return true;
        channel.Writer.TryComplete();
        return false;
    }

    public void End() => channel.Writer.TryComplete();
}
