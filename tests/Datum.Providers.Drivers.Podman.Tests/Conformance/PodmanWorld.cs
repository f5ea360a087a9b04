using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>
/// An installation of its own at a real Podman. Time is real, but waits are cut short and the clock is put forward by the rest: what was answered
/// is there at this platform, so nothing is gained by waiting for it.
/// </summary>
internal sealed partial class PodmanWorld : ConformanceWorld
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(150);

    private readonly PodmanSamples _samples;
    private readonly PodmanRanges _ranges;
    private readonly PodmanObjects _objects;
    private readonly SocketsHttpHandler _sockets;
    private readonly JumpingClock _clock = new();
    private readonly string _installation = "k" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5));
    private readonly string _socketPath;

    public PodmanWorld(PodmanHost podman)
    {
        _socketPath = podman.SocketPath;
        _ranges = new PodmanRanges(RandomNumberGenerator.GetBytes(4));
        _samples = new PodmanSamples(_ranges);
        _objects = new PodmanObjects(podman, _installation);
        _sockets = new SocketsHttpHandler { ConnectCallback = async (_, cancellation) => await DialAsync(cancellation) };
    }

    public override IDriverFactory Factory => new PodmanDriverFactory();

    public override Connection Connection => new()
    {
        Installation = _installation,
        Endpoint = new Uri("unix://" + _socketPath),
        AllowUnenforcedDiskSize = true,
    };

    public override HttpMessageHandler Transport => _sockets;

    public override TimeProvider Time => _clock;

    public override async ValueTask PassAsync(TimeSpan time)
    {
        var real = time < LongestWait ? time : LongestWait;
        if (real <= TimeSpan.Zero)
            return;
        await Task.Delay(real);
        _clock.Jump(time - real);
    }

    // Each object takes a good part of a second: all places of all cases would take an hour. DATUM_BREAK_POINTS gives that hour, or a part of it.
    public override int MostBreakPoints => int.TryParse(Environment.GetEnvironmentVariable("DATUM_BREAK_POINTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var most) ? most : 2;

    // What a pull leaves is layers in the image store, which nobody owns.
    public override bool IsMutation(HttpRequestMessage request) =>
        base.IsMutation(request) && request.RequestUri?.AbsolutePath.EndsWith("/images/pull", StringComparison.Ordinal) != true;

    public override ImmutableArray<PayloadContent> Payloads =>
    [
        new() { Name = "database", Secret = true, Values = Values(("password", "canary-4f7b1c+9/&=pässword"), ("user", "canary-user-81d2")) },
        new() { Name = "pull", Secret = true, Values = Values((".dockerconfigjson", """{"auths":{"r.test":{"auth":"canary-registry-5521"}}}""")) },
        new() { Name = "config", Secret = false, Values = Values(("app.ini", "greeting=hello")) },
    ];

    public override Sample? SampleOf(ResourceKind kind) => _samples.Of(kind);

    public override async ValueTask DisposeAsync()
    {
        await _objects.RemoveAllAsync();
        _sockets.Dispose();
        await base.DisposeAsync();
    }

    private async ValueTask<Stream> DialAsync(CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socketPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static ImmutableDictionary<string, ReadOnlyMemory<byte>> Values(params ReadOnlySpan<(string Key, string Text)> values)
    {
        var all = ImmutableDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (var (key, text) in values)
            all[key] = Encoding.UTF8.GetBytes(text);
        return all.ToImmutable();
    }
}
