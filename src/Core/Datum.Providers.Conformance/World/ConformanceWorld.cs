namespace Datum.Providers.Conformance;

/// <summary>
/// What a driver's author hands over: the driver, a platform to run it against, and samples of wishes. The kit makes a new one for each case
/// (and kind), so that cases don't touch each other; it may stand for a simulator in memory or for a real platform. What more the world can do
/// (count objects, delete behind the driver's back) it shows by implementing interfaces of <c>WorldAbilities.cs</c>. Only <see cref="Factory"/>
/// is needed for the groups that need no platform.
/// </summary>
public abstract class ConformanceWorld : IAsyncDisposable
{
    /// <summary>The driver under test.</summary>
    public abstract IDriverFactory Factory { get; }

    /// <summary>What sessions are opened for. Default: no endpoint, no settings, installation <c>conf1</c>.</summary>
    public virtual Connection Connection => new() { Installation = "conf1" };

    /// <summary>The session's credentials by key. Each value of 8 or more bytes is watched for in every output.</summary>
    public virtual ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;

    /// <summary>The wire to the platform; the kit records and breaks requests on it. Null when the driver speaks no HTTP: fault cases are then not applicable. The world disposes it.</summary>
    public virtual HttpMessageHandler? Transport => null;

    /// <summary>The clock of driver and platform. Default: the system's.</summary>
    public virtual TimeProvider Time => TimeProvider.System;

    /// <summary>Lets time pass: a virtual world moves its clock, a real one waits. Default waits.</summary>
    public virtual async ValueTask PassAsync(TimeSpan time)
    {
        if (time > TimeSpan.Zero)
            await Task.Delay(time, Time);
    }

    /// <summary>How long a call may take, by <see cref="Time"/>. Default 30 seconds.</summary>
    public virtual TimeSpan CallTimeout => TimeSpan.FromSeconds(30);

    /// <summary>The same for calls in which a request is made to hang: short where time is real. Default 2 seconds.</summary>
    public virtual TimeSpan HangingCallTimeout => TimeSpan.FromSeconds(2);

    /// <summary>How long building or taking down one resource may take, by <see cref="Time"/>. Default one hour.</summary>
    public virtual TimeSpan BuildTimeout => TimeSpan.FromHours(1);

    /// <summary>
    /// At how many places a case that breaks requests or kills the host one by one may do so for each kind. Default: at all. For a platform whose
    /// objects take real time; the report says how many places were left out.
    /// </summary>
    public virtual int MostBreakPoints => int.MaxValue;

    /// <summary>Wishes of a kind; null when the world has none, which the kit counts as a defect of the world for every kind that the driver has.</summary>
    public virtual Sample? SampleOf(ResourceKind kind) => null;

    /// <summary>Config maps and secrets that samples name. Each value of a secret of 8 or more bytes is watched for in every output.</summary>
    public virtual ImmutableArray<PayloadContent> Payloads => [];

    /// <summary>Whether a request changes something. Default: by its method; override where the platform reads with POST.</summary>
    public virtual bool IsMutation(HttpRequestMessage request) =>
        request.Method != HttpMethod.Get && request.Method != HttpMethod.Head && request.Method != HttpMethod.Options;

    /// <summary>Called once before the case.</summary>
    public virtual ValueTask StartAsync() => ValueTask.CompletedTask;

    /// <summary>Takes everything away that the case left at the platform.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A config map or secret.</summary>
public sealed record PayloadContent
{
    /// <summary>The object's name.</summary>
    public required string Name { get; init; }

    /// <summary>True for a secret.</summary>
    public required bool Secret { get; init; }

    /// <summary>Keys and bytes.</summary>
    public required ImmutableDictionary<string, ReadOnlyMemory<byte>> Values { get; init; }
}
