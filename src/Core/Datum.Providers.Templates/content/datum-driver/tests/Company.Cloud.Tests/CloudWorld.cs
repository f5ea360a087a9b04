using System.Text;
using Company_Cloud.StandIn;

namespace Company_Cloud.Tests;

/// <summary>
/// What the conformance kit runs the driver against: a stand-in of its own for each case, so that cases don't touch each other. For the real
/// platform, return its address and an account that nothing else uses, and keep only the abilities that it lets you have.
/// </summary>
public sealed partial class CloudWorld : ConformanceWorld
{
    private readonly ManualTime _time = new();
    private readonly StandInPlatform _platform;
    private readonly SocketsHttpHandler _wire = new() { AllowAutoRedirect = false };
    private StandInServer? _server;

    public CloudWorld() => _platform = new StandInPlatform(_time) { Token = _accepted };

    public override IDriverFactory Factory { get; } = new DriverFactory();

    public override Connection Connection => new() { Installation = "conf1", Endpoint = _server?.Address };

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials =>
        ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add(Descriptor.TokenKey, Encoding.UTF8.GetBytes(_accepted));

    public override HttpMessageHandler Transport => _wire;

    // Minutes of the platform's work pass in no time: driver and platform share this clock.
    public override TimeProvider Time => _time;

    public override ValueTask PassAsync(TimeSpan time)
    {
        _time.Advance(time);
        return ValueTask.CompletedTask;
    }

    public override Sample? SampleOf(ResourceKind kind) => Samples.Of(kind);

    public override async ValueTask StartAsync() => _server = await StandInServer.StartAsync(_platform, port: 0);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _wire.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    private sealed class ManualTime : TimeProvider
    {
        private DateTimeOffset _now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance(TimeSpan time) => _now += time;
    }
}
