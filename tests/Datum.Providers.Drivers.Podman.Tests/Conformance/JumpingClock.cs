namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>The real clock, which can be put forward: a wait of an hour then takes as long as somebody is willing to wait. Timers run in real time.</summary>
internal sealed class JumpingClock : TimeProvider
{
    private long _ahead;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _ahead));

    public void Jump(TimeSpan ahead) => Interlocked.Add(ref _ahead, ahead.Ticks);
}
